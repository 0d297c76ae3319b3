"""Makes the model and its right values: an image that is normalized by channel and read by a padded convolution.

    python make.py    (with numpy, onnx and onnxruntime)
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(5)
constants = []


def constant(name, values):
    constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
    return name


mean = constant("mean", np.reshape([123.675, 116.28, 103.53], (1, 3, 1, 1)))
std = constant("std", np.reshape([58.395, 57.12, 5.7], (1, 3, 1, 1)))
kernel = constant("conv.weight", random.normal(0, 0.4, (6, 3, 3, 3)))
bias = constant("conv.bias", random.normal(0, 0.3, 6))
weight = constant("fc.weight", random.normal(0, 0.5, (4, 6)))
nodes = [
    helper.make_node("Sub", ["x", mean], ["centred"]),
    helper.make_node("Div", ["centred", std], ["normal"]),
    helper.make_node("Conv", ["normal", kernel, bias], ["sums"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["sums"], ["act"]),
    helper.make_node("GlobalAveragePool", ["act"], ["mean_of_act"]),
    helper.make_node("Flatten", ["mean_of_act"], ["flat"]),
    helper.make_node("Gemm", ["flat", weight], ["scores"], transB=1),
]
graph = helper.make_graph(
    nodes,
    "image_norm",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 5, 5])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4])],
    constants,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, "image_norm.onnx")

options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession("image_norm.onnx", options)
ranges = np.reshape([60, 60, 6], (1, 3, 1, 1))
centres = np.reshape([120, 110, 104], (1, 3, 1, 1))
rows = (random.normal(0, 1, (40, 3, 5, 5)) * ranges + centres).astype(np.float32)
outputs = [session.run(None, {"x": row[None]})[0][0] for row in rows]
with open("expected.json", "w") as file:
    rows = [row.flatten().tolist() for row in rows]
    json.dump({"input": rows, "output": [output.tolist() for output in outputs]}, file)
