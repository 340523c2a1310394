from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tastespace as ts
from tests.cli.conftest import READ, run


def test_agrees_with_the_library(model: Path) -> None:
    nearest = ts.load(model).similar_items(["110", "111"], n=4, metric="dot")
    assert run("similar", model, "110", "111", "-n", 4, "--metric", "dot", "--json").json == list(
        nearest.rows()
    )


def test_table(model: Path, movies: Path) -> None:
    answer = run("similar", model, "110", "-n", 3, "--titles", movies, "--item-column", "movieId")
    lines = answer.out.splitlines()
    assert lines[0] == "nearest to item 110 (Film 110)"
    assert lines[1].split() == ["rank", "neighbour", "title", "cosine"]
    assert len(lines) == 6


def test_users(integer_model: Path) -> None:
    rows = run("similar", integer_model, "7", "--users", "--json").json
    assert {row["user"] for row in rows} == {7}
    assert all(row["neighbour"] != 7 for row in rows)
    assert "nearest to user 7" in run("similar", integer_model, "7", "--users").out


def test_an_unknown_item(model: Path, failing: Callable[..., str]) -> None:
    assert "unknown item '7'" in failing("similar", model, "7")


def test_a_model_without_factors(ratings: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    path = tmp_path / "popular.taste"
    assert run("fit", ratings, *READ, "--model", "popularity", "-o", path).code == 0
    assert "learns no factors" in failing("similar", path, "110")


def test_weights_between_neighbours(ratings: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    path = tmp_path / "ease.taste"
    assert run("fit", ratings, *READ, "--model", "ease", "-o", path).code == 0
    expected = ts.load(path).similar_items("110", n=4)
    assert run("similar", path, "110", "-n", 4, "--json").json == list(expected.rows())
    assert run("similar", path, "110").out.splitlines()[1].split() == ["rank", "neighbour", "weight"]
    assert "leave out --metric" in failing("similar", path, "110", "--metric", "dot")
    assert "no users are similar" in failing("similar", path, "1", "--users")
    assert "holds no factors to export" in failing("export", path, "-o", tmp_path / "out")
    assert "factors" not in run("info", path, "--json").json["params"]
