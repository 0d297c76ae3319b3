#!/usr/bin/env bash
# onnxruntime rounds a float bias of a quantized layer to a coarse grid, at the level "basic".
#
# What one would guess: basic optimizations keep what a model computes, up to the order of float additions. A bias that
#   is written as a float beside quantized inputs and weights, as Brevitas exports it, is added as a float.
# What is true: the transformation "weight bias quantization" turns such a bias into a 32-bit integer of scale
#   (input scale x weight scale), the format of integer kernels. With 4-bit weights and inputs that grid is coarse: here
#   0.125, so that biases of 0.06 and 0.44 become 0 and 0.5, and outputs move by 0.06, six steps of their own quantizer
#   (one of them ends at its bound of 1.27).
#   Only ORT_DISABLE_ALL computes what the operators say. The order of additions has no part in it.
# Since when: 1.21.0 (1.20.1 does not). In 1.21 also where the output stays a float; from 1.22 on only where it is
#   quantized.
# Why it matters: whoever takes outputs of onnxruntime with default options as the right values of a low-bit export
#   finds differences up to half of (input scale x weight scale) in a correct implementation.
#
# Needs Python 3.11 with venv, and PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q numpy==2.2.6 onnx==1.19.1 2>/dev/null
cat >probe.py <<'PYTHON'
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as n

def outputs(quantized):
    values = dict(xs=np.float32(0.5), xz=np.uint8(0), ws=np.float32(0.25), wz=np.int8(0), ys=np.float32(0.01),
                  yz=np.int8(0), w=np.array([[1, 2], [3, -4]], np.int8), b=np.array([0.06, 0.44], np.float32))
    last = "g" if quantized else "y"
    nodes = [
        h.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        h.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        h.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        h.make_node("Gemm", ["xd", "wd", "b"], [last], transB=1),
    ]
    if quantized:
        nodes += [h.make_node("QuantizeLinear", ["g", "ys", "yz"], ["yq"]),
                  h.make_node("DequantizeLinear", ["yq", "ys", "yz"], ["y"])]
    tensor = lambda name: h.make_tensor_value_info(name, T.FLOAT, [1, 2])
    graph = h.make_graph(nodes, "g", [tensor("x")], [tensor("y")],
                         [n.from_array(np.asarray(value), name) for name, value in values.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    x = np.array([[1.0, 2.0]], np.float32)
    levels = ort.GraphOptimizationLevel
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_BASIC):
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        options.log_severity_level = 3  # without warnings about initializers
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        yield [round(float(value), 4) for value in session.run(None, {"x": x})[0][0]]

exact = [1.25 + 0.06, -1.25 + 0.44]
print(ort.__version__, "exact", [round(value, 4) for value in exact],
      "| float output: all off, basic", *outputs(False), "| quantized output: all off, basic", *outputs(True))
PYTHON

check() { # version, what is expected behind "exact"
    v/bin/pip install -q "onnxruntime==$1" 2>/dev/null
    found=$(v/bin/python probe.py)
    echo "$found"
    [ "$found" = "$1 exact [1.31, -0.81] | $2" ] || { echo "this has changed" >&2; exit 1; }
}

right="all off, basic [1.31, -0.81] [1.31, -0.81]"
check 1.20.1 "float output: $right | quantized output: all off, basic [1.27, -0.81] [1.27, -0.81]"
check 1.21.1 "float output: all off, basic [1.31, -0.81] [1.25, -0.75] | quantized output: all off, basic [1.27, -0.81] [1.25, -0.75]"
check 1.23.2 "float output: $right | quantized output: all off, basic [1.27, -0.81] [1.25, -0.75]"
