"""Writes the models of the case `quantizer_places`, and their outputs by onnxruntime with all optimizations off.

usage: python quantizer_places.py (with numpy, onnx and onnxruntime)
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import unoptimized

FOLDER = Path(__file__).parent.parent / "cases" / "quantizer_places"
random = np.random.default_rng(16)


class Builder:
    """Nodes of a chain, whose last result is `self.last`."""

    def __init__(self, shape):
        self.nodes, self.constants, self.last = [], [], "input"
        self.shape = shape

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def add(self, operator, *others, of=None, **attributes):
        name = f"{operator.lower()}_{len(self.nodes)}"
        inputs = [*(of or [self.last]), *others]
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        self.last = name
        return name

    def gemm(self, inputs, outputs, of=None):
        weights = random.normal(0, 1 / np.sqrt(inputs), (outputs, inputs))
        bias = random.normal(0, 0.3, outputs)
        return self.add(
            "Gemm", self.constant(weights), self.constant(bias), of=of, transB=1
        )

    def conv(self, channels, outputs):
        weights = random.normal(0, 0.4, (outputs, channels, 3, 3))
        bias = random.normal(0, 0.3, outputs)
        return self.add("Conv", self.constant(weights), self.constant(bias), pads=[1] * 4)

    def quantized(self, scale, zero_point, dtype, clip=None):
        scale, zero = self.constant(scale), self.constant(zero_point, dtype)
        self.add("QuantizeLinear", scale, zero)
        if clip:
            self.add("Clip", *(self.constant(end, dtype) for end in clip))
        return self.add("DequantizeLinear", scale, zero)

    def save(self, name, rows=64):
        self.nodes[-1].output[0] = "output"
        tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(
            self.nodes, name, [tensor("input", [1, *self.shape])], [tensor("output", [1, 4])], self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        onnx.save(model, FOLDER / f"{name}.onnx")
        inputs = random.normal(0, 1, (rows, 1, *self.shape)).round(4).astype(np.float32)
        outputs = unoptimized.run(model, inputs)
        lists = lambda values: [[round(float(x), 6) for x in row.ravel()] for row in values]
        data = {"input": lists(inputs), "output": lists(outputs)}
        (FOLDER / f"{name}.json").write_text(json.dumps(data))


# the quantizer behind a maximum is the ReLU before it
model = Builder([1, 6, 6])
model.conv(1, 3)
model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
model.quantized(0.02, 0, np.uint8, clip=(0, 127))
model.add("Flatten")
model.gemm(27, 4)
model.save("behind_max_pool")

# an average has a quantizer of another scale than its values
model = Builder([1, 6, 6])
model.conv(1, 3)
model.quantized(0.008, 0, np.uint8)
model.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
model.quantized(0.005, 0, np.uint8)
model.add("Flatten")
model.gemm(27, 4)
model.save("behind_average")

# a function that is no rectifier, and a range that leaves levels out
model = Builder([8])
before = model.gemm(8, 12)
model.add("Sigmoid")
model.add("Mul", of=[before, model.last])
model.quantized(0.01, 3, np.int8, clip=(-10, 90))
model.gemm(12, 4)
model.save("narrow_silu")

# branches of other scales and zero points are concatenated
model = Builder([8])
first = model.gemm(8, 6, of=["input"])
first = model.quantized(0.006, 0, np.uint8)
model.gemm(8, 6, of=["input"])
second = model.quantized(0.011, 20, np.int8)
model.add("Concat", of=[first, second], axis=1)
model.gemm(12, 4)
model.save("concatenated")

# a quantizer of the input that saturates, and one that is signed and saturates on both sides
model = Builder([8])
model.quantized(0.1, 0, np.int8, clip=(-8, 7))
model.gemm(8, 12)
model.quantized(0.1, 0, np.int8, clip=(-8, 7))
model.gemm(12, 4)
model.save("saturated_both")
