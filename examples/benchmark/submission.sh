#!/usr/bin/env bash
# Lays the programs out as a submission, in a checkout of the suite's repository `fhe-benchmarking/ml-inference`.
#
#     examples/benchmark/submission.sh SUITE
#
# The harness builds a submission by two scripts of its own, get_openfhe.sh and build_task.sh. They are replaced: the
# programs are built here, by cargo, and nothing is left to build there.
set -euo pipefail
suite=$(cd "${1:?the folder of the suite}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$suite/harness/run_submission.py" ] || { echo "error: $suite has no harness/run_submission.py" >&2; exit 2; }

cargo build --release --manifest-path "$here/Cargo.toml"
target=$(cargo metadata --no-deps --format-version 1 --manifest-path "$here/Cargo.toml" |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

rm -rf "$suite/submission"
mkdir -p "$suite/submission/build"
for program in "$here"/src/bin/*.rs; do
    cp "$target/release/$(basename "$program" .rs)" "$suite/submission/build/"
done
cp "$here/README.md" "$suite/submission/README.md"
for script in get_openfhe.sh build_task.sh; do
    printf '#!/bin/sh\n# fhe-nn is built by cargo before the harness runs\nexit 0\n' >"$suite/scripts/$script"
    chmod +x "$suite/scripts/$script"
done
echo "laid out in $suite/submission: run harness/run_submission.py there"
