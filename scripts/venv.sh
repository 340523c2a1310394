#!/bin/sh
# Makes the virtual environment $1 with what builds the wheel; keeps one that works.
# $PYTHON names the interpreter to use; by default the first of python3, python3.14 .. python3.11 that is new enough.
set -eu

venv=$1

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "error: Python 3.11 or newer was not found (tried: ${PYTHON:-python3, python3.14 .. python3.11});" \
            "install it, or name one: make PYTHON=/path/to/python3" >&2
        exit 1
    fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "error: $python cannot make virtual environments: its venv module is incomplete;" \
            "on Debian and Ubuntu run 'apt install python$version-venv' as root, then make again" >&2
        exit 1
    fi
    echo "making the virtual environment $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet "pip>=25.1" # the first with --group
"$venv/bin/python" -m pip install --quiet --group build
