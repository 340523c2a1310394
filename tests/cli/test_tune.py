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


def test_trials_are_printed_best_first(ratings: Path) -> None:
    for metric, best in (("rmse", min), ("ndcg@5", max)):
        answer = run("tune", ratings, *READ, *QUICK, *SPACE, "--metric", metric)
        assert answer.out.startswith("trials, best first:\n")
        lines = [line for line in answer.out.split("\n\n")[0].splitlines() if line.split()[0].isdecimal()]
        values = [float(line.split()[2]) for line in lines]
        assert values == sorted(values, reverse=best is max)
        numbers = [int(line.split()[0]) for line in lines]
        assert sorted(numbers) == [0, 1, 2, 3]
        assert f"best: trial {numbers[0]}, " in answer.out


def test_help_is_whole_at_80_columns() -> None:
    text = run("tune", "--help", env={"COLUMNS": "80"}).out
    assert "…" not in text
    said = " ".join(text.split())
    assert "--space factors=32,64,128 " in said
    assert '--space "regularization=0.001..0.1 log" ' in said
    assert '--space "regularization=0.1..10 default" ' in said


def test_a_search_is_for_one_metric(ratings: Path) -> None:
    answer = run("tune", ratings, *READ, *QUICK, "--metric", "ndcg,recall")
    assert answer.code == 2
    message = " ".join(answer.err.replace("│", " ").split())
    assert "'ndcg,recall' names several, and a search is for one; name that, such as ndcg@10" in message


def test_a_metric_that_tells_nothing_is_warned_of_once(ratings: Path) -> None:
    arguments = ("tune", ratings, *READ, *QUICK, *SPACE, "--metric", "hit_rate@30")
    answer = run(*arguments)
    assert "\nwarning: hit_rate@30 is 1 on the validation events for every trial" in answer.out
    assert "TastespaceWarning" not in answer.err
    assert run(*arguments, "--json").json["warnings"][0].startswith("hit_rate@30 is 1")


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
