"""Small models of windows of every form, with their outputs by onnxruntime without optimizations.

Needs onnx, onnxruntime and numpy: `python windows.py` writes `windows/NAME.onnx` and `windows/NAME.json`, and the
models that are to be refused as `windows/refused/NAME.onnx`.
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import unoptimized

FOLDER = pathlib.Path(__file__).parent / "windows"
OPSET = 20
random = np.random.default_rng(16)


class Model:
    """A chain of nodes behind `x`."""

    def __init__(self, shape):
        self.shape, self.nodes, self.constants, self.last = shape, [], [], "x"

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator, *constants, **attributes):
        inputs = [self.last] + [self.constant(values) for values in constants]
        self.last = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.last], name=self.last, **attributes))
        return self

    def conv(self, *shape, **attributes):
        kernel = (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        bias = random.normal(size=shape[0]).astype(np.float32)
        return self.node("Conv", kernel, bias, **attributes)

    def relu(self):
        return self.node("Relu")

    def bytes(self, output):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, output)
        graph = helper.make_graph(self.nodes, "windows", [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        return model.SerializeToString()

    def dense(self, outputs=3):
        """A flat row and a dense layer behind it, which tells the places apart."""
        values = unoptimized.run(self.bytes(None), [np.zeros(self.shape, np.float32)])[0].size
        weights = (random.normal(size=(values, outputs)) / np.sqrt(values)).astype(np.float32)
        self.node("Flatten")
        return self.node("Gemm", weights, np.zeros(outputs, np.float32))

    def save(self, name, rows=6):
        inputs = random.normal(size=(rows, *self.shape[1:])).astype(np.float32)
        outputs = [values.ravel() for values in unoptimized.run(self.bytes(None), [row[None] for row in inputs])]
        (FOLDER / f"{name}.onnx").write_bytes(self.bytes([1, outputs[0].size]))
        data = {
            "input": [[float(x) for x in row.ravel()] for row in inputs],
            "output": [[float(y) for y in row] for row in outputs],
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(data) + "\n")

    def refused(self, name):
        (FOLDER / "refused" / f"{name}.onnx").write_bytes(self.bytes(None))


def area():
    return Model([1, 2, 6, 7])


def line():
    return Model([1, 2, 9])


def pads(*sizes):
    return np.array(sizes, np.int64)


def main():
    (FOLDER / "refused").mkdir(parents=True, exist_ok=True)
    area().conv(3, 2, 2, 3, strides=[1, 2], pads=[0, 1, 1, 2], dilations=[3, 1]).relu().dense().save("conv_rectangle")
    area().conv(4, 1, 3, 1, group=2, pads=[2, 0, 0, 0]).relu().dense().save("conv_groups_near")
    area().conv(3, 2, 1, 1, pads=[1, 2, 0, 3]).relu().dense().save("conv_in_wide_padding")
    area().conv(3, 2, 4, 3, strides=[2, 3], auto_pad="SAME_UPPER").relu().dense().save("conv_same_upper")
    area().conv(3, 2, 4, 2, strides=[3, 2], auto_pad="SAME_LOWER").relu().dense().save("conv_same_lower")
    area().node("Pad", pads(0, 0, 0, 1, 0, 0, 2, 0)).conv(3, 2, 3, 3, strides=[2, 2]).relu().dense().save("pad_conv")
    line().conv(3, 2, 3, pads=[0, 2], strides=[2]).relu().dense().save("conv1d_far")
    line().conv(3, 2, 4, auto_pad="SAME_LOWER").relu().dense().save("conv1d_same_lower")
    line().conv(3, 2, 1).relu().node("MaxPool", kernel_shape=[2], strides=[2], ceil_mode=1).dense().save("max1d_ceil")

    def relu():
        return area().conv(2, 2, 1, 1).relu()

    rectangle = dict(kernel_shape=[2, 3], strides=[2, 2])
    relu().node("MaxPool", **rectangle).dense().save("max_rectangle")
    relu().node("MaxPool", **rectangle, pads=[1, 0, 0, 2], ceil_mode=1).dense().save("max_uneven_ceil")
    relu().node("MaxPool", kernel_shape=[2, 2], dilations=[3, 2], pads=[0, 1, 1, 0]).dense().save("max_dilated")
    relu().node("MaxPool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER").dense().save("max_same_upper")
    relu().node("MaxPool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER").dense().save("max_same_lower")
    # before the function that is not yet known when the maximum is met
    area().conv(2, 2, 1, 1).node("MaxPool", **rectangle, ceil_mode=1).relu().dense().save("max_before_relu")
    zeros = pads(0, 0, 1, 1, 0, 0, 0, 2)
    relu().node("Pad", zeros).node("MaxPool", kernel_shape=[3, 3], strides=[2, 2]).dense().save("max_of_zeros")
    for name, limits in [("clip", (0.0, 1.5)), ("high_clip", (0.25, 1.0))]:
        model = area().conv(2, 2, 1, 1).node("Clip", *(np.float32(limit) for limit in limits))
        model.node("Pad", zeros).node("MaxPool", kernel_shape=[3, 3]).dense().save(f"max_of_zeros_{name}")
    area().conv(2, 2, 1, 1).node("Sigmoid").node("Pad", zeros).node("MaxPool", kernel_shape=[3, 3]).dense().save(
        "max_of_zeros_sigmoid"
    )
    twice = relu().node("MaxPool", kernel_shape=[2, 2]).node("Pad", zeros)
    twice.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2]).dense().save("max_of_zeros_twice")
    relu().node("Pad", zeros, mode="edge").node("MaxPool", kernel_shape=[3, 3], strides=[2, 2]).dense().save("max_of_edges")
    area().conv(2, 2, 1, 1).node("Pad", zeros, mode="edge").node("MaxPool", kernel_shape=[3, 3]).dense().save(
        "max_of_edges_below_zero"
    )

    for counts in [0, 1]:
        for ceil in [0, 1]:
            name = f"average_{['excludes', 'includes'][counts]}{['', '_ceil'][ceil]}"
            # a window that ceil_mode adds begins at a value: onnxruntime and ONNX disagree about others
            padding = [[1, 1, 0, 2], [1, 0, 0, 1]][ceil]
            model = relu().node("AveragePool", **rectangle, pads=padding, count_include_pad=counts, ceil_mode=ceil)
            model.dense().save(name)
    relu().node("AveragePool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER").dense().save("average_same")
    line().conv(3, 2, 1).relu().node("AveragePool", kernel_shape=[4], strides=[3], ceil_mode=1).dense().save("average1d_ceil")
    # the line of a normalization, and a bias at padding that does not count
    normal = relu().node("Mul", np.array([[[0.5]], [[-2.0]]], np.float32)).node("Add", np.array([[[1.0]], [[0.25]]], np.float32))
    normal.node("AveragePool", **rectangle, pads=[1, 1, 0, 2]).dense().save("average_of_a_line")
    padded = relu().node("Add", np.float32(0.5)).node("Pad", zeros)
    padded.node("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]).dense().save("average_of_zeros")
    relu().node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]).node(
        "ReduceMean", np.array([2, 3], np.int64), keepdims=0
    ).dense().save("mean_of_averages")
    relu().node("AveragePool", kernel_shape=[8, 9], pads=[1, 1, 1, 1]).conv(3, 2, 1, 1).dense().save("average_of_all")
    for mode in ["edge", "reflect", "wrap"]:
        relu().node("Pad", zeros, mode=mode).dense().save(f"pad_{mode}_dense")
    # convolutions that are written as dense layers
    relu().node("Pad", zeros, mode="reflect").conv(2, 2, 3, 3).relu().dense().save("conv_of_reflections")
    relu().node("Pad", zeros, mode="edge").conv(2, 2, 3, 3).relu().dense().save("conv_of_edges")
    excludes = dict(**rectangle, pads=[1, 1, 0, 2])
    relu().node("AveragePool", **excludes).conv(2, 2, 1, 1).relu().dense().save("average_before_conv")
    relu().node("Add", np.float32(-0.5)).node("AveragePool", **excludes).relu().dense().save("average_before_relu")

    area().conv(2, 2, 1, 1).node("Pad", zeros).node("MaxPool", kernel_shape=[3, 3]).refused("max_of_zeros")
    relu().node("Add", np.float32(-0.5)).node("Pad", zeros).node("MaxPool", kernel_shape=[3, 3]).refused("max_of_zeros_shifted")
    relu().node("Pad", zeros, mode="edge").node("MaxPool", kernel_shape=[1, 1]).refused("max_of_edges_alone")
    relu().node("Pad", zeros).node("MaxPool", kernel_shape=[1, 1]).refused("max_of_zeros_alone")
    relu().node("ConvTranspose", np.ones((2, 2, 2, 2), np.float32)).refused("conv_transpose")
    relu().node("LpPool", kernel_shape=[2, 2]).refused("lp_pool")
    solid = Model([1, 1, 3, 3, 3])
    solid.conv(2, 1, 2, 2, 2).refused("conv3d")
    Model([1, 1, 3, 3, 3]).node("MaxPool", kernel_shape=[2, 2, 2]).refused("max3d")


main()
