from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tastespace as ts
from tests.cli.conftest import READ, run


def test_json(model: Path) -> None:
    found = run("info", model, "--json").json
    assert found["trainer"] == "ALS"
    assert (found["users"], found["items"], found["factors"]) == (40, 30, 4)
    assert (found["user_ids"], found["scale"], found["history"]) == ("string", [1.0, 5.0], 560)
    assert found["params"]["epochs"] == 5
    assert found["version"] == ts.__version__


def test_table(integer_model: Path) -> None:
    answer = run("info", integer_model)
    assert answer.code == 0
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["trainer", "ALS"] in lines
    assert ["user_ids", "integer"] in lines
    assert ["params.factors", "4"] in lines
    assert ["scale", "1..5"] in lines
    assert ["data.events", "560"] in lines
    assert any(line[:2] == ["data.first_time", "2017-07-14"] for line in lines)
    assert not any(line[0] == "data.users" for line in lines)


def test_a_model_without_factors_or_history(ratings: Path, tmp_path: Path) -> None:
    path = tmp_path / "popular.taste"
    run("fit", ratings, *READ, "--model", "popularity", "--no-history", "-o", path)
    found = run("info", path, "--json").json
    assert (found["factors"], found["history"], found["scale"]) == (0, None, None)


def test_a_damaged_file(tmp_path: Path, failing: Callable[..., str]) -> None:
    path = tmp_path / "empty.taste"
    path.touch()
    assert "0 bytes" in failing("info", path)
