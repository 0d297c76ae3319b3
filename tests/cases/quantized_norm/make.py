"""Makes the model and its right values: a quantized network that normalizes its input before it quantizes it.

    python make.py    (with numpy, onnx and onnxruntime)
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(3)
constants, nodes = [], []


def constant(name, values, dtype):
    constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
    return name


def quantized(name, x, scale, zero, dtype, lo, hi):
    """Quantizes values, to the levels from lo to hi."""
    scale, zero = constant(f"{name}.scale", scale, np.float32), constant(f"{name}.zero", zero, dtype)
    ends = [constant(f"{name}.lo", lo, dtype), constant(f"{name}.hi", hi, dtype)]
    nodes.append(helper.make_node("QuantizeLinear", [x, scale, zero], [f"{name}.q"]))
    nodes.append(helper.make_node("Clip", [f"{name}.q", *ends], [f"{name}.clipped"]))
    nodes.append(helper.make_node("DequantizeLinear", [f"{name}.clipped", scale, zero], [f"{name}.real"]))
    return f"{name}.real"


def dense(name, x, integers, scales, bias):
    """A layer whose integer weights have a scale for each output."""
    integers = constant(f"{name}.weight", integers, np.int8)
    scales = constant(f"{name}.scales", scales, np.float32)
    zeros = constant(f"{name}.zeros", np.zeros(len(bias)), np.int8)
    bias = constant(f"{name}.bias", bias, np.float32)
    nodes.append(helper.make_node("DequantizeLinear", [integers, scales, zeros], [f"{name}.reals"], axis=0))
    nodes.append(helper.make_node("Gemm", [x, f"{name}.reals", bias], [f"{name}.sums"], transB=1))
    return f"{name}.sums"


mean = constant("mean", [20.0, -3.0, 0.5, 1000.0, 7.0], np.float32)
std = constant("std", [8.0, 0.25, 0.0625, 128.0, 2.0], np.float32)
nodes.append(helper.make_node("Sub", ["x", mean], ["centred"]))
nodes.append(helper.make_node("Div", ["centred", std], ["normal"]))
x = quantized("input", "normal", 0.5, 0, np.int8, -8, 7)
x = dense("fc1", x, random.integers(-3, 4, (6, 5)), random.uniform(0.05, 0.2, 6), random.normal(0, 0.3, 6))
nodes.append(helper.make_node("Relu", [x], ["relu"]))
x = quantized("act", "relu", 0.2637, 0, np.uint8, 0, 7)
x = dense("fc2", x, random.integers(-3, 4, (4, 6)), random.uniform(0.05, 0.2, 4), random.normal(0, 0.3, 4))
graph = helper.make_graph(
    nodes,
    "quantized_norm",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5])],
    [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 4])],
    constants,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, "quantized_norm.onnx")

options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession("quantized_norm.onnx", options)
stds, means = (numpy_helper.to_array(next(c for c in constants if c.name == name)) for name in ("std", "mean"))
rows = (random.integers(-20, 18, (300, 5)) * 0.25 * stds + means).astype(np.float32)
outputs = [session.run(None, {"x": row[None]})[0][0] for row in rows]
with open("expected.json", "w") as file:
    json.dump({"input": rows.tolist(), "output": [output.tolist() for output in outputs]}, file)
