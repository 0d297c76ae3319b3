#!/usr/bin/env bash
# onnxruntime's quantize_static takes Relu out of the graph and leaves its cut to the range of a QuantizeLinear.
#
# What one would guess: the QDQ form of a model is the model with pairs of QuantizeLinear and DequantizeLinear around its
#   operators, so that without the pairs the float network is there again, ReLU and all.
# What is true: a Relu (or Clip) behind a Gemm, MatMul or Conv is removed where the zero point of its output is the lowest
#   integer, which is the default for uint8 and for int8: the quantizer saturates at zero, and that is the ReLU. What is
#   left are products and quantizers alone. With symmetric activations, whose zero point is 0, the Relu stays.
# Since when: 1.20.1 and 1.23.2 are the same in this.
# Why it matters: an importer that reads scales and zero points off the pairs and treats them as rounding otherwise has a
#   linear network, whose output is wrong without a word. Saturation has to be part of the float network, too.
#
# Needs Python 3.11 with venv, and PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q numpy==2.2.6 onnx==1.19.1 sympy==1.14.0 2>/dev/null
cat >probe.py <<'PYTHON'
import logging
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as n
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

logging.disable(logging.WARNING)
random = np.random.default_rng(1)
shapes = dict(w1=(8, 4), b1=(8,), w2=(3, 8), b2=(3,))
weights = [n.from_array(random.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()]
nodes = [
    h.make_node("Gemm", ["x", "w1", "b1"], ["sums"], transB=1),
    h.make_node("Relu", ["sums"], ["hidden"]),
    h.make_node("Gemm", ["hidden", "w2", "b2"], ["y"], transB=1),
]
tensor = lambda name, width: h.make_tensor_value_info(name, T.FLOAT, ["rows", width])
graph = h.make_graph(nodes, "g", [tensor("x", 4)], [tensor("y", 3)], weights)
onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), "floats.onnx")

class Rows(CalibrationDataReader):
    def __init__(self):
        self.rows = iter([{"x": random.normal(size=(64, 4)).astype(np.float32)}])

    def get_next(self):
        return next(self.rows, None)

told = []
for kind, symmetric in ((QuantType.QUInt8, False), (QuantType.QInt8, False), (QuantType.QInt8, True)):
    options = {"ActivationSymmetric": symmetric}
    quantize_static("floats.onnx", "quantized.onnx", Rows(), activation_type=kind, extra_options=options)
    graph = onnx.load("quantized.onnx").graph
    relus = sum(node.op_type == "Relu" for node in graph.node)
    zero = next(n.to_array(value).item() for value in graph.initializer if value.name == "hidden_zero_point")
    told.append(f"{kind}{' symmetric' if symmetric else ''}: {relus} Relu, zero point {zero}")
print(ort.__version__, "; ".join(told))
PYTHON

for version in 1.20.1 1.23.2; do
    v/bin/pip install -q "onnxruntime==$version" 2>/dev/null
    found=$(v/bin/python probe.py)
    echo "$found"
    expected="QUInt8: 0 Relu, zero point 0; QInt8: 0 Relu, zero point -128; QInt8 symmetric: 1 Relu, zero point 0"
    [ "$found" = "$version $expected" ] || { echo "this has changed" >&2; exit 1; }
done
