#!/usr/bin/env python3
"""Makes the small ONNX files that the importer's tests read, with inputs and outputs.

Every network below is trained for a moment on random data with made-up labels (so that
weights, biases and BatchNorm statistics are far from trivial), and exported twice:

    NAME.onnx         torch.onnx.export(dynamo=False), opset 17 (the old exporter)
    NAME_dynamo.onnx  torch.onnx.export(dynamo=True), torch's default opset
    NAME.json         {"input": [8 flat inputs], "output": [8 flat outputs]}, the outputs
                      by onnxruntime from NAME.onnx, each input run as a batch of 1

All files of a network share its weights, hence NAME.json. PyTorch and onnxruntime must
agree within 1e-5 on every file. Also written: the state_dict of some networks as
NAME_state.npz and NAME_state.safetensors, two exports of cnn_bn that keep its BatchNorms,
and exports by Keras and Brevitas, where those are installed.

    python export.py --out FOLDER [--only NAME ...]

Needs torch, onnx, onnxruntime, onnxscript, safetensors, numpy; optional: keras; brevitas
with onnxoptimizer. Seeded: the same versions make the same files.
"""
import argparse
import collections
import json
import logging
import os
import pathlib
import time
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

onnxruntime.set_default_logger_severity(3)
OUT = pathlib.Path(".")
MODELS = {}  # name -> (a function that builds the network, its input, options)
IMAGE, FLAT, TOKENS = (1, 1, 8, 8), (1, 8, 8), (1, 12)


def add(name, shape, build, vocab=None, unit=False, **options):
    """shape: of one input with its batch axis; vocab: inputs are int64 tokens below it;
    unit: inputs in 0..1, else normal ones. Options: state: save the state_dict too;
    dynamic: {axis: name} of the input; legacy=False: only the dynamo exporter has a form;
    steps: of training; 0: build returns a trained network."""
    MODELS[name] = (build, dict(shape=shape, vocab=vocab, unit=unit), options)


class Net(nn.Module):
    """A network from named layers and a function (self, x) -> output."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.run = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.run(self, x)


def fn(f):
    return Net(lambda _, x: f(x))


# ---------------------------------------------------------------- the networks

def mlp(*tail):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 16), nn.Sigmoid(),
                         nn.Linear(16, 10), *tail)


add("mlp", FLAT, mlp, state=True)
add("dynamic_batch", FLAT, mlp, dynamic={0: "batch"})
add("dynamic_view", FLAT, lambda: Net(
    lambda m, x: m.fc2(F.relu(m.fc1(x.view(x.size(0), -1)))), fc1=nn.Linear(64, 12), fc2=nn.Linear(12, 4)),
    dynamic={0: "batch"})
add("dynamic_spatial", IMAGE, lambda: nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    dynamic={2: "height", 3: "width"})

add("softmax_tail", FLAT, lambda: nn.Sequential(*train(mlp(), FLAT), nn.Softmax(dim=1)), steps=0)
add("logsoftmax_tail", FLAT, lambda: nn.Sequential(*train(mlp(), FLAT), nn.LogSoftmax(dim=-1)), steps=0)
add("argmax_tail", FLAT, lambda: nn.Sequential(
    *train(mlp(), FLAT), fn(lambda x: x.argmax(dim=1))), steps=0)

# A Linear on three axes and one without bias: MatMul and Add, not Gemm.
add("linear_3d", (1, 4, 6), lambda: nn.Sequential(
    nn.Linear(6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(20, 8, bias=False), nn.Tanh(), nn.Linear(8, 3)))

add("cnn", IMAGE, lambda: nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2, padding=1),
    nn.LeakyReLU(0.1), nn.Flatten(), nn.Linear(24, 10)))
add("global_mean", IMAGE, lambda: Net(
    lambda m, x: m.fc(F.relu(m.conv(x)).mean((2, 3))), conv=nn.Conv2d(1, 6, 3, stride=2), fc=nn.Linear(6, 4)))
# BatchNorms after an activation, which no exporter can fold into the layer before, and Linear + BatchNorm1d.
add("bn_alone", IMAGE, lambda: nn.Sequential(
    nn.Conv2d(1, 3, 3), nn.ReLU(), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(108, 8), nn.BatchNorm1d(8),
    nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 4)))


def cnn_bn():
    def conv(i, o):
        return nn.Conv2d(i, o, 3, padding=1, bias=False)

    def forward(m, x):
        x = F.relu(m.bn1(m.conv1(x)))
        y = m.bn3(m.conv3(F.relu(m.bn2(m.conv2(x)))))
        x = m.down(F.relu(x + y))
        return m.fc(torch.flatten(m.pool(F.relu(m.bn4(m.conv4(x)))), 1))

    return Net(forward, conv1=conv(1, 6), bn1=nn.BatchNorm2d(6), conv2=conv(6, 6), bn2=nn.BatchNorm2d(6),
               conv3=conv(6, 6), bn3=nn.BatchNorm2d(6), down=nn.AvgPool2d(2), conv4=conv(6, 8),
               bn4=nn.BatchNorm2d(8), pool=nn.AdaptiveAvgPool2d(1), fc=nn.Linear(8, 10))


def depthwise():
    def forward(m, x):
        x = m.grouped(F.relu(m.point(m.depth(x))))
        x = F.relu(m.wide(F.pad(x, (2, 1, 1, 0))))
        return m.fc(torch.flatten(m.same(m.pool(x)), 1))

    return Net(forward, depth=nn.Conv2d(4, 4, 3, padding=1, groups=4), point=nn.Conv2d(4, 8, 1),
               grouped=nn.Conv2d(8, 8, (3, 1), padding=(2, 0), dilation=(2, 1), groups=2, bias=False),
               wide=nn.Conv2d(8, 4, (1, 3)), same=nn.Conv2d(4, 3, 2, padding="same"),
               pool=nn.AvgPool2d(3, 2, padding=1, count_include_pad=True), fc=nn.Linear(90, 6))


def preprocess():
    net = Net(lambda m, x: m.fc(torch.flatten(m.pool(F.relu(m.bn(m.conv((x - m.mean) / m.std)))), 1)),
              conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4), pool=nn.MaxPool2d(3, 3), fc=nn.Linear(16, 5))
    net.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
    net.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
    return net


add("cnn_bn", IMAGE, cnn_bn, state=True)
add("depthwise", (1, 4, 10, 9), depthwise, steps=200)
add("preprocess", (1, 3, 8, 8), preprocess, unit=True)


def text(reduce):
    return lambda: Net(lambda m, x: m.fc2(F.relu(m.fc1(reduce(m.embed(x), dim=1)))),
                       embed=nn.Embedding(40, 6), fc1=nn.Linear(6, 8), fc2=nn.Linear(8, 2))


add("text", TOKENS, text(torch.mean), vocab=40, state=True)
add("text_sum", TOKENS, text(torch.sum), vocab=40)
add("text_conv", TOKENS, lambda: Net(
    lambda m, x: m.fc(F.relu(m.conv(m.embed(x).transpose(1, 2))).amax(-1)),
    embed=nn.Embedding(40, 6), conv=nn.Conv1d(6, 8, 3), fc=nn.Linear(8, 3)), vocab=40)
add("text_conv_pool", TOKENS, lambda: Net(
    lambda m, x: m.fc(m.pool(F.relu(m.conv(m.embed(x).permute(0, 2, 1)))).squeeze(-1)),
    embed=nn.Embedding(40, 6), conv=nn.Conv1d(6, 8, 3, padding=1), pool=nn.AdaptiveMaxPool1d(1),
    fc=nn.Linear(8, 3)), vocab=40)


def beside(inputs, width, gain=1.0, tail=None, **kinds):
    """One Linear and one activation per kind, all from the same input, concatenated; gain
    times torch's first weights, to reach the bends of the activations."""
    net = Net(lambda m, x: m.tail(torch.cat([getattr(m, k)(x) for k in kinds], dim=1)), tail=tail or nn.Identity(),
              **{name: nn.Sequential(nn.Linear(inputs, width), act) for name, act in kinds.items()})
    with torch.no_grad():
        for name in kinds:
            getattr(net, name)[0].weight.mul_(gain)
    return net


add("branches", (1, 12), lambda: beside(
    12, 4, tail=nn.Linear(20, 5), tanh=nn.Tanh(), softplus=nn.Softplus(), mish=nn.Mish(), gelu=nn.GELU(), silu=nn.SiLU()))
add("mul", (1, 12), lambda: Net(
    lambda m, x: m.out(torch.sigmoid(m.gate(x)) * torch.tanh(m.value(x))),
    gate=nn.Linear(12, 8), value=nn.Linear(12, 8), out=nn.Linear(8, 4)))
# activations_*: the output is the concatenation, three numbers per activation in this order.
add("activations_a", (1, 6), lambda: beside(
    6, 3, 4.0, relu6=nn.ReLU6(), elu=nn.ELU(0.7), selu=nn.SELU(), celu=nn.CELU(1.3), gelu=nn.GELU(),
    gelu_tanh=nn.GELU(approximate="tanh"), hardsigmoid=nn.Hardsigmoid(), hardswish=nn.Hardswish(),
    hardtanh=nn.Hardtanh(-0.5, 1.5), leaky=nn.LeakyReLU(0.2), softplus2=nn.Softplus(beta=2.0), mish=nn.Mish(),
    silu=nn.SiLU()))
add("activations_b", (1, 6), lambda: beside(
    6, 3, 2.0, softsign=nn.Softsign(), prelu=nn.PReLU(3), prelu_shared=nn.PReLU(1), abs=fn(torch.abs),
    square=fn(lambda x: x * x), power=fn(lambda x: x ** 3), square2=fn(torch.square), exp=fn(torch.exp),
    sign=fn(torch.sign), neg=fn(lambda x: -x), sqrt=fn(lambda x: torch.sqrt(x.abs() + 0.1)),
    clamp_min=fn(lambda x: x.clamp(min=-0.3)), clamp_max=fn(lambda x: x.clamp(max=0.4)),
    where=fn(lambda x: torch.where(x > 0.25, x, -0.5 * x)), scaled=fn(lambda x: 0.5 * torch.tanh(2 * x) + 0.25)))
add("activations_c", (1, 6), lambda: beside(
    6, 3, 2.0, logsigmoid=nn.LogSigmoid(), tanhshrink=nn.Tanhshrink(), softshrink=nn.Softshrink(0.2),
    hardshrink=nn.Hardshrink(0.3), sin=fn(torch.sin), floor=fn(torch.floor), round=fn(torch.round),
    maximum=fn(lambda x: torch.maximum(x, -0.5 * x)), handmade_sigmoid=fn(lambda x: 1 / (1 + torch.exp(-x))),
    log=fn(lambda x: torch.log(1 + x * x))))
add("threshold", (1, 6), lambda: beside(
    6, 3, 2.0, threshold=nn.Threshold(0.1, -0.2), relu=nn.Threshold(0.0, 0.0)), legacy=False)


def unsupported():
    """LayerNorm, attention with a Softmax, an LSTM and a resize."""
    def forward(m, x):
        x = m.norm(x)
        score = torch.matmul(m.query(x), m.key(x).transpose(1, 2)) / 8 ** 0.5
        x, _ = m.lstm(torch.matmul(score.softmax(-1), m.value(x)))
        return m.fc(torch.flatten(m.resize(x.unsqueeze(1)), 1))

    return Net(forward, norm=nn.LayerNorm(8), query=nn.Linear(8, 8), key=nn.Linear(8, 8), value=nn.Linear(8, 8),
               lstm=nn.LSTM(8, 6, batch_first=True), fc=nn.Linear(12, 3),
               resize=nn.Upsample(scale_factor=0.5, mode="bilinear"))


add("unsupported", FLAT, unsupported)


# ------------------------------------------------- training, exporting, checking

def batch(n, shape, vocab=None, unit=False):
    size = (n, *shape[1:])
    if vocab:
        return torch.randint(vocab, size)
    return torch.rand(size) if unit else torch.randn(size)


def train(net, shape, vocab=None, unit=False, steps=60):
    """Some steps of Adam, in training mode, towards labels from a random matrix."""
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() == 1:  # biases and BatchNorms: off 0 and 1
                p.add_(0.1 * torch.randn_like(p))
        classes = net.train()(batch(2, shape, vocab, unit)).shape[1]
    teacher = torch.randn(vocab or int(np.prod(shape)), classes)
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        x = batch(32, shape, vocab, unit)
        labels = (teacher[x].sum(1) if vocab else x.flatten(1) @ teacher).argmax(1)
        opt.zero_grad()
        F.cross_entropy(net(x), labels).backward()
        opt.step()
    return net.eval()


def export(net, x, path, dynamo, dynamic=None, **options):
    names = dict(input_names=["input"], output_names=["output"])
    if dynamo:
        if dynamic:
            x = x.repeat(2 if 0 in dynamic else 1, *[1] * (x.dim() - 1))
            options["dynamic_shapes"] = ({axis: torch.export.Dim(name) for axis, name in dynamic.items()},)
        torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, verbose=False, **names, **options)
        strip(path)
    else:
        torch.onnx.export(net, (x,), path, dynamo=False, opset_version=17,
                          dynamic_axes={"input": dynamic} if dynamic else None, **names, **options)


def strip(path):
    """Takes out the dynamo exporter's stack traces, which hold paths of the machine that exports."""
    proto = onnx.load(path)
    for node in proto.graph.node:
        kept = [p for p in node.metadata_props if p.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(proto, path)


def run_torch(net, xs):
    with torch.no_grad():
        return np.stack([net(x).numpy().ravel() for x in xs])


def check(path, xs, want):
    """Returns onnxruntime's outputs, which must be those wanted."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    got = np.stack([session.run(None, {name: x.numpy()})[0].ravel() for x in xs])
    error = np.max(np.abs(got - want) / np.maximum(1, np.abs(want)))
    report(path, f"error {error:.1e}")
    assert error <= 1e-5, f"{path}: onnxruntime and torch differ by {error}"
    return got


def report(path, what):
    ops = collections.Counter(n.op_type for n in onnx.load(path).graph.node)
    print(f"  {path.name:28} {path.stat().st_size:6} B  {what}  " +
          " ".join(f"{k}:{v}" for k, v in sorted(ops.items())), flush=True)


def write_json(path, xs, ys):
    """Numbers in the fewest digits that give the same float32 back."""
    def row(v):
        v = np.asarray(v).ravel()
        return [int(a) if v.dtype.kind == "i" else float(str(np.float32(a))) for a in v]
    path.write_text(json.dumps({"input": [row(x) for x in xs], "output": [row(y) for y in ys]},
                               separators=(",", ":")) + "\n")


def make(name):
    build, data, options = MODELS[name]
    torch.manual_seed(sum(map(ord, name)))
    net = build()
    if options.get("steps", 60):
        train(net, **data, steps=options.get("steps", 60))
    net.eval()
    xs = list(batch(8, **data).split(1))
    want = run_torch(net, xs)
    outputs = []
    for dynamo in [False, True] if options.get("legacy", True) else [True]:
        path = OUT / (name + ("_dynamo" if dynamo else "") + ".onnx")
        export(net, xs[0], path, dynamo, options.get("dynamic"))
        outputs.append(check(path, xs, want))
    write_json(OUT / f"{name}.json", xs, outputs[0])
    if name == "cnn_bn":
        for file, dynamo, kept in [("cnn_bn_unfolded.onnx", False, dict(
                training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)),
                ("cnn_bn_unfolded_dynamo.onnx", True, dict(optimize=False))]:
            export(net, xs[0], OUT / file, dynamo, **kept)
            check(OUT / file, xs, want)
    if options.get("state"):
        save_file(net.state_dict(), OUT / f"{name}_state.safetensors")
        np.savez(OUT / f"{name}_state.npz", **{k: v.numpy() for k, v in net.state_dict().items()
                                               if v.dtype == torch.float32})


# ------------------------------------------------------- other packages' exports

def keras_model(name, shape, layers):
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(sum(map(ord, name)))
    net = keras.Sequential([keras.Input(shape), *layers(keras.layers)])
    net.compile("adam", "sparse_categorical_crossentropy")
    x = np.random.randn(256, *shape).astype(np.float32)
    net.fit(x, np.random.randint(0, 10, 256), epochs=8, verbose=0)
    path = OUT / f"{name}.onnx"
    net.export(str(path), format="onnx", verbose=False)
    xs = list(torch.from_numpy(np.random.randn(8, 1, *shape).astype(np.float32)))
    want = np.stack([net(x.numpy()).detach().numpy().ravel() for x in xs])
    write_json(OUT / f"{name}.json", xs, check(path, xs, want))


def keras_models():
    """NHWC inputs; the "same" padding of keras_strided is uneven."""
    keras_model("keras_mlp", (20,), lambda k: [
        k.Dense(24, activation="relu"), k.Dropout(0.2), k.Dense(16, activation="tanh"),
        k.Dense(10, activation="softmax")])
    keras_model("keras_cnn", (8, 8, 1), lambda k: [
        k.Conv2D(4, 3, padding="same", activation="relu"), k.BatchNormalization(), k.MaxPooling2D(2),
        k.Conv2D(6, 3, activation="elu"), k.Flatten(), k.Dense(10)])
    keras_model("keras_strided", (8, 8, 1), lambda k: [
        k.Conv2D(4, 3, strides=2, padding="same"), k.ReLU(), k.GlobalAveragePooling2D(), k.Dense(10)])


def qat():
    """Brevitas: 8-bit input, 3-bit weights (in the first layer a scale per channel), 4-bit
    activations; in QCDQ form (standard operators) and in QONNX form (Quant nodes)."""
    import brevitas.nn as qnn
    from brevitas.export import export_onnx_qcdq, export_qonnx
    from brevitas.quant import Int8WeightPerChannelFloat

    torch.manual_seed(3)
    net = nn.Sequential(nn.Flatten(), qnn.QuantIdentity(bit_width=8),
                        qnn.QuantLinear(64, 16, True, weight_bit_width=3, weight_quant=Int8WeightPerChannelFloat),
                        qnn.QuantReLU(bit_width=4), qnn.QuantLinear(16, 12, True, weight_bit_width=3),
                        qnn.QuantReLU(bit_width=4), qnn.QuantLinear(12, 10, True, weight_bit_width=3))
    train(net, FLAT, steps=150)
    xs = list(batch(8, FLAT).split(1))
    want = run_torch(net, xs)
    for name, run in [("qat", export_onnx_qcdq), ("qat_qonnx", export_qonnx)]:
        for dynamo in [False, True]:
            path = OUT / (name + ("_dynamo" if dynamo else "") + ".onnx")
            how = dict(opset_version=18, external_data=False) if dynamo else dict(opset_version=17)
            run(net, args=xs[0], export_path=str(path), dynamo=dynamo, input_names=["input"],
                output_names=["output"], verbose=False, **how)
            strip(path)
            if name == "qat":
                outputs = check(path, xs, want)
            else:
                report(path, "not run: onnxruntime has no Quant")
        write_json(OUT / f"{name}.json", xs, outputs)


EXTRA = {"keras": keras_models, "qat": qat}


def main():
    global OUT
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder to write into")
    parser.add_argument("--only", nargs="*", help=f"of: {' '.join([*MODELS, *EXTRA])}; default: all")
    args = parser.parse_args()
    OUT = args.out
    OUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name in args.only or [*MODELS, *EXTRA]:
        start = time.time()
        print(name, flush=True)
        try:
            EXTRA[name]() if name in EXTRA else make(name)
        except ImportError as e:
            print(f"  left out: {e}")
        print(f"  {time.time() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
