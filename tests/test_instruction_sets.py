"""Every kernel is held to its twin under every instruction set that this machine can run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tastespace._native as _native

ROOT = Path(__file__).parents[1]
AVAILABLE, BEST = _native.instruction_sets()

#: The tests that compare kernels with slow twins.
KERNELS = (
    "tests/trainers",
    "tests/models/test_factor_model.py",
    "tests/models/test_neighbours.py",
    "tests/evaluation/test_auc.py",
)


def run(name: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TASTESPACE_SIMD": name}
    return subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, text=True, capture_output=True, check=False
    )


def test_the_best_is_used_unless_another_is_asked_for():
    asked = os.environ.get("TASTESPACE_SIMD", "")
    assert (asked if asked in AVAILABLE else AVAILABLE[-1]) == BEST
    assert AVAILABLE[0] == "portable"


@pytest.mark.parametrize("name", [name for name in AVAILABLE if name != BEST])
def test_kernels_equal_their_twins(name):
    used = run(name, "-c", "import tastespace._native as n; print(n.instruction_sets()[1])")
    assert used.stdout.strip() == name, used.stderr
    result = run(name, "-m", "pytest", "-q", "-p", "no:cacheprovider", *KERNELS)
    assert result.returncode == 0, result.stdout[-3000:]
