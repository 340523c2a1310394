from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tastespace as ts
from tests.cli.conftest import READ, run

QUICK = ("--factors", 4, "--epochs", 3, "--threads", 1)


def test_a_trainer_on_a_split(ratings: Path) -> None:
    answer = run("evaluate", ratings, *READ, "--split", "last-out:2", *QUICK)
    assert answer.code == 0
    assert "ndcg" in answer.out
    assert "rmse" in answer.out
    assert "full ranking over" in answer.out
    assert "560 ratings" in answer.err


@pytest.mark.parametrize(
    "split",
    [
        "last-out",
        "leave-one-out",
        "random:0.3",
        "stratified",
        "stratified:0.3",
        "time:0.8",
        "time:2017-07-20",
        "users-out",
        "users-out:5",
        "items-out:0.2",
    ],
)
def test_every_split(ratings: Path, split: str) -> None:
    found = run("evaluate", ratings, *READ, "--split", split, "--model", "popularity", "--json").json
    assert 0 <= found["metrics"]["ndcg@10"] <= 1
    assert found["trainer"] == "Popularity"
    assert found["fit_seconds"] >= 0


def test_agrees_with_the_library(ratings: Path) -> None:
    events = ts.read(ratings, user="userId", item="movieId", rating="rating", timestamp="timestamp")
    split = ts.split.random(events, test=0.25)
    model = ts.ALS(factors=4, epochs=3, threads=1, progress=False).fit(split.train)
    report = ts.evaluate(model, split.test, k=[5, 10], metrics=["ndcg", "recall"], relevant=4)
    found = run(
        "evaluate", ratings, *READ, "--split", "random:0.25", *QUICK, "-k", 5, "-k", 10,
        "--metric", "ndcg", "--metric", "recall", "--relevant", 4, "--json",
    ).json  # fmt: skip
    assert found["metrics"] == pytest.approx(report.metrics)
    assert found["counts"] == report.counts


def test_a_model_on_a_test_file_with_ids_of_another_type(
    ratings: Path, model: Path, integer_model: Path
) -> None:
    reports = [
        run("evaluate", file, ratings, *READ, "--include-seen", "--threads", 1, "--json").json
        for file in (model, integer_model)
    ]
    assert reports[0]["counts"]["users_warm"] == 40
    assert reports[0]["metrics"] == pytest.approx(reports[1]["metrics"])
    assert "fit_seconds" not in reports[0]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "give a TEST file"),
        (["TEST", "--split", "random"], "not both"),
        (["TEST", "--factors", "3"], "fitted already"),
    ],
)
def test_what_is_measured_must_be_clear(ratings: Path, options: list[str], word: str) -> None:
    arguments = [ratings if option == "TEST" else option for option in options]
    answer = run("evaluate", ratings, *arguments, *READ, env={"COLUMNS": "300"})
    assert answer.code == 2
    assert word in answer.err


def test_errors_of_the_library(ratings: Path, model: Path, failing: Callable[..., str]) -> None:
    assert "does not begin like a file" in failing("evaluate", ratings, ratings, *READ)
    answer = run(
        "evaluate", ratings, *READ, "--split", "random:0.2", "--model", "popularity", "--metric", "ndgc"
    )
    assert answer.code == 1
    assert "ndcg" in answer.err.splitlines()[-1]


def test_held_out_users_are_folded_in_and_the_future_is_warned_of(ratings: Path) -> None:
    options = ("--split", "users-out:8", "--model", "popularity", "--relevant", "1", "--json")
    answer = run("evaluate", ratings, *READ, *options).json
    assert answer["protocol"].startswith(
        "users out, 8 of 40 users, 0.8 of their events known, seed 0; users placed by"
    )
    assert answer["counts"]["users_scored"] == 8
    assert len(answer["warnings"]) == 1
    shown = run("evaluate", ratings, *READ, "--split", "random", "--model", "popularity").out
    assert "warning: training knows the future" in shown


def test_several_metrics_are_no_comma_list(ratings: Path) -> None:
    for command in ("evaluate", "compare"):
        answer = run(command, ratings, *READ, "--split", "random:0.2", "--metric", "ndcg, recall@5")
        assert answer.code == 2
        message = " ".join(answer.err.replace("│", " ").split())
        assert "repeat the option to name several: --metric ndcg --metric recall@5" in message
