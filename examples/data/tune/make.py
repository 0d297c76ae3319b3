"""Trains the networks of the examples `wine`, `handwriting` and `watch`, and a larger one, and writes them as ONNX.

    python -m venv venv && venv/bin/pip install numpy scikit-learn onnx
    venv/bin/pip install safetensors && venv/bin/pip install --no-deps seglearn==1.2.5
    venv/bin/python make.py

Of each data set there are DATA.rows.npz, with the rows that training and `tune` may see (arrays `input` and `label`),
and DATA.test.npz, with rows that neither of them sees. Data: "Wine" (S. Aeberhard, M. Forina) and "Optical
Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak), UCI Machine Learning Repository, as scikit-learn ships
them, under CC BY 4.0; and "Smartwatch" (D. M. Burns and others, arXiv 1802.01489), which comes with seglearn under the
3-clause BSD licence. Its windows go to ../watch.safetensors, from which the example `train` learns as well.
"""

import os
from importlib import metadata

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, nodes, tensors, shape, classes, external):
    """Writes a model; with `external`, its larger tensors go to NAME.onnx.data, as PyTorch writes by default."""
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in tensors.items()]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", classes])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    path = os.path.join(HERE, f"{name}.onnx")
    data = f"{name}.onnx.data"
    if external:
        if os.path.exists(os.path.join(HERE, data)):
            os.remove(os.path.join(HERE, data))
        onnx.save(model, path, save_as_external_data=True, location=data, size_threshold=256)
    else:
        onnx.save(model, path)


def rows(name, seen, test):
    for part, (x, y) in (("rows", seen), ("test", test)):
        np.savez_compressed(os.path.join(HERE, f"{name}.{part}.npz"), input=x, label=y.astype(np.int64))


def wine():
    """13-64-32-3, with the StandardScaler that the table needs: its features differ by a thousand times."""
    x, y = load_wine(return_X_y=True)
    x = x.astype(np.float32)
    seen, test, seen_y, test_y = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler().fit(seen)
    mlp = MLPClassifier((64, 32), max_iter=600, random_state=0, alpha=1e-2)
    mlp.fit(scaler.transform(seen), seen_y)
    print("wine", mlp.score(scaler.transform(test), test_y))
    nodes = [
        helper.make_node("Sub", ["input", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["x0"]),
    ]
    tensors = {"mean": scaler.mean_.astype(np.float32), "deviation": scaler.scale_.astype(np.float32)}
    for i, (w, b) in enumerate(zip(mlp.coefs_, mlp.intercepts_)):
        out = "output" if i == 2 else f"s{i}"
        tensors[f"fc{i + 1}.weight"], tensors[f"fc{i + 1}.bias"] = w.T.astype(np.float32), b.astype(np.float32)
        nodes.append(helper.make_node("Gemm", [f"x{i}", f"fc{i + 1}.weight", f"fc{i + 1}.bias"], [out], transB=1))
        if i < 2:
            nodes.append(helper.make_node("Relu", [out], [f"x{i + 1}"]))
    save("wine", nodes, tensors, [13], 3, external=False)
    rows("wine", (seen, seen_y), (test, test_y))


# A small trainer: layers with a forward and a backward pass.


class Linear:
    def __init__(self, rng, inputs, outputs):
        self.w = rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.w.T + self.b

    def backward(self, g):
        self.gw, self.gb = g.reshape(-1, g.shape[-1]).T @ self.x.reshape(-1, self.x.shape[-1]), g.reshape(-1, g.shape[-1]).sum(0)
        return g @ self.w


class Conv(Linear):
    """3 x 3, without padding or with one zero on each side; [n, channels, height, width]."""

    def __init__(self, rng, inputs, outputs, pad):
        super().__init__(rng, 9 * inputs, outputs)
        self.pad = pad

    def forward(self, x):
        p = self.pad
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.shape = x.shape
        n, c, h, w = x.shape
        taps = [x[:, :, i : h - 2 + i, j : w - 2 + j] for i in range(3) for j in range(3)]
        columns = np.stack(taps, 2).reshape(n, 9 * c, h - 2, w - 2).transpose(0, 2, 3, 1)
        return super().forward(columns).transpose(0, 3, 1, 2)

    def backward(self, g):
        n, c, h, w = self.shape
        columns = super().backward(g.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2).reshape(n, c, 9, h - 2, w - 2)
        x = np.zeros(self.shape)
        for k in range(9):
            i, j = divmod(k, 3)
            x[:, :, i : h - 2 + i, j : w - 2 + j] += columns[:, :, k]
        p = self.pad
        return x[:, :, p : h - p, p : w - p]


class Conv1d(Linear):
    """[n, channels, steps], without padding."""

    def __init__(self, rng, inputs, outputs, kernel, stride):
        super().__init__(rng, inputs * kernel, outputs)
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        windows = np.lib.stride_tricks.sliding_window_view(x, self.kernel, 2)[:, :, :: self.stride]
        n, c, steps, k = windows.shape
        return super().forward(windows.transpose(0, 2, 1, 3).reshape(n, steps, c * k)).transpose(0, 2, 1)

    def backward(self, g):
        # it is the first layer, and nothing learns from the gradient of the input
        super().backward(np.ascontiguousarray(g.transpose(0, 2, 1)))


class Mean:
    """The mean over all steps, [n, channels]."""

    def forward(self, x):
        self.steps = x.shape[2]
        return x.mean(2)

    def backward(self, g):
        return np.repeat(g[:, :, None], self.steps, 2) / self.steps


class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, g):
        return g * self.on


class MaxPool:
    def forward(self, x):
        n, c, h, w = x.shape
        self.cells = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
        self.best = self.cells.argmax(-1)
        return self.cells.max(-1)

    def backward(self, g):
        n, c, h, w = g.shape
        cells = np.zeros(self.cells.shape)
        np.put_along_axis(cells, self.best[..., None], g[..., None], -1)
        return cells.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)


class AvgPool:
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))

    def backward(self, g):
        return np.repeat(np.repeat(g, 2, 2), 2, 3) / 4


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, g):
        return g.reshape(self.shape)


def run(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def train(rng, layers, x, y, epochs, decay=1e-4, augment=lambda x: x):
    """Adam on the cross-entropy, with a rate that falls along a cosine."""
    learned = [layer for layer in layers if isinstance(layer, Linear)]
    moments = {(i, k): [0.0, 0.0] for i in range(len(learned)) for k in "wb"}
    step, batch = 0, 50
    steps = epochs * (len(x) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for at in range(0, len(x) - batch + 1, batch):
            chosen = order[at : at + batch]
            z = run(layers, augment(x[chosen]))
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(batch), y[chosen]] -= 1
            g = p / batch
            for layer in reversed(layers):
                g = layer.backward(g)
            step += 1
            rate = 3e-3 * (1 + np.cos(np.pi * step / steps)) / 2
            for i, layer in enumerate(learned):
                for k in "wb":
                    g, m = getattr(layer, "g" + k), moments[i, k]
                    m[0], m[1] = 0.9 * m[0] + 0.1 * g, 0.999 * m[1] + 0.001 * g * g
                    change = m[0] / (1 - 0.9**step) / (np.sqrt(m[1] / (1 - 0.999**step)) + 1e-8)
                    setattr(layer, k, getattr(layer, k) * (1 - rate * decay * 10) - rate * change)


def digits(name, layers_of, external):
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 1, 8, 8)
    seen, test, seen_y, test_y = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    rng = np.random.default_rng(0)
    layers = layers_of(rng)
    # the scale of the pixels goes into the first weights behind the training
    train(rng, layers, seen / 16, seen_y, 60)
    print(name, (run(layers, test / 16).argmax(1) == test_y).mean())
    layers[0].w /= 16
    nodes, tensors, value, index = [], {}, "input", 0
    for place, layer in enumerate(layers):
        out = "output" if place == len(layers) - 1 else f"/{place}"
        if isinstance(layer, Linear):
            index += 1
            field = ("conv" if isinstance(layer, Conv) else "fc") + str(index)
            weight = layer.w.reshape(len(layer.b), -1, 3, 3) if isinstance(layer, Conv) else layer.w
            tensors[f"{field}.weight"], tensors[f"{field}.bias"] = weight.astype(np.float32), layer.b.astype(np.float32)
            reads = [value, f"{field}.weight", f"{field}.bias"]
            if isinstance(layer, Conv):
                pads = [layer.pad] * 4
                node = helper.make_node("Conv", reads, [out], kernel_shape=[3, 3], pads=pads, strides=[1, 1])
            else:
                node = helper.make_node("Gemm", reads, [out], transB=1)
        elif isinstance(layer, Relu):
            node = helper.make_node("Relu", [value], [out])
        elif isinstance(layer, Flatten):
            node = helper.make_node("Flatten", [value], [out], axis=1)
        else:
            kind = "MaxPool" if isinstance(layer, MaxPool) else "AveragePool"
            node = helper.make_node(kind, [value], [out], kernel_shape=[2, 2], strides=[2, 2])
        nodes.append(node)
        value = out
    save(name, nodes, tensors, [1, 8, 8], 10, external)
    flat = lambda images: images.reshape(len(images), 64).astype(np.uint8)
    rows("digits", (flat(seen), seen_y), (flat(test), test_y))


EXERCISES = ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"]
# nothing of these persons takes part in training or tuning
UNSEEN = [8, 9, 10]
STEPS = 100


def watch():
    """Seven exercises of the shoulder in four seconds of a watch's accelerometer and gyroscope, 25 times a second."""
    file = metadata.distribution("seglearn").locate_file("seglearn/data/watch_dataset.npy")
    data = np.load(file, allow_pickle=True).item()
    assert list(data["y_labels"]) == EXERCISES
    x, y, person = [], [], []
    for series, label, who in zip(data["X"], data["y"], data["subject"]):
        # two seconds after the window before it; it was sampled 50 times a second
        for at in range(0, len(series) - 2 * STEPS + 1, STEPS):
            x.append(series[at : at + 2 * STEPS].reshape(STEPS, 2, 6).mean(1).T)
            y.append(label)
            person.append(who)
    x, y = np.array(x, np.float16).astype(np.float32), np.array(y)
    unseen = np.isin(person, UNSEEN)
    seen, seen_y, test, test_y = x[~unseen], y[~unseen], x[unseen], y[unseen]
    mean, deviation = seen.mean((0, 2))[:, None], seen.std((0, 2))[:, None]
    rng = np.random.default_rng(0)
    conv, fc = Conv1d(rng, 6, 12, 25, 5), Linear(rng, 12, 7)
    layers = [conv, Relu(), Mean(), fc]

    def augment(x):
        stretched = x * (1 + 0.1 * rng.normal(size=(len(x), 6, 1)))
        return stretched + 0.1 * rng.normal(size=(len(x), 6, 1)) + 0.1 * rng.normal(size=x.shape)

    train(rng, layers, (seen - mean) / deviation, seen_y, 60, 5e-3, augment)
    print("watch", (run(layers, (test - mean) / deviation).argmax(1) == test_y).mean())
    tensors = {"mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32)}
    tensors["conv.weight"] = conv.w.reshape(12, 6, 25).astype(np.float32)
    tensors["fc.weight"] = fc.w.astype(np.float32)
    for name, layer in (("conv", conv), ("fc", fc)):
        tensors[f"{name}.bias"] = layer.b.astype(np.float32)
    nodes = [
        helper.make_node("Sub", ["input", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["x"]),
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], kernel_shape=[25], strides=[5]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["output"], transB=1),
    ]
    save("watch", nodes, tensors, [6, STEPS], 7, external=False)
    parts = {}
    for part, (x, y) in (("seen", (seen, seen_y)), ("test", (test, test_y))):
        parts[f"{part}.input"] = x.reshape(len(x), 6 * STEPS).astype(np.float16)
        parts[f"{part}.label"] = y.astype(np.float16)
    # whose window it is, so that persons can be held out
    parts["seen.person"] = np.array(person)[~unseen].astype(np.float16)
    save_file(parts, os.path.join(HERE, "..", "watch.safetensors"))


if __name__ == "__main__":
    wine()
    watch()
    digits(
        "handwriting",
        lambda rng: [Conv(rng, 1, 8, 0), Relu(), MaxPool(), Flatten(), Linear(rng, 72, 10)],
        external=True,
    )
    digits(
        "deeper",
        lambda rng: [
            Conv(rng, 1, 12, 1),
            Relu(),
            AvgPool(),
            Conv(rng, 12, 24, 1),
            Relu(),
            AvgPool(),
            Flatten(),
            Linear(rng, 96, 64),
            Relu(),
            Linear(rng, 64, 10),
        ],
        external=False,
    )
