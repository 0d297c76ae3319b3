"""Models whose outputs are a function of the scores that a client computes, with onnxruntime's outputs.

    python3 outputs.py

It needs numpy, onnx, onnxruntime, scikit-learn and skl2onnx, and writes into the folder `outputs`.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from skl2onnx import to_onnx

import unoptimized

FOLDER = Path(__file__).parent / "outputs"
random = np.random.default_rng(7)


def save(name, model, rows, output=-1):
    """Writes a model, and the outputs of onnxruntime without optimizations: the output with an index."""
    onnx.checker.check_model(model)
    session = unoptimized.session(model)
    own = session.get_inputs()[0]
    outputs = []
    for row in rows:
        shape = [extent if isinstance(extent, int) else 1 for extent in own.shape]
        got = session.run(None, {own.name: row.reshape(shape).astype(np.float32)})[output]
        if isinstance(got, list):  # what ZipMap makes
            got = np.array([list(got[0].values())])
        outputs.append([float(x) for x in np.asarray(got).ravel()])
    onnx.save(model, FOLDER / f"{name}.onnx")
    data = {"input": [[float(x) for x in row.ravel()] for row in rows.astype(np.float32)], "output": outputs}
    (FOLDER / f"{name}.json").write_text(json.dumps(data))


def graph(name, nodes, shapes, constants, kind=TensorProto.FLOAT):
    (inputs, outputs) = shapes
    made = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info("y", kind, outputs)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def real(*shape):
    return random.normal(size=shape).astype(np.float32)


def convolution(behind, outputs, constants=None, kind=TensorProto.FLOAT):
    """Channels-last pixels through two convolutions, and nodes behind them."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "v", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "w", "e"], ["s"]),
        *behind,
    ]
    own = {"v": real(5, 2, 2, 2), "b": real(5), "w": real(3, 5, 1, 1), "e": real(3)}
    return graph("convolution", nodes, ([1, 4, 3, 2], outputs), own | (constants or {}), kind)


def movements():
    rows = real(8, 24)
    node = helper.make_node
    save("nhwc", convolution([node("Transpose", ["s"], ["y"], perm=[0, 2, 3, 1])], [1, 3, 2, 3]), rows)
    some = {"i": np.array([2, 0, 2], np.int64)}
    save("gathered", convolution([node("Gather", ["s", "i"], ["y"], axis=1)], [1, 3, 3, 2], some), rows)


def means():
    rows = real(8, 24)
    node = helper.make_node
    save("mean", convolution([node("GlobalAveragePool", ["s"], ["m"]), node("Flatten", ["m"], ["y"])], [1, 3]), rows)
    behind = [node("ReduceMean", ["s"], ["m"], axes=[1], keepdims=0), node("Mul", ["m", "k"], ["y"])]
    save("mean_of_channels", convolution(behind, [1, 3, 2], {"k": np.array(-2, np.float32)}), rows)
    behind = [node("ReduceSum", ["s", "i"], ["y"], keepdims=0)]
    save("sum", convolution(behind, [1, 3], {"i": np.array([2, 3], np.int64)}), rows)


def quantized():
    rows = real(8, 24)
    node = helper.make_node
    grid = {"q": np.array(0.05, np.float32), "z": np.array(117, np.uint8)}
    behind = [
        node("QuantizeLinear", ["s", "q", "z"], ["t"]),
        node("DequantizeLinear", ["t", "q", "z"], ["r"]),
        node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]),
    ]
    save("quantized", convolution(behind, [1, 3, 2, 3], grid), rows)
    behind = [node("QuantizeLinear", ["s", "q", "z"], ["y"])]
    save("levels", convolution(behind, [1, 3, 3, 2], grid, TensorProto.UINT8), rows)


def learned():
    """Models of scikit-learn on features of different sizes."""
    rows = (real(120, 4) * np.array([1, 10, 0.1, 3]) + np.array([0, 50, 1, -2])).astype(np.float32)
    scaled = (rows - rows.mean(0)) / rows.std(0)
    two = (scaled[:, 0] + scaled[:, 1] ** 2 > 0.5).astype(int)
    three = np.digitize(scaled[:, 0] - scaled[:, 2], [-0.7, 0.7])
    target = scaled @ np.array([1.0, 2.0, -1.0, 0.5]) + 3
    mlp = {"hidden_layer_sizes": (6,), "max_iter": 400, "random_state": 0}
    plain = {"zipmap": False}
    models = [
        ("mlp_binary", MLPClassifier(**mlp), scaled, two, plain),
        ("mlp_classes", MLPClassifier(**mlp), scaled, three, plain),
        ("mlp_zipmap", MLPClassifier(**mlp), scaled, three, None),
        ("mlp_names", MLPClassifier(**mlp), scaled, np.array(["few", "some", "many"])[three], None),
        ("mlp_regressor", MLPRegressor(**mlp), scaled, target, None),
        ("logistic_binary", LogisticRegression(), scaled, two, plain),
        ("logistic_classes", LogisticRegression(), scaled, three, None),
        ("linear_svc", LinearSVC(), scaled, three, None),
        ("linear", LinearRegression(), scaled, target, None),
        ("linear_targets", LinearRegression(), scaled, np.stack([target, 1 - target * 2], 1), None),
        ("ridge", Ridge(), scaled, target, None),
        ("standard", make_pipeline(StandardScaler(), MLPClassifier(**mlp)), rows, three, plain),
        ("minmax", make_pipeline(MinMaxScaler(), MLPRegressor(**mlp)), rows, target, None),
    ]
    for name, model, inputs, labels, options in models:
        inputs = inputs.astype(np.float32)
        model.fit(inputs, labels)
        last = model.steps[-1][1] if hasattr(model, "steps") else model
        options = {id(last): options} if options else None
        made = to_onnx(model, inputs[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        save(name, made, inputs[:16])


movements()
means()
quantized()
learned()
