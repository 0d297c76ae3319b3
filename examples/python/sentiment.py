#!/usr/bin/env python3
"""Train the small sentiment classifier of the `sentiment` example.

    pip download --no-deps --no-binary :all: vaderSentiment==3.3.1
    python sentiment.py --source vaderSentiment-3.3.1.tar.gz   # (re)build sentiment.tsv, then train
    python sentiment.py                                        # train from sentiment.tsv

Data: the 4200 "tweet-like" texts that the VADER authors published with their
paper (MIT licence, see SENTIMENT.md). Each has a mean rating from -4 to +4 by
at least 20 people; texts rated between -0.5 and +0.5 are left out, and the
label is the sign of the rating (0 = negative, 1 = positive). Repeated texts and
those with the crudest words are left out too.

Files written next to this script:
    sentiment.tsv          label <TAB> split <TAB> text, one text a line, ASCII
    vocabulary.txt         line number (from 0) = token; 0 = <pad>, 1 = <unk>
    sentiment.safetensors  embedding.weight [V, DIM] (row 0 is zero), fc1.weight
                           [H, DIM], fc1.bias, fc2.weight [2, H], fc2.bias
    sentiment_reference.json   settings, figures, and eight test texts with their
                           tokens and logits

Model: logits = fc2(relu(fc1(sum over the T positions of embedding[token]))).

Tokens, a rule simple enough to be repeated in any language:
    lower-case the (ASCII) text; a word is a maximal run of [a-z0-9'], stripped
    of apostrophes at both ends; each "!" and each "?" is a word of its own;
    everything else separates. The first T words are kept, a shorter text is
    filled up with 0 at the end; a word outside the vocabulary is 1.
"""
import argparse
import collections
import html
import io
import json
import pathlib
import random
import re
import tarfile

import numpy as np
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
PAD, UNK = 0, 1
# Texts with these are left out of the data file.
CRUDE = re.compile(r"fuck|nigg|fagg|retard|cunt|whore|slut|bitch|rape[ds]?\b|rapist|pussy|\bdick\b", re.I)
WORD = re.compile(r"[a-z0-9']+|[!?]")


def words(text):
    found = (w.strip("'") for w in WORD.findall(text.lower()))
    return [w for w in found if w]


def encode(text, index, length):
    tokens = [index.get(w, UNK) for w in words(text)[:length]]
    return tokens + [PAD] * (length - len(tokens))


def clean(text):
    """Plain ASCII on one line, HTML entities resolved."""
    text = html.unescape(html.unescape(text))
    for a, b in (("\u2018", "'"), ("\u2019", "'"), ("\u201c", '"'), ("\u201d", '"'),
                 ("\u2026", "..."), ("\u2013", "-"), ("\u2014", "-")):
        text = text.replace(a, b)
    return " ".join(text.encode("ascii", "ignore").decode().split())


def build_tsv(source, path, threshold, seed):
    """Read the ratings out of the vaderSentiment sdist and write the TSV."""
    with tarfile.open(source) as outer:
        name = next(n for n in outer.getnames() if n.endswith("hutto_ICWSM_2014.tar.gz"))
        inner = tarfile.open(fileobj=io.BytesIO(outer.extractfile(name).read()))
    name = next(n for n in inner.getnames() if n.endswith("/tweets_GroundTruth.txt"))
    lines = inner.extractfile(name).read().decode("utf-8", "ignore").splitlines()
    rows, seen = [], set()
    for line in lines:
        _, rating, text = line.split("\t", 2)
        text, key = clean(text), tuple(words(clean(text)))
        if abs(float(rating)) < threshold or not key or key in seen or CRUDE.search(text):
            continue
        seen.add(key)
        rows.append((int(float(rating) > 0), text))
    # Stratified 70 / 10 / 20 split.
    rng, split = random.Random(seed), {}
    for label in (0, 1):
        ids = [i for i, row in enumerate(rows) if row[0] == label]
        rng.shuffle(ids)
        a, b = round(0.7 * len(ids)), round(0.8 * len(ids))
        split.update({i: "train" for i in ids[:a]})
        split.update({i: "validation" for i in ids[a:b]})
        split.update({i: "test" for i in ids[b:]})
    with open(path, "w") as out:
        for i, (label, text) in enumerate(rows):
            out.write(f"{label}\t{split[i]}\t{text}\n")


def load_tsv(path):
    rows = collections.defaultdict(list)
    for line in open(path):
        label, split, text = line.rstrip("\n").split("\t")
        rows[split].append((int(label), text))
    return rows


def vocabulary(train, size, rule):
    """`frequency`: the most frequent words of the training texts. `informative`:
    among the words in at least five training texts, those whose presence goes
    most clearly with one class (chi-square). Ties: alphabetical order."""
    count, positive = collections.Counter(), collections.Counter()
    total = collections.Counter()
    for label, text in train:
        total.update(words(text))
        for w in set(words(text)):
            count[w] += 1
            positive[w] += label
    n, p = len(train), sum(label for label, _ in train)

    def chi2(w):
        a, c = positive[w], count[w]
        observed = np.array([[a, c - a], [p - a, n - p - c + a]], float)
        expected = observed.sum(1, keepdims=True) * observed.sum(0, keepdims=True) / n
        return float(((observed - expected) ** 2 / expected).sum())

    if rule == "frequency":
        order = sorted(total, key=lambda w: (-total[w], w))
    else:
        order = sorted((w for w in count if count[w] >= 5), key=lambda w: (-chi2(w), w))
    return ["<pad>", "<unk>"] + order[: size - 2]


class Model(torch.nn.Module):
    def __init__(self, size, dim, hidden):
        super().__init__()
        self.embedding = torch.nn.Embedding(size, dim, padding_idx=PAD)
        self.fc1 = torch.nn.Linear(dim, hidden)
        self.fc2 = torch.nn.Linear(hidden, 2)
        with torch.no_grad():
            self.embedding.weight.normal_(0.0, 0.1)
            self.embedding.weight[PAD] = 0.0

    def forward(self, tokens):
        return self.fc2(torch.relu(self.fc1(self.embedding(tokens).sum(1))))


def scores(model, x, y):
    with torch.no_grad():
        out = model(x)
    guess = out.argmax(1)
    loss = torch.nn.functional.cross_entropy(out, y).item()
    balanced = np.mean([(guess[y == c] == c).float().mean().item() for c in (0, 1)])
    return loss, (guess == y).float().mean().item(), float(balanced)


def train(data, a, seed):
    torch.manual_seed(seed)
    x, y = data["train"]
    model = Model(a.vocabulary_size, a.dim, a.hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.rate, weight_decay=a.decay)
    best, state, since = float("inf"), None, 0
    for _ in range(a.epochs):
        order = torch.randperm(len(x))
        for batch in order.split(64):
            tokens = x[batch]
            # Word dropout: some words of a training text become unknown ones.
            drop = (torch.rand(tokens.shape) < a.dropout) & (tokens != PAD)
            tokens = torch.where(drop, torch.full_like(tokens, UNK), tokens)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(tokens), y[batch])
            loss.backward()
            optimizer.step()
        value = scores(model, *data["validation"])[0]
        if value < best - 1e-4:
            best, since = value, 0
            state = {k: v.clone() for k, v in model.state_dict().items()}
        else:
            since += 1
            if since >= 8:
                break
    model.load_state_dict(state)
    return model, best


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--source", help="vaderSentiment-3.3.1.tar.gz: rebuild sentiment.tsv from it")
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument("--vocabulary-size", type=int, default=256)
    p.add_argument("--vocabulary", choices=("frequency", "informative"), default="informative")
    p.add_argument("--length", type=int, default=24)
    p.add_argument("--dim", type=int, default=8)
    p.add_argument("--hidden", type=int, default=8)
    p.add_argument("--epochs", type=int, default=120)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--decay", type=float, default=0.05)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--restarts", type=int, default=5,
                   help="train this many times, keep the lowest validation loss")
    p.add_argument("--out", type=pathlib.Path, default=HERE)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    if a.source:
        build_tsv(a.source, HERE / "sentiment.tsv", a.threshold, seed=7)
    rows = load_tsv(HERE / "sentiment.tsv")
    vocab = vocabulary(rows["train"], a.vocabulary_size, a.vocabulary)
    a.vocabulary_size = len(vocab)
    index = {w: i for i, w in enumerate(vocab)}
    data = {s: (torch.tensor([encode(t, index, a.length) for _, t in r]),
                torch.tensor([label for label, _ in r])) for s, r in rows.items()}

    runs = [train(data, a, a.seed + i) for i in range(a.restarts)]
    tests = [round(scores(m, *data["test"])[1], 4) for m, _ in runs]
    model = min(runs, key=lambda run: run[1])[0]
    result = {k: v for k, v in vars(a).items() if k not in ("out", "source")}
    for s in ("train", "validation", "test"):
        loss, accuracy, balanced = scores(model, *data[s])
        result[s] = {"texts": len(rows[s]), "positive": sum(l for l, _ in rows[s]),
                     "loss": round(loss, 4), "accuracy": round(accuracy, 4),
                     "balanced": round(balanced, 4)}
    result["test_accuracy_of_every_restart"] = tests
    weights = model.embedding.weight
    result["embedding_abs_max"] = round(weights.abs().max().item(), 3)
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "vocabulary.txt").write_text("".join(w + "\n" for w in vocab))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()},
              a.out / "sentiment.safetensors")
    (a.out / "sentiment.safetensors").chmod(0o644)
    # Eight test texts with their tokens and logits, to check other implementations.
    with torch.no_grad():
        logits = model(data["test"][0][:8]).tolist()
    (a.out / "sentiment_reference.json").write_text(json.dumps({
        "length": a.length, "summary": result, "texts": [
            {"text": text, "label": label, "tokens": encode(text, index, a.length),
             "logits": [round(v, 6) for v in row]}
            for (label, text), row in zip(rows["test"], logits)]}, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
