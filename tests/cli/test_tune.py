"""``tastespace tune``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tastespace as ts
from tests.cli.conftest import READ, run

QUICK = ("--split", "random:0.2", "--model", "als", "--epochs", "4", "--trials", "4", "--metric", "rmse")
SPACE = ("--space", "factors=2,4", "--space", "regularization=0.01..1 log")


def test_finds_learns_and_measures(ratings: Path, tmp_path: Path) -> None:
    model, trials = tmp_path / "best.taste", tmp_path / "trials.log"
    answer = run("tune", ratings, *READ, *QUICK, *SPACE, "--storage", trials, "-o", model)
    assert answer.code == 0, answer
    assert "ALS tuned for rmse: 4 trials" in answer.out
    assert "on the test events" in answer.out
    assert "test side looked at" in answer.out
    assert str(model) in answer.out
    assert ts.load(model).factors in (2, 4)
    assert trials.exists()


def test_json(ratings: Path, tmp_path: Path) -> None:
    found = run("tune", ratings, *READ, *QUICK, *SPACE, "--json").json
    assert found["trainer"] == "ALS"
    assert set(found["chosen"]) == {"factors", "regularization", "epochs"}
    assert len(found["trials"]) == 4
    assert found["params"]["factors"] == found["chosen"]["factors"]
    assert found["metrics"]["rmse"] > 0
    assert found["model"] is None


def test_a_resumed_search_says_the_same(ratings: Path, tmp_path: Path) -> None:
    trials = tmp_path / "trials.log"
    arguments = ("tune", ratings, *READ, *QUICK, *SPACE, "--storage", trials, "--json")
    assert run(*arguments).json == run(*arguments).json


def test_words_and_multiples(ratings: Path) -> None:
    space = ("--space", "solver=pcg,cholesky", "--space", "biases=true", "--space", "frequency-scaling=0..1")
    found = run("tune", ratings, *READ, *QUICK, *space, "--json").json
    assert found["chosen"]["biases"] is True
    found = run("tune", ratings, *READ, *QUICK, "--space", "regularization=0.5..2 default", "--json").json
    assert found["chosen"]["regularization"] > 0
    found = run("tune", ratings, *READ, *QUICK, "--space", "init=none,svd", "--method", "grid", "--json").json
    assert len(found["trials"]) == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("factors", "is not NAME=VALUES"),
        ("factors=", "is not NAME=VALUES"),
        ("regularization=0.1..1 lig", "only 'log' or 'default' can stand"),
        ("regularization=a..1", "'a' is not a number"),
    ],
)
def test_a_space_that_cannot_be_read_is_2(ratings: Path, entry: str, message: str) -> None:
    answer = run("tune", ratings, *READ, *QUICK, "--space", entry)
    assert answer.code == 2
    assert message in " ".join(answer.err.replace("│", " ").split())


def test_errors_name_what_to_mend(ratings: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    answer = run("tune", ratings, *READ, *QUICK, "--space", "factor=2,4")
    assert answer.code == 1
    assert "error: ALS has no parameter 'factor'; did you mean 'factors'?" in answer.err
    lost = tmp_path / "no" / "x.taste"
    assert "there is no folder" in failing("tune", ratings, *READ, *QUICK, "-o", lost)
