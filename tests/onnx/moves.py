"""Writes small models whose operators move or combine values, with inputs and onnxruntime's outputs: python moves.py OUT

Needs onnx 1.23.2, onnxruntime 1.32.0 and numpy. Seeded: the same versions make the same files.
"""
import json, pathlib, sys
import numpy as np, onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh
import unoptimized

OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(exist_ok=True, parents=True)


class Model:
    """Nodes behind a convolution or a dense layer with a ReLU, and a dense layer behind them."""

    def __init__(self, name, shape):
        self.name, self.shape, self.nodes, self.constants = name, shape, [], []
        self.random = np.random.default_rng(sum(map(ord, name)))
        self.count = 0

    def constant(self, values, kind=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(nh.from_array(np.asarray(values, dtype=kind), name))
        return name

    def weights(self, *shape):
        return self.constant(self.random.normal(0, 0.5, shape))

    def ints(self, values):
        return self.constant(values, np.int64)

    def node(self, operator, *inputs, **attributes):
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(h.make_node(operator, inputs, [name], name=f"n{self.count}", **attributes))
        return name

    def conv(self, x, inputs, outputs, kernel=(3, 3), **attributes):
        groups = attributes.get("group", 1)
        w = self.weights(outputs, inputs // groups, *kernel)
        return self.node("Conv", x, w, self.weights(outputs), kernel_shape=kernel, **attributes)

    def first(self, channels=4, **attributes):
        return self.node("Relu", self.conv("x", self.shape[1], channels, **attributes))

    def end(self, x, values, outputs=3):
        flat = self.node("Reshape", x, self.ints([1, values]))
        last = self.node("Gemm", flat, self.weights(outputs, values), self.weights(outputs), transB=1)
        self.nodes[-1].output[0] = "y"
        graph = h.make_graph(self.nodes, self.name, [h.make_tensor_value_info("x", T.FLOAT, self.shape)],
                             [h.make_tensor_value_info("y", T.FLOAT, [1, outputs])], self.constants)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model)
        inputs = [self.random.normal(0, 1, self.shape).astype(np.float32) for _ in range(8)]
        outputs = unoptimized.run(model, inputs)
        onnx.save(model, OUT / f"move_{self.name}.onnx")
        rows = {"input": [each.ravel().tolist() for each in inputs], "output": [each.ravel().tolist() for each in outputs]}
        (OUT / f"move_{self.name}.json").write_text(json.dumps(rows))


def gather_elements():
    m = Model("gather_elements", [1, 2, 5, 5])
    r = m.node("Reshape", m.first(), m.ints([4, 9]))
    m.end(m.node("GatherElements", r, m.ints([[0, -1, 4], [1, 2, 3], [8, 8, 8], [0, 0, 1]]), axis=1), 12)


def gather_nd():
    m = Model("gather_nd", [1, 2, 5, 5])
    r = m.node("Reshape", m.first(), m.ints([2, 2, 9]))
    m.end(m.node("GatherND", r, m.ints([[[0, 1], [1, -2]], [[1, 8], [0, 0]]]), batch_dims=1), 4)


def scatter_nd():
    m = Model("scatter_nd", [1, 2, 5, 5])
    r = m.node("Reshape", m.first(), m.ints([4, 9]))
    m.end(m.node("ScatterND", m.constant(np.zeros((6, 9))), m.ints([[5], [0], [2], [3]]), r), 54)


def scatter_elements():
    m = Model("scatter_elements", [1, 2, 5, 5])
    r = m.node("Reshape", m.first(), m.ints([4, 9]))
    m.end(m.node("ScatterElements", r, m.ints([[0, -1]]), m.constant(np.zeros((1, 2))), axis=1), 36)


def slice_steps():
    m = Model("slice_steps", [1, 2, 7, 7])
    s = m.node("Slice", m.first(), m.ints([-1, 0]), m.ints([-99, 99]), m.ints([2, 3]), m.ints([-2, 3]))
    m.end(m.node("Relu", m.conv(s, 4, 3, (2, 2))), 6)


def gate():
    m = Model("gate", [1, 2, 5, 6])
    r = m.first()
    g = m.node("Sigmoid", m.conv(m.node("GlobalAveragePool", r), 4, 4, (1, 1)))
    m.end(m.node("Mul", g, r), 48)


def gate_added():
    m = Model("gate_added", [1, 2, 5, 6])
    r = m.first()
    g = m.node("Tanh", m.conv(m.node("GlobalAveragePool", r), 4, 4, (1, 1)))
    m.end(m.node("Sub", r, g), 48)


def other_broadcast():
    # one number for each place, and not for each channel
    m = Model("other_broadcast", [1, 2, 5, 5])
    r = m.first()
    m.end(m.node("Add", r, m.node("Relu", m.conv(r, 4, 1, (1, 1)))), 36)


def places_before_relu():
    m = Model("places_before_relu", [1, 2, 5, 5])
    a = m.node("Add", m.conv("x", 2, 4), m.weights(1, 4, 3, 3))
    m.end(m.node("Relu", m.conv(m.node("Relu", a), 4, 3, (2, 2))), 12)


def places_behind_relu():
    m = Model("places_behind_relu", [1, 2, 5, 5])
    a = m.node("Mul", m.node("Add", m.first(), m.weights(3, 3)), m.weights(4, 1, 3))
    m.end(m.node("Relu", m.conv(a, 4, 3, (2, 2), pads=[1, 0, 0, 1])), 27)


def shuffled_groups():
    # channels of several groups in each new one
    m = Model("shuffled_groups", [1, 2, 5, 5])
    s = m.node("Reshape", m.node("Transpose", m.node("Reshape", m.first(), m.ints([1, 2, 2, 3, 3])), perm=[0, 2, 1, 3, 4]),
               m.ints([1, 4, 3, 3]))
    m.end(m.node("Relu", m.conv(s, 4, 4, (2, 2), group=2)), 16)


def swapped_groups():
    m = Model("swapped_groups", [1, 2, 5, 5])
    s = m.node("Gather", m.first(), m.ints([3, 2, 0, 1]), axis=1)
    c = m.node("Relu", m.conv(s, 4, 6, (2, 2), group=2, pads=[1, 1, 1, 1]))
    m.end(m.node("MaxPool", c, kernel_shape=[2, 2], strides=[2, 2]), 24)


def shuffled_pool():
    m = Model("shuffled_pool", [1, 2, 8, 8])
    s = m.node("Gather", m.first(), m.ints([3, 1, 3]), axis=1)
    p = m.node("MaxPool", s, kernel_shape=[2, 2], strides=[2, 2])
    m.end(m.node("AveragePool", m.node("Gather", p, m.ints([2, 0]), axis=1), kernel_shape=[3, 3], strides=[1, 1]), 2)


def column():
    m = Model("column", [1, 2, 12, 1])
    c = m.node("Relu", m.conv("x", 2, 4, (4, 1), strides=[2, 1], pads=[1, 0, 1, 0]))
    m.end(m.node("Relu", m.conv(c, 4, 3, (2, 1))), 15)


def cropped():
    m = Model("cropped", [1, 2, 7, 7])
    s = m.node("Slice", m.first(), m.ints([1, 0]), m.ints([4, 5]), m.ints([2, 3]))
    m.end(m.node("Relu", m.conv(s, 4, 3, (2, 2))), 24)


def widened():
    # the shortcut of a residual block in another form: a sum beside channels of zeros
    m = Model("widened", [1, 2, 6, 6])
    r = m.first()
    s = m.node("Slice", r, m.ints([0, 0]), m.ints([99, 99]), m.ints([2, 3]), m.ints([2, 2]))
    p = m.node("Pad", s, m.ints([0, 1, 0, 0, 0, 1, 0, 0]), "")
    m.end(m.node("Relu", m.node("Sub", p, m.conv(r, 4, 6, strides=[2, 2], pads=[1, 1, 1, 1]))), 24)


def turned():
    m = Model("turned", [1, 2, 5, 5])
    r = m.first()
    m.end(m.node("Mul", m.node("Transpose", r, perm=[0, 1, 3, 2]), m.node("Tanh", m.conv(r, 4, 4, (1, 1)))), 36)


def greatest_of_windows():
    m = Model("greatest_of_windows", [1, 2, 9, 9])
    t = m.node("Transpose", m.first(), perm=[2, 3, 0, 1])
    w = [[[[[i * 3 + a, j * 3 + b] for b in range(4)] for j in range(2)] for a in range(4)] for i in range(2)]
    g = m.node("Transpose", m.node("GatherND", t, m.ints(w)), perm=[4, 5, 0, 1, 2, 3])
    m.end(m.node("ReduceMax", g, m.ints([-3, -1]), keepdims=0), 16)


def rows_of_places():
    # a product for each row of values that have constants of their own
    m = Model("rows_of_places", [1, 2, 5, 5])
    r = m.node("Reshape", m.first(), m.ints([1, 6, 6]))
    p = m.node("MatMul", m.node("Add", r, m.weights(1, 6, 6)), m.weights(6, 4))
    m.end(m.node("Relu", p), 24)


def nested_if():
    m = Model("nested_if", [1, 2, 5, 5])
    r = m.first()
    zero = m.node("Equal", m.node("Size", r), m.ints(36))
    inner = [h.make_graph([h.make_node(o, [r], [f"{o}_inner"])], o, [], [h.make_tensor_value_info(f"{o}_inner", T.FLOAT, None)])
             for o in ("Neg", "Exp")]
    taken = h.make_graph([h.make_node("Not", [zero], ["not"]),
                          h.make_node("If", ["not"], ["chosen"], then_branch=inner[0], else_branch=inner[1])],
                         "taken", [], [h.make_tensor_value_info("chosen", T.FLOAT, None)])
    other = h.make_graph([h.make_node("Erf", [r], ["erf"])], "other", [], [h.make_tensor_value_info("erf", T.FLOAT, None)])
    m.end(m.node("If", zero, then_branch=taken, else_branch=other), 36)


for make in [gather_elements, gather_nd, scatter_nd, scatter_elements, slice_steps, gate, gate_added, other_broadcast,
             places_before_relu, places_behind_relu, shuffled_groups, swapped_groups, shuffled_pool, column, cropped,
             widened, turned, greatest_of_windows, rows_of_places, nested_if]:
    make()
