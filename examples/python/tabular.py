"""Breast cancer (Wisconsin, diagnostic): a table of 569 rows x 30 features, and a 30-16-2 ReLU network.

    python tabular.py [--out FOLDER] [--seed N]

Writes breast_cancer.csv and tabular.safetensors to FOLDER. The data is scikit-learn's copy of the UCI
set (Wolberg, Mangasarian, Street and Street 1995, doi:10.24432/C5DW2B, licence CC BY 4.0).

The CSV's features are standardised, (x - mean) / std, with the mean and the population standard
deviation of the *training rows* alone, and rounded to 4 decimals; the network is trained and measured on
exactly these rounded values. `label`: 0 malignant, 1 benign. `split`: train (426 rows) or test (143).
"""
import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HIDDEN, STEPS, RATE, DECAY = 16, 400, 5e-3, 5e-2


def table():
    """Standardised features, labels, and which rows are for the test."""
    data = load_breast_cancer()
    rows = np.arange(len(data.target))
    train, test = train_test_split(rows, test_size=0.25, random_state=1, stratify=data.target)
    mean, std = data.data[train].mean(0), data.data[train].std(0)
    features = np.round((data.data - mean) / std, 4)
    is_test = np.isin(rows, test)
    return features, data.target, is_test, [name.replace(" ", "_") for name in data.feature_names]


def fit(features, labels, seed):
    """A 30-16-2 network: AdamW on all rows at once, rate falling as a cosine."""
    torch.manual_seed(seed)
    x, y = torch.tensor(features, dtype=torch.float32), torch.tensor(labels).long()
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 2))
    adam = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return {f"fc{i}.{kind}": tensor.detach().numpy().astype(np.float32)
            for i, layer in ((1, net[0]), (2, net[2]))
            for kind, tensor in (("weight", layer.weight), ("bias", layer.bias))}


def accuracy(w, features, labels):
    """Independent of torch: the share of rows whose greater score is the label's."""
    hidden = np.maximum(features @ w["fc1.weight"].T + w["fc1.bias"], 0)
    scores = hidden @ w["fc2.weight"].T + w["fc2.bias"]
    return float((scores.argmax(1) == labels).mean())


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--out", type=Path, default=Path(__file__).parent)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    torch.set_num_threads(1)
    features, labels, is_test, names = table()
    weights = fit(features[~is_test], labels[~is_test], args.seed)
    with open(args.out / "breast_cancer.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*names, "label", "split"])
        for row, label, test in zip(features, labels, is_test):
            out.writerow([*(f"{value:.4f}" for value in row), label, "test" if test else "train"])
    save_file(weights, args.out / "tabular.safetensors")
    for name, part in (("train", ~is_test), ("test", is_test)):
        share = accuracy(weights, features[part], labels[part])
        print(f"{name}: {100 * share:.2f}% of {part.sum()} rows, float, argmax of two scores")


if __name__ == "__main__":
    main()
