#!/bin/sh
# Says plainly what is missing when there is no Rust toolchain, or one that is too old.
set -eu

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null 2>&1; then
    echo "error: cargo was not found; install Rust $needed or newer with rustup and run make again" >&2
    exit 1
fi
found=$(rustc --version | sed 's/^rustc \([0-9]*\.[0-9]*\).*/\1/')
if [ "${found%%.*}" -eq "${needed%%.*}" ] && [ "${found#*.}" -lt "${needed#*.}" ]; then
    echo "error: Rust $needed or newer is needed, found $found; run 'rustup update stable'" \
        "(a distribution's rustc may be too old: install rustup instead)" >&2
    exit 1
fi
