from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import run


def test_the_parts_sum_to_the_score(model: Path) -> None:
    found = run("explain", model, "7", "110", "--json").json
    assert len(found["parts"]) == 14
    total = found["mean"] + found["item_bias"] + sum(part["contribution"] for part in found["parts"])
    assert total == pytest.approx(found["score"], abs=1e-5)


def test_table(integer_model: Path, movies: Path) -> None:
    answer = run(
        "explain", integer_model, "7", "110", "-n", 3, "--titles", movies, "--item-column", "movieId"
    )
    lines = answer.out.splitlines()
    assert lines[0] == "user 7, item 110 (Film 110)"
    assert lines[1].split() == ["item", "title", "value", "contribution"]
    assert lines[6].split()[:2] == ["11", "more"]
    assert lines[-1].startswith("score ")
    assert answer.code == 0


def test_without_titles_and_a_rest(model: Path) -> None:
    lines = run("explain", model, "7", "110", "-n", 99).out.splitlines()
    assert lines[0] == "user 7, item 110"
    assert "more" not in lines[-3]


def test_unknown_ids(model: Path, failing: Callable[..., str]) -> None:
    assert "unknown user '4711'" in failing("explain", model, "4711", "110")
    assert "unknown item '7'" in failing("explain", model, "7", "7")
