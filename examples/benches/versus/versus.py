#!/usr/bin/env python3
"""Compares this engine with that of commit 5d07ebb, on the same machine, in turns, on the same model files.

    examples/benches/versus/versus.py [--rounds 9]

Needs git with that commit, cargo, and Python's standard library. Both commits are compiled in `target/versus`. A round runs
every network once on each side, the sides in turns; a figure is the median of one side's rounds over that of the other. The
last line is one JSON object.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess

BEFORE = "5d07ebb"
ROOT = pathlib.Path(__file__).resolve().parents[3]
WORK = ROOT / "target" / "versus"
NETWORKS = ["digits", "digits_cnn", "tables_5", "tables_6", "tables_7", "tables_8"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    models = WORK / "models"
    models.mkdir(parents=True, exist_ok=True)
    sides = [Side("before", before(), models), Side("now", now(), models)]
    seconds = {name: [[], []] for name in NETWORKS}
    for _ in range(rounds):
        for name in NETWORKS:
            for side, of_side in zip(sides, seconds[name]):
                of_side.append(side.run(name))
    medians = {name: [statistics.median(of_side) for of_side in of] for name, of in seconds.items()}
    for name, (old, new) in medians.items():
        print(f"{name:12} {old:8.4f} s before, {new:8.4f} s now: {new / old:.3f}")
    ratios = {name: round(new / old, 3) for name, (old, new) in medians.items()}
    print(json.dumps({"ratio_vs_5d07ebb": ratios, "seconds": {n: round(s[1], 4) for n, s in medians.items()}, "rounds": rounds}))


class Side:
    """A running program that holds the networks of one commit."""

    def __init__(self, name, program, models):
        log = open(WORK / f"{name}.log", "w")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, models], stdin=pipe, stdout=pipe, stderr=log, text=True, cwd=ROOT)
        line = self.process.stdout.readline().strip()
        if line != "ready":
            raise SystemExit(f"error: {name} did not start: see {log.name}")

    def run(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def now():
    target = WORK / "now"
    build(ROOT, target, "-p", "fhe-nn-benches", "--example", "side")
    return target / "release" / "examples" / "side"


def before():
    """The program, compiled against the commit before, whose examples have the benches' dependencies."""
    tree, target = WORK / BEFORE, WORK / "before"
    if not tree.exists():
        subprocess.run(["git", "-C", ROOT, "worktree", "prune"], check=True)
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, BEFORE], check=True)
    examples = tree / "examples"
    shutil.copy(ROOT / "examples/benches/versus/side.rs", examples / "side.rs")
    manifest = (examples / "Cargo.toml").read_text()
    if '"side"' not in manifest:
        (examples / "Cargo.toml").write_text(manifest + '\n[[example]]\nname = "side"\npath = "side.rs"\n')
    build(tree, target, "-p", "fhe-nn-examples", "--example", "side", flags="--cfg before")
    return target / "release" / "examples" / "side"


def build(tree, target, *arguments, flags=""):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": flags}
    subprocess.run(["cargo", "build", "--release", *arguments], cwd=tree, env=environment, check=True)


if __name__ == "__main__":
    main()
