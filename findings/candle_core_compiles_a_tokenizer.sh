#!/usr/bin/env bash
# candle-core without any feature depends on tokenizers.
#
# What one would guess: a tensor library without features compiles tensors, and a text tokenizer is an optional
#   dependency of the crates for language models, such as candle-transformers.
# What is true: candle-core depends on tokenizers, with its regular expressions, on every target but wasm32, and no
#   feature turns it off. A program with candle-core alone has 92 crates with 0.9.2, 140 with 0.10.0, 156 with 0.11.1.
# Since when: 0.10.0.
# Why it matters: whoever takes candle for automatic differentiation alone compiles a tokenizer in every build from
#   nothing. It is among the longest steps of a test build. `default-features = false` does not help.
#
# Needs cargo and the registry. Counts are of the lines of `cargo tree` on Linux without duplicates; only whether
# tokenizers is there is checked, because counts change with the versions of other crates.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

check() { # package and version, whether tokenizers is expected
    rm -rf probe
    cargo new --quiet --vcs none probe 2>/dev/null
    cd probe
    cargo add --quiet "$1" --no-default-features 2>/dev/null
    tree=$(cargo tree --prefix none -e normal 2>/dev/null | sort -u)
    cd ..
    found=no
    if grep -q '^tokenizers ' <<<"$tree"; then found=yes; fi
    echo "$1: $(wc -l <<<"$tree") crates, tokenizers: $found"
    [ "$found" = "$2" ] || { echo "this has changed: expected $2" >&2; exit 1; }
}

check candle-core@=0.9.2 no
check candle-core@=0.10.0 yes
check candle-core@=0.11.1 yes
