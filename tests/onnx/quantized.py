"""Writes the small quantized models of tests/cases whose names begin with `q_`: seeded, with the outputs that
onnxruntime computes for them without optimizations, or that the operator's definition gives.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 ml_dtypes==0.6.0
    python quantized.py ../cases
"""

import json
import pathlib
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from unoptimized import run

ROOT = pathlib.Path(sys.argv[1])
F, MS = TensorProto.FLOAT, "com.microsoft"


def tensor(name, values):
    return numpy_helper.from_array(values, name)


def graph(name, nodes, shape, outputs, tensors, version=17, kind=F, domains=()):
    sets = [helper.make_opsetid("", version), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("out", F, [1, outputs])],
            tensors,
        ),
        opset_imports=sets,
    )
    model.ir_version = 10
    return model


def save(name, model, rows, outputs, about):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    flat = lambda arrays: [[float(f"{x:.8g}") for x in np.ravel(array)] for array in arrays]
    (folder / "expected.json").write_text(json.dumps({"input": flat(rows), "output": flat(outputs)}))
    (folder / "README.md").write_text(about + "\n")


class Rows(CalibrationDataReader):
    def __init__(self, name, rows):
        self.rows = iter([{name: row} for row in rows])

    def get_next(self):
        return next(self.rows, None)


def static(model, rows, **options):
    """What onnxruntime's quantizer makes of a model."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        onnx.save(model, folder / "float.onnx")
        quantize_static(folder / "float.onnx", folder / "quantized.onnx", Rows("x", rows), **options)
        return onnx.load(folder / "quantized.onnx")


def normal(random, *shape, scale=1.0):
    return (random.normal(size=shape) * scale).astype(np.float32)


def cnn(random):
    """Convolutions, a maximum, an average, a sum, side by side, and a product of matrices."""
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "k1", "b1"], ["c1"], name="conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        make("Relu", ["c1"], ["r1"], name="relu1"),
        make("MaxPool", ["r1"], ["m1"], name="pool1", kernel_shape=[2, 2], strides=[2, 2]),
        make("Conv", ["m1", "k2", "b2"], ["c2"], name="conv2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        make("Add", ["c2", "m1"], ["s1"], name="add"),
        make("LeakyRelu", ["s1"], ["r2"], name="leaky", alpha=0.1),
        make("Concat", ["r2", "m1"], ["t1"], name="concat", axis=1),
        make("GlobalAveragePool", ["t1"], ["g1"], name="mean"),
        make("Flatten", ["g1"], ["f1"], name="flatten"),
        make("MatMul", ["f1", "w3"], ["p3"], name="matmul"),
        make("Sigmoid", ["p3"], ["h3"], name="sigmoid"),
        make("Gemm", ["h3", "w4", "b4"], ["out"], name="gemm", transB=1),
    ]
    tensors = [
        tensor("k1", normal(random, 4, 1, 3, 3, scale=0.4)),
        tensor("b1", normal(random, 4, scale=0.2)),
        tensor("k2", normal(random, 4, 4, 3, 3, scale=0.25)),
        tensor("b2", normal(random, 4, scale=0.2)),
        tensor("w3", normal(random, 8, 6, scale=0.8)),
        tensor("w4", normal(random, 3, 6)),
        tensor("b4", normal(random, 3)),
    ]
    return graph("cnn", nodes, [1, 1, 8, 8], 3, tensors)


def qoperator():
    random = np.random.default_rng(16)
    model = cnn(random)
    rows = [normal(random, 1, 1, 8, 8) for _ in range(32)]
    for name, per_channel in [("q_operator", False), ("q_operator_channels", True)]:
        quantized = static(
            model,
            rows,
            quant_format=QuantFormat.QOperator,
            per_channel=per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        operators = sorted({node.op_type for node in quantized.graph.node})
        print(name, operators)
        save(
            name,
            quantized,
            rows[:8],
            run(quantized, rows[:8]),
            "onnxruntime `quantize_static(quant_format=QOperator"
            + (", per_channel=True" if per_channel else "")
            + f")` of a small CNN: {', '.join(operators)}. expected.json by onnxruntime. Right: as the same model in"
            " QDQ form, each operator of integers as that of reals between DequantizeLinear and QuantizeLinear.",
        )


def mlp_tensors(random):
    return normal(random, 6, 12, scale=0.5), normal(random, 6, scale=0.3), normal(random, 3, 6)


def qgemm():
    """What onnxruntime's optimizer makes of a QDQ `Gemm`: `QGemm`, whose last results are reals."""
    random = np.random.default_rng(17)
    weights, _, last = mlp_tensors(random)
    make = helper.make_node
    nodes = [
        make("QuantizeLinear", ["x", "sx", "zx"], ["xq"]),
        make("QGemm", ["xq", "sx", "zx", "w", "sw", "zw", "b", "sy", "zy"], ["y"], domain=MS, name="first",
             transB=1, alpha=1.0),
        make("QGemm", ["y", "sy", "zy", "v", "sv", "zv"], ["out"], domain=MS, name="last", transB=1, alpha=0.5),
    ]
    scale = np.abs(weights).max(axis=1) / 127
    tensors = [
        tensor("sx", np.float32(0.02)),
        tensor("zx", np.uint8(120)),
        tensor("w", np.round(weights / scale[:, None]).astype(np.int8)),
        tensor("sw", scale.astype(np.float32)),
        tensor("zw", np.zeros(6, np.int8)),
        tensor("b", random.integers(-3000, 3000, 6).astype(np.int32)),
        tensor("sy", np.float32(0.03)),
        tensor("zy", np.uint8(0)),
        tensor("v", np.round(last / np.abs(last).max() * 127).astype(np.int8)),
        tensor("sv", np.float32(np.abs(last).max() / 127)),
        tensor("zv", np.int8(0)),
    ]
    model = graph("qgemm", nodes, [1, 12], 3, tensors, domains=[MS])
    rows = [normal(random, 1, 12) for _ in range(16)]
    save("q_gemm", model, rows, run(model, rows),
         "`QGemm` of com.microsoft, once with 8-bit results whose zero point is the ReLU, once with reals and `alpha`;"
         " weights with a scale for each output. expected.json by onnxruntime. Right: as Gemm between DequantizeLinear"
         " and QuantizeLinear, `alpha` in the bias's scale.")


def integer_products():
    random = np.random.default_rng(18)
    make = helper.make_node
    nodes = [
        make("QuantizeLinear", ["x", "sx", "zx"], ["xq"]),
        make("ConvInteger", ["xq", "k", "zx"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        make("Cast", ["c"], ["cf"], to=F),
        make("Mul", ["cf", "sk"], ["cs"]),
        make("Relu", ["cs"], ["r"]),
        make("QuantizeLinear", ["r", "sr", "zr"], ["rq"]),
        make("Reshape", ["rq", "flat"], ["fq"]),
        make("MatMulInteger", ["fq", "w", "zr", "zw"], ["p"], name="product"),
        make("Cast", ["p"], ["pf"], to=F),
        make("Mul", ["pf", "sp"], ["out"]),
    ]
    tensors = [
        tensor("sx", np.float32(0.025)),
        tensor("zx", np.uint8(117)),
        tensor("k", random.integers(-100, 100, (3, 1, 3, 3)).astype(np.int8)),
        tensor("sk", np.float32(0.025 * 0.004)),
        tensor("sr", np.float32(0.01)),
        tensor("zr", np.uint8(0)),
        tensor("flat", np.array([1, 75], np.int64)),
        tensor("w", random.integers(0, 255, (75, 3)).astype(np.uint8)),
        tensor("zw", np.uint8(128)),
        tensor("sp", np.float32(0.01 * 0.01)),
    ]
    model = graph("integers", nodes, [1, 1, 5, 5], 3, tensors)
    rows = [normal(random, 1, 1, 5, 5) for _ in range(16)]
    save("q_integer_products", model, rows, run(model, rows),
         "`ConvInteger` and `MatMulInteger` of statically quantized values, with zero points of values and of weights,"
         " whose scales are a `Mul` behind; a Reshape of integers. expected.json by onnxruntime. Right: as products of"
         " the reals.")


def asymmetric_weights():
    random = np.random.default_rng(19)
    weights, bias, last = mlp_tensors(random)
    make = helper.make_node
    nodes = [
        make("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=0),
        make("Gemm", ["x", "wf", "b"], ["y"], transB=1),
        make("Relu", ["y"], ["r"]),
        make("Gemm", ["r", "v"], ["out"], transB=1),
    ]
    scale = ((weights.max(axis=1) - weights.min(axis=1)) / 255).astype(np.float32)
    zero = np.round(-weights.min(axis=1) / scale).astype(np.uint8)
    tensors = [
        tensor("w", np.clip(np.round(weights / scale[:, None]) + zero[:, None], 0, 255).astype(np.uint8)),
        tensor("sw", scale),
        tensor("zw", zero),
        tensor("b", bias),
        tensor("v", last),
    ]
    model = graph("asymmetric", nodes, [1, 12], 3, tensors)
    rows = [normal(random, 1, 12) for _ in range(32)]
    save("q_asymmetric_weights", model, rows, run(model, rows),
         "uint8 weights with a zero point for each output. expected.json by onnxruntime. Right: integers of 9 bits and"
         " a sign times the scale, kept: without their zero points they are integers as well.")


def blocks():
    random = np.random.default_rng(20)
    weights, bias, last = mlp_tensors(random)
    make = helper.make_node
    nodes = [
        make("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=1, block_size=4),
        make("Gemm", ["x", "wf", "b"], ["y"], transB=1),
        make("Relu", ["y"], ["r"]),
        make("Gemm", ["r", "v"], ["out"], transB=1),
    ]
    parts = weights.reshape(6, 3, 4)
    scale = np.abs(parts).max(axis=2) / 7
    whole = np.clip(np.round(parts / scale[:, :, None]) + 8, 0, 15).reshape(6, 12)
    tensors = [
        tensor("w", whole.astype(ml_dtypes.uint4)),
        tensor("sw", scale.astype(np.float32)),
        tensor("zw", np.full((6, 3), 8).astype(ml_dtypes.uint4)),
        tensor("b", bias),
        tensor("v", last),
    ]
    model = graph("blocks", nodes, [1, 12], 3, tensors, version=21)
    rows = [normal(random, 1, 12) for _ in range(32)]
    save("q_blocks", model, rows, run(model, rows),
         "UINT4 weights with a scale for each block of 4 inputs (opset 21). expected.json by onnxruntime. Right: the"
         " floats exactly; the language has one scale for each output, so the weights are quantized again, with a note.")


def half_weights():
    random = np.random.default_rng(21)
    weights, bias, last = mlp_tensors(random)
    make = helper.make_node
    nodes = [
        make("Cast", ["w"], ["wf"], to=F),
        make("Gemm", ["x", "wf", "b"], ["y"], transB=1),
        make("Relu", ["y"], ["r"]),
        make("Cast", ["v"], ["vh"], to=TensorProto.BFLOAT16),
        make("Cast", ["vh"], ["vf"], to=F),
        make("Gemm", ["r", "vf"], ["out"], transB=1),
    ]
    tensors = [
        tensor("w", weights.astype(np.float16)),
        tensor("b", bias),
        tensor("v", last.astype(np.float64)),
    ]
    model = graph("half", nodes, [1, 12], 3, tensors)
    rows = [normal(random, 1, 12) for _ in range(32)]
    save("q_half", model, rows, run(model, rows),
         "float16 weights, and weights of doubles that a Cast rounds to bfloat16. expected.json by onnxruntime. Right:"
         " these numbers, not those before they were rounded.")


def int8_input():
    """A full-integer model of images: an int8 input with a zero point, padding, a maximum of integers."""
    random = np.random.default_rng(22)
    make = helper.make_node
    nodes = [
        make("Transpose", ["x"], ["xt"], perm=[0, 3, 1, 2]),
        make("DequantizeLinear", ["xt", "sx", "zx"], ["xf"]),
        make("DequantizeLinear", ["k", "sk", "zk"], ["kf"], axis=0),
        make("Conv", ["xf", "kf"], ["c"], kernel_shape=[3, 3]),
        make("Relu", ["c"], ["r"]),
        make("QuantizeLinear", ["r", "sr", "zr"], ["rq"]),
        make("MaxPool", ["rq"], ["mq"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Concat", ["mq", "mq"], ["dq"], axis=1),
        make("Pad", ["dq", "pads", "zr"], ["pq"]),
        make("DequantizeLinear", ["pq", "sr", "zr"], ["p"]),
        make("Reshape", ["p", "flat"], ["f"]),
        make("Gemm", ["f", "v"], ["out"], transB=1),
    ]
    tensors = [
        tensor("sx", np.float32(0.0078)),
        tensor("zx", np.int8(-5)),
        tensor("k", random.integers(-127, 128, (2, 1, 3, 3)).astype(np.int8)),
        tensor("sk", np.array([0.01, 0.008], np.float32)),
        tensor("zk", np.zeros(2, np.int8)),
        tensor("sr", np.float32(0.02)),
        tensor("zr", np.int8(-128)),
        tensor("pads", np.array([0, 0, 1, 0, 0, 0, 0, 1], np.int64)),
        tensor("flat", np.array([1, 64], np.int64)),
        tensor("v", normal(random, 3, 64, scale=0.4)),
    ]
    model = graph("int8_input", nodes, [1, 8, 8, 1], 3, tensors, kind=TensorProto.INT8)
    rows = [random.integers(-128, 128, (1, 8, 8, 1)).astype(np.int8) for _ in range(16)]
    save("q_int8_input", model, rows, run(model, rows),
         "A graph whose input is int8 and channels last, with a zero point; MaxPool, Concat and Pad between"
         " QuantizeLinear and DequantizeLinear. expected.json by onnxruntime. Right: rows of the integers themselves,"
         " an input of 8 bits.")


def rounding_modes():
    """Weights of QONNX in every rounding mode, by the operator's definition."""
    random = np.random.default_rng(23)
    make = helper.make_node
    modes = {
        "ROUND": np.round,
        "FLOOR": np.floor,
        "CEIL": np.ceil,
        "ROUND_TO_ZERO": np.trunc,
        "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
        "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
        "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
    }
    nodes, tensors, outputs = [], [], []
    scale, zero, bits = np.float32(0.25), np.float32(0), np.float32(4)
    tensors += [tensor("s", scale), tensor("z", zero), tensor("bits", bits)]
    rows = [normal(random, 1, 8) for _ in range(32)]
    hidden = []
    for index, (mode, rounded) in enumerate(modes.items()):
        # halves are among them
        weights = (random.integers(-16, 17, (2, 8)) / 8 + random.integers(0, 2, (2, 8)) * 0.03).astype(np.float32)
        tensors.append(tensor(f"w{index}", weights))
        nodes += [
            make("Quant", [f"w{index}", "s", "z", "bits"], [f"q{index}"], domain="qonnx.custom_op.general",
                 signed=1, narrow=index % 2, rounding_mode=mode),
            make("Gemm", ["x", f"q{index}"], [f"y{index}"], transB=1),
            make("Relu", [f"y{index}"], [f"r{index}"]),
        ]
        whole = rounded(np.clip(weights / scale, -8 + index % 2, 7)) * scale
        hidden.append(np.maximum(np.concatenate(rows) @ whole.T, 0))
    nodes.append(make("Concat", [f"r{index}" for index in range(len(modes))], ["all"], axis=1))
    last = normal(random, 3, 2 * len(modes))
    tensors.append(tensor("v", last))
    nodes.append(make("Gemm", ["all", "v"], ["out"], transB=1))
    model = graph("modes", nodes, [1, 8], 3, tensors, domains=["qonnx.custom_op.general"])
    outputs = list((np.concatenate(hidden, axis=1) @ last.T))
    save("q_rounding_modes", model, rows, outputs,
         "QONNX `Quant` of weights in seven rounding modes, with halves among them. expected.json by the operators'"
         " definitions. Right: the weights of each mode.")


def rounded_activations():
    """Values of QONNX that are rounded in other ways than to the nearest, by the operator's definition."""
    random = np.random.default_rng(24)
    make = helper.make_node
    q = lambda source, to, bits, mode, signed: make(
        "Quant", [source, "s", "z", bits], [to], domain="qonnx.custom_op.general",
        signed=signed, narrow=0, rounding_mode=mode)
    nodes = [
        make("Quant", ["x", "s", "z", "b4"], ["xq"], domain="qonnx.custom_op.general",
             signed=1, narrow=0, rounding_mode="ROUND"),
        make("Gemm", ["xq", "g1"], ["y1"], transB=1),
        make("BatchNormalization", ["y1", "gain", "offset", "mean", "variance"], ["n1"], epsilon=0.0),
        make("Relu", ["n1"], ["r1"]),
        q("r1", "q1", "b3", "FLOOR", 0),
        make("Gemm", ["q1", "g2"], ["y2"], transB=1),
        q("y2", "q2", "b4", "CEIL", 1),
        make("Gemm", ["q2", "g3"], ["y3"], transB=1),
        make("Relu", ["y3"], ["r3"]),
        q("r3", "q3", "b3", "ROUND_TO_ZERO", 0),
        make("Gemm", ["q3", "g4"], ["out"], transB=1),
    ]
    nodes = [make("Quant", [f"w{i}", "quarter", "z", "b4"], [f"g{i}"], domain="qonnx.custom_op.general",
                  signed=1, narrow=1, rounding_mode="ROUND") for i in range(1, 5)] + nodes
    # the sums are multiples of a quarter of a step: many are on the grid
    weights = [(random.integers(-3, 4, shape) / 4).astype(np.float32) for shape in [(6, 8), (6, 6), (5, 6), (3, 5)]]
    gain = np.array([1, 0.5, 2, 1, 0.5, 1], np.float32)
    offset = (random.integers(-4, 5, 6) / 8).astype(np.float32)
    tensors = [tensor(f"w{index + 1}", each) for index, each in enumerate(weights)]
    tensors += [tensor("s", np.float32(0.5)), tensor("quarter", np.float32(0.25)), tensor("z", np.float32(0)), tensor("b3", np.float32(3)),
                tensor("b4", np.float32(4)), tensor("gain", gain), tensor("offset", offset),
                tensor("mean", np.zeros(6, np.float32)), tensor("variance", np.ones(6, np.float32))]
    model = graph("rounded", nodes, [1, 8], 3, tensors, domains=["qonnx.custom_op.general"])
    rows = [normal(random, 1, 8) for _ in range(64)]
    x = np.concatenate(rows)
    step = lambda x, lo, hi, rounded: rounded(np.clip(x / 0.5, lo, hi)) * 0.5
    x = step(x, -8, 7, np.round)
    x = step(np.maximum(x @ weights[0].T * gain + offset, 0), 0, 7, np.floor)
    x = step(x @ weights[1].T, -8, 7, np.ceil)
    x = step(np.maximum(x @ weights[2].T, 0), 0, 7, np.trunc)
    save("q_rounded_activations", model, rows, list(x @ weights[3].T),
         "QONNX `Quant` of values in the modes FLOOR (behind batch normalization and ReLU), CEIL (of sums) and"
         " ROUND_TO_ZERO (of values that are never negative); scales are powers of two, so that many values are on the"
         " grid. expected.json by the operators' definitions. Right: the same values, by tables that round to the"
         " nearest level of shifted sums.")


def refused():
    """Models that are refused, each for one node."""
    random = np.random.default_rng(25)
    folder = ROOT / "q_refused"
    folder.mkdir(exist_ok=True)
    make = helper.make_node
    weights, _, last = mlp_tensors(random)
    qonnx = "qonnx.custom_op.general"
    tensors = [
        tensor("w", weights),
        tensor("v", last),
        tensor("s", np.float32(0.25)),
        tensor("z", np.float32(0)),
        tensor("half", np.float32(0.5)),
        tensor("bits", np.float32(4)),
        tensor("few", np.float32(2)),
        tensor("scales", np.full(6, 0.25, np.float32)),
        tensor("zeros", np.zeros(6, np.uint8)),
        tensor("zero", np.uint8(0)),
        tensor("wide", np.float32(40)),
        tensor("f8", last.astype(ml_dtypes.float8_e4m3fn)),
    ]
    relu = [make("Gemm", ["x", "w"], ["y"], transB=1), make("Relu", ["y"], ["r"])]
    end = make("Gemm", ["q", "v"], ["out"], transB=1)
    quant = lambda source, bits="bits", zero="z", **given: make(
        "Quant", [source, "s", zero, bits], ["q"], domain=qonnx, narrow=0, **{"signed": 1, **given})
    first = lambda node: [node, make("Gemm", ["q", "w"], ["y"], transB=1), make("Gemm", ["y", "v"], ["out"], transB=1)]
    cases = {
        "dynamic": [*relu, make("DynamicQuantizeLinear", ["r"], ["i", "is", "iz"]),
                    make("DequantizeLinear", ["i", "is", "iz"], ["q"]), end],
        "trunc": [*relu, make("Trunc", ["r", "s", "z", "bits", "few"], ["q"], domain=qonnx), end],
        "signed_to_zero": [relu[0], quant("y", rounding_mode="ROUND_TO_ZERO"), end],
        "unknown_mode": [relu[0], quant("y", rounding_mode="STOCHASTIC"), end],
        "input_floor": first(quant("x", rounding_mode="FLOOR")),
        "moved_zero": [relu[0], quant("y", zero="half"), end],
        "wide": [relu[0], quant("y", bits="wide"), end],
        "scales": [*relu, make("QuantizeLinear", ["r", "scales", "zeros"], ["i"]),
                   make("DequantizeLinear", ["i", "scales", "zeros"], ["q"]), end],
        "not_integers": [*relu, make("DequantizeLinear", ["r", "s", "zero"], ["q"]), end],
        "arithmetic": [*relu, make("QuantizeLinear", ["r", "s", "zero"], ["i"]), make("Add", ["i", "zero"], ["j"]),
                       make("DequantizeLinear", ["j", "s", "zero"], ["q"]), end],
        "float8": [*relu, make("DequantizeLinear", ["f8", "s"], ["vf"]), make("Gemm", ["r", "vf"], ["out"], transB=1)],
    }
    for name, nodes in cases.items():
        used = {operand for node in nodes for operand in node.input}
        own = [each for each in tensors if each.name in used]
        onnx.save(graph(name, nodes, [1, 12], 3, own, version=19, domains=[qonnx]), folder / f"{name}.onnx")
    (folder / "README.md").write_text(
        "Quantized models that are refused: a scale that is found when the model runs, bits that are dropped, roundings"
        " that no table and no client has, scales for each value, arithmetic of integers, floats of 8 bits. Right: the"
        " node by its name, and why.\n")


qoperator()
refused()
qgemm()
integer_products()
asymmetric_weights()
blocks()
half_weights()
int8_input()
rounding_modes()
rounded_activations()
