"""Writes the cases whose inputs the client normalizes or quantizes by scales of its own, seeded, with the outputs of
onnxruntime without optimizations.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    python encoders.py ../cases
"""

import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import unoptimized

ROOT = pathlib.Path(sys.argv[1])


class Model:
    """Nodes behind `x`, with their constants by name."""

    def __init__(self, name, shape, seed):
        self.name, self.shape, self.nodes, self.constants = name, shape, [], []
        self.random = np.random.default_rng(seed)

    def constant(self, name, values, dtype=np.float32):
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def normalized(self, mean, std):
        """The input without its mean, in standard deviations."""
        mean, std = self.constant("mean", mean), self.constant("std", std)
        return self.node("Div", [self.node("Sub", ["x", mean], "centred"), std], "normal")

    def quantized(self, name, x, scale, zero, dtype, lo, hi):
        """Quantizes values, to the levels from lo to hi."""
        scale, zero = self.constant(f"{name}.scale", scale), self.constant(f"{name}.zero", zero, dtype)
        ends = [self.constant(f"{name}.lo", lo, dtype), self.constant(f"{name}.hi", hi, dtype)]
        integers = self.node("QuantizeLinear", [x, scale, zero], f"{name}.q")
        clipped = self.node("Clip", [integers, *ends], f"{name}.clipped")
        return self.node("DequantizeLinear", [clipped, scale, zero], f"{name}.real")

    def dense(self, name, x, outputs, inputs):
        """A layer whose integer weights have a scale for each output."""
        random = self.random
        integers = self.constant(f"{name}.weight", random.integers(-3, 4, (outputs, inputs)), np.int8)
        scales = self.constant(f"{name}.scales", random.uniform(0.05, 0.2, outputs))
        zeros = self.constant(f"{name}.zeros", np.zeros(outputs), np.int8)
        bias = self.constant(f"{name}.bias", random.normal(0, 0.3, outputs))
        reals = self.node("DequantizeLinear", [integers, scales, zeros], f"{name}.reals", axis=0)
        return self.node("Gemm", [x, reals, bias], f"{name}.sums", transB=1)

    def mlp(self, x):
        """Two layers of integer weights behind a quantized input."""
        x = self.node("Relu", [self.dense("fc1", x, 6, 5)], "relu")
        return self.dense("fc2", self.quantized("act", x, 0.2637, 0, np.uint8, 0, 7), 4, 6)

    def save(self, output, rows, name=None):
        tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        inputs, outputs = [tensor("x", self.shape)], [tensor(output, [1, 4])]
        graph = helper.make_graph(self.nodes, name or self.name, inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        folder = ROOT / self.name
        onnx.save(model, folder / f"{self.name}.onnx")
        rows = rows.astype(np.float32)
        outputs = unoptimized.run(model, [row[None] for row in rows])
        lists = lambda arrays: [np.ravel(array).tolist() for array in arrays]
        (folder / "expected.json").write_text(json.dumps({"input": lists(rows), "output": lists(outputs)}))


def quantized_norm():
    """Features that are normalized by powers of two before they are quantized."""
    m = Model("quantized_norm", [1, 5], 3)
    means, stds = [20.0, -3.0, 0.5, 1000.0, 7.0], [8.0, 0.25, 0.0625, 128.0, 2.0]
    x = m.mlp(m.quantized("input", m.normalized(means, stds), 0.5, 0, np.int8, -8, 7))
    m.save(x, m.random.integers(-20, 18, (300, 5)) * 0.25 * np.float32(stds) + np.float32(means))


def quantized_other_scales():
    """Scales that are not powers of two."""
    m = Model("quantized_other_scales", [1, 5], 3)
    x = m.mlp(m.quantized("input", "x", 0.4371, 0, np.int8, -8, 7))
    m.save(x, m.random.normal(0, 1.6, (300, 5)), "other_scales")


def image_norm():
    """An image that is normalized by channel and read by a padded convolution."""
    m = Model("image_norm", [1, 3, 5, 5], 5)
    by_channel = lambda values: np.reshape(values, (1, 3, 1, 1))
    normal = m.normalized(by_channel([123.675, 116.28, 103.53]), by_channel([58.395, 57.12, 5.7]))
    kernel = m.constant("conv.weight", m.random.normal(0, 0.4, (6, 3, 3, 3)))
    bias = m.constant("conv.bias", m.random.normal(0, 0.3, 6))
    weight = m.constant("fc.weight", m.random.normal(0, 0.5, (4, 6)))
    sums = m.node("Conv", [normal, kernel, bias], "sums", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    mean = m.node("GlobalAveragePool", [m.node("Relu", [sums], "act")], "mean_of_act")
    x = m.node("Gemm", [m.node("Flatten", [mean], "flat"), weight], "scores", transB=1)
    m.save(x, m.random.normal(0, 1, (40, 3, 5, 5)) * by_channel([60, 60, 6]) + by_channel([120, 110, 104]))


for case in (quantized_norm, quantized_other_scales, image_norm):
    case()
