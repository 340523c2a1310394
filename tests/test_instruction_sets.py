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


#: A ranked and a rated evaluation, every value by its bits.
EVALUATED = """
from tastespace.evaluation import Sampled, evaluate
from tests.evaluation.test_auc import factor_model, held_out
for coarse in (True, False):
    model, test = factor_model(7, 40, 120, 19, coarse=coarse), held_out(7, 40, 120)
    for more in ({"slices": 3}, {"candidates": Sampled(9)}, {"exclude_seen": False, "cold": "score"}):
        report = evaluate(model, test, k=[2, 10], metrics="all", **more)
        print({name: value.hex() for name, value in report.metrics.items()})
        print([value.hex() for value in report.per_user("auc")["value"].tolist()])
"""


def test_evaluation_has_the_same_bits_under_all():
    found = {name: run(name, "-c", EVALUATED) for name in AVAILABLE}
    values = found["portable"].stdout
    assert "diversity@10" in values, found["portable"].stderr
    for name, one in found.items():
        assert one.stdout == values, name
