#!/bin/sh
# Says plainly what a fresh machine lacks. Usage: check_tools.sh PYTHON
python=$1
fail() { echo "$1" >&2; exit 1; }

command -v "$python" >/dev/null || fail "make: no $python here; install Python 3.11 or newer, or say make PYTHON=/path/to/python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "make: $("$python" --version) is too old; tastespace needs Python 3.11 or newer (make PYTHON=...)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "make: $python has no venv module; on Debian and Ubuntu: apt install python3-venv"
command -v cargo >/dev/null || fail "make: no cargo here; install a Rust toolchain, 1.89 or newer (rustup.rs)"
