"""Trains a small convolutional `Wave` network on MNIST, as the exact integers it will compute.

    OMP_NUM_THREADS=1 python digits_cnn.py [--mnist FOLDER] [--out FILE.safetensors] [--seed N]

    input 28 x 28, 2 bits -> Conv2d(1, 32, 10 x 10, stride 4), ternary, modulo 2^5
                          -> Wave (3-bit levels, 4 phases) -> Dense(128 x 5 x 5, 10), 4 bits

Every rounding of the forward pass is the integer network's own; the backward pass takes each rounding
for the identity, and the wave for the triangle that its table approximates (period 2^A, height 1).

Written: FILE.safetensors, real weights whose quantization gives back the integers; FILE.npz, these
integers and the exact scores of the first 20 test images; FILE.float.safetensors, the same shape
trained in floating point with a ReLU (no phases there: 32 channels, not 128).

5,000 training images are held out, to choose by. How this network was chosen: DIGITS.md.
"""
import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

CHANNELS, KERNEL, STRIDE = 32, 10, 4
SIDE = (28 - KERNEL) // STRIDE + 1                  # positions per row and column, no padding
IN_BITS, A, OUT_BITS, PHASES, LAST_BITS = 2, 5, 3, 4, 4
IN_MAX, MODULUS, LEVEL, LAST_MAX = 2**IN_BITS - 1, 2**A, 2**OUT_BITS - 1, 2**(LAST_BITS - 1) - 1
EPOCHS, BATCH, RATE, DECAY, HELD_OUT = 24, 200, 4e-3, 0.1, 5000
TURN, SCALE, SHEAR, SHIFT = 0.12, 0.08, 0.10, 1.0   # augmentation, uniform in +-: radians, ratios, pixels


def wave_table():
    """The integers T[r], r = 0 .. 2^A - 1 (design.md, section 3)."""
    r = np.arange(MODULUS // 2)
    half = 2 * np.floor((1 - (2 * r + 1) / MODULUS) * LEVEL + 0.5).astype(np.int64) - LEVEL
    return np.concatenate([half, -half])


# ---- MNIST ----------------------------------------------------------------------------------------

def idx(path):
    """An array in MNIST's format."""
    data = gzip.open(path).read()
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def mnist(folder, split):
    """Pixels in [0, 1], n x 1 x 28 x 28, and labels."""
    images = idx(folder / f"{split}-images-idx3-ubyte.gz").astype(np.float32)[:, None] / 255
    return torch.from_numpy(images), torch.from_numpy(idx(folder / f"{split}-labels-idx1-ubyte.gz").astype(np.int64))


def augment(x):
    """Images slightly moved, turned, scaled and sheared; what comes in from outside is black."""
    def draw(amount):
        return (torch.rand(len(x)) * 2 - 1) * amount
    turn, shear, pixel = draw(TURN), draw(SHEAR), 2 / 28
    cos, sin, wide, high = turn.cos(), turn.sin(), 1 + draw(SCALE), 1 + draw(SCALE)
    rows = (torch.stack([wide * cos, wide * (shear - sin), draw(SHIFT) * pixel], 1),
            torch.stack([high * sin, high * cos, draw(SHIFT) * pixel], 1))
    return F.grid_sample(x, F.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False), align_corners=False)


# ---- the networks ---------------------------------------------------------------------------------

class Lookup(torch.autograd.Function):
    """Integer accumulators to the table's values of all phases, in a new last axis."""

    @staticmethod
    def forward(ctx, accumulators, table, slope):
        index = accumulators.to(torch.int32) & (MODULUS - 1)
        ctx.save_for_backward(index, slope)
        return F.embedding(index, table)

    @staticmethod
    def backward(ctx, grad):
        index, slope = ctx.saved_tensors
        return torch.einsum("...k,...k->...", grad, F.embedding(index, slope)), None, None


def straight_through(exact, rounded):
    """The rounded values; their gradient goes to the exact ones as if nothing had been rounded."""
    return rounded.detach() + (exact - exact.detach())


class WaveNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Parameter(torch.randn(CHANNELS, 1, KERNEL, KERNEL) * 0.35)
        self.phase = torch.nn.Parameter(torch.randn(CHANNELS) * 3)
        # order here: [channel, row, column, phase]
        count = CHANNELS * SIDE * SIDE * PHASES
        self.scores = torch.nn.Parameter(torch.randn(10, count) * 0.6 / count**0.5)
        self.bias = torch.nn.Parameter(torch.zeros(10))
        shift = np.arange(PHASES) * (MODULUS // 2 // PHASES)
        index = (np.arange(MODULUS)[:, None] + shift) % MODULUS
        slope = np.where(np.arange(MODULUS) < MODULUS // 2, -4 / MODULUS, 4 / MODULUS)
        self.table = torch.tensor(wave_table()[index] / LEVEL, dtype=torch.float32)
        self.slope = torch.tensor(slope[index], dtype=torch.float32)

    def integers(self):
        """Of the last layer: the weights, and the scale of each row."""
        scale = self.scores.abs().amax(1, keepdim=True) / LAST_MAX
        return (self.scores / scale).round().clamp(-LAST_MAX, LAST_MAX), scale

    def forward(self, images):
        q = torch.round(images * IN_MAX)
        weights = straight_through(self.conv, self.conv.round().clamp(-1, 1))
        phase = straight_through(self.phase, self.phase.round())
        values = Lookup.apply(F.conv2d(q, weights, phase, stride=STRIDE), self.table, self.slope)
        integers, scale = self.integers()
        return F.linear(values.flatten(1), straight_through(self.scores, integers * scale), self.bias)


class FloatNet(torch.nn.Module):
    """The same shape with ReLU, and nothing rounded."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, CHANNELS, KERNEL, STRIDE)
        self.scores = torch.nn.Linear(CHANNELS * SIDE * SIDE, 10)

    def forward(self, images):
        return self.scores(F.relu(self.conv(images)).flatten(1))


def right(net, images, labels):
    """Share of images that a network recognizes."""
    with torch.no_grad():
        guesses = torch.cat([net(part).argmax(1) for part in images.split(1000)])
    return (guesses == labels).float().mean().item()


def fit(name, net, images, labels, epochs):
    """Adam with one cycle of the learning rate."""
    steps = len(labels) // BATCH
    adam = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=epochs * steps, pct_start=0.3)
    for epoch in range(epochs):
        order = torch.randperm(len(labels))
        for chosen in order[:steps * BATCH].split(BATCH):
            loss = F.cross_entropy(net(augment(images[chosen])), labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
            cycle.step()
        print(f"{name}: epoch {epoch + 1} of {epochs}, loss {loss.item():.3f}", flush=True)

# ---- the integers, without torch ------------------------------------------------------------------

def integer_values(net, images):
    """Values of the Wave layer, n x (PHASES CHANNELS) x SIDE x SIDE, exactly as design.md has them."""
    q = np.clip(np.floor(images.astype(np.float64)[:, 0] * IN_MAX + 0.5).astype(np.int64), 0, IN_MAX)
    patches = np.lib.stride_tricks.sliding_window_view(q, (KERNEL, KERNEL), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    kernels = net["conv_weight"].reshape(CHANNELS, -1)
    acc = patches.reshape(len(q), SIDE * SIDE, -1) @ kernels.T + net["conv_phase"]
    acc = acc.transpose(0, 2, 1).reshape(-1, CHANNELS, SIDE, SIDE)
    table = wave_table()
    shifted = [table[(acc + q * (MODULUS // 2) // PHASES) % MODULUS] for q in range(PHASES)]
    return np.concatenate(shifted, axis=1)


def integer_scores(net, images):
    """The last accumulators, n x 10: what is decrypted."""
    parts = np.array_split(images, max(1, len(images) // 500))
    return np.concatenate([integer_values(net, p).reshape(len(p), -1) @ net["scores_weight"].T for p in parts])


def integer_accuracy(net, scores, labels):
    reals = scores * net["scores_scale"] + net["scores_bias"]
    return (reals.argmax(1) == labels).mean()


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--mnist", type=Path, default=Path("/work/shared/data/mnist"))
    args.add_argument("--calibration", type=Path, default=Path("/work/main/examples/data"))
    args.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".safetensors"))
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--epochs", type=int, default=EPOCHS)
    args = args.parse_args()
    torch.set_num_threads(1)

    images, labels = mnist(args.mnist, "train")
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(labels)))
    held, rest = order[:HELD_OUT], order[HELD_OUT:]
    test_images, test_labels = mnist(args.mnist, "t10k")

    torch.manual_seed(args.seed)
    start, wave = time.time(), WaveNet()
    fit("wave", wave, images[rest], labels[rest], args.epochs)
    seconds = time.time() - start
    torch.manual_seed(args.seed)
    floating = FloatNet()
    fit("float", floating, images[rest], labels[rest], args.epochs)

    # the integers; the order of a layer's values is [phase, channel, row, column]
    last, scale = (tensor.detach().double().numpy() for tensor in wave.integers())
    last = last.reshape(10, CHANNELS, SIDE, SIDE, PHASES).transpose(0, 4, 1, 2, 3).reshape(10, -1)
    net = {
        "conv_weight": wave.conv.detach().round().clamp(-1, 1).numpy().astype(np.int64),
        "conv_phase": np.mod(wave.phase.detach().round().numpy().astype(np.int64), MODULUS),
        "scores_weight": last.astype(np.int64),
        "scores_scale": scale[:, 0] / LEVEL,         # real value of one unit of a score
        "scores_bias": wave.bias.detach().double().numpy(),
    }
    # the quantizer folds values that never change over the calibration images into the bias: do the
    # same beforehand, and it finds these integers with the same images or any that include them
    samples = mnist(args.calibration, "calibration")[0].numpy()
    values = integer_values(net, samples).reshape(len(samples), -1)
    dead = values.min(0) == values.max(0)
    net["scores_bias"] += net["scores_scale"] * (net["scores_weight"][:, dead] @ values[0, dead])
    net["scores_weight"][:, dead] = 0

    test_scores = integer_scores(net, test_images.numpy())
    report = {
        "bootstraps": CHANNELS * SIDE * SIDE, "constant_values": int(dead.sum()), "seconds": round(seconds),
        "trained_test": right(wave, test_images, test_labels),
        "integer_validation": integer_accuracy(net, integer_scores(net, images[held].numpy()), labels[held].numpy()),
        "integer_test": integer_accuracy(net, test_scores, test_labels.numpy()),
        "float_validation": right(floating, images[held], labels[held]),
        "float_test": right(floating, test_images, test_labels),
        "score_range": [int(test_scores.min()), int(test_scores.max())],
        "greatest_2_norm": float(np.sqrt((net["scores_weight"]**2).sum(1)).max()),
        "greatest_row_integer": np.abs(net["scores_weight"]).max(1).tolist(),
        "nonzero_per_kernel": (net["conv_weight"] != 0).sum((1, 2, 3)).tolist(),
    }
    print(json.dumps(report, indent=1))

    unit = 4 / MODULUS
    reals = {
        "conv.weight": net["conv_weight"] * unit * IN_MAX,
        "conv.bias": net["conv_phase"] * unit,
        "scores.weight": net["scores_weight"] * scale,
        "scores.bias": net["scores_bias"],
    }
    save_file({name: np.ascontiguousarray(t, dtype=np.float32) for name, t in reals.items()}, args.out)
    save_file({name: t.numpy() for name, t in floating.state_dict().items()}, args.out.with_suffix(".float.safetensors"))
    np.savez_compressed(args.out.with_suffix(".npz"), **net, table=wave_table(),
                        test_scores=test_scores[:20], test_labels=test_labels[:20].numpy())


if __name__ == "__main__":
    main()
