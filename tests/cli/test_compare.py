from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tastespace as ts
from tests.cli.conftest import READ, run

QUICK = ("--split", "last-out:2", "--threads", 1, "--resamples", 200)
SMALL = "als:factors=4,epochs=3"


def test_models_side_by_side(ratings: Path) -> None:
    answer = run(
        "compare", ratings, *READ, *QUICK, "--model", "popularity", "--model", SMALL, "--relevant", 4
    )
    assert answer.code == 0
    assert "ndcg@10" in answer.out
    assert SMALL in answer.out
    assert "bootstrap samples of users" in answer.out
    assert "560 ratings" in answer.err


def test_agrees_with_the_library(ratings: Path) -> None:
    events = ts.read(ratings, user="userId", item="movieId", rating="rating", timestamp="timestamp")
    found = ts.compare(
        {
            "base": ts.Baseline(regularization=2.5),
            "likes": (ts.ImplicitALS(factors=4, epochs=2), lambda train: train.as_implicit(at_least=4)),
        },
        ts.split.last_out(events, n=2),
        k=[3, 5],
        metrics=["ndcg", "rmse"],
        reference="likes",
        resamples=200,
    )
    said = run(
        "compare", ratings, *READ, *QUICK, "--model", "base=baseline:regularization=2.5", "--model",
        "likes=implicit-als:factors=4,epochs=2,as-implicit=4", "-k", 3, "-k", 5, "--metric", "ndcg",
        "--metric", "rmse", "--reference", "likes", "--json",
    ).json  # fmt: skip
    assert said["reference"] == "likes"
    for model in ("base", "likes"):
        for metric, estimate in found.estimates[model].items():
            assert said["models"][model]["estimates"][metric]["value"] == pytest.approx(estimate.value)
    assert len(said["tests"]) == len(found.tests)


def test_writes_a_page_and_markdown(ratings: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    answer = run(
        "compare", ratings, *READ, *QUICK, "--model", "popularity", "--model", "implicit-als:factors=4,as-implicit",
        "--valid", "last-out:1", "--seeds", 2, "--html", page, "--markdown", text,
    )  # fmt: skip
    assert answer.code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "ndcg@10 on the validation set" in page.read_text(encoding="utf-8")
    assert text.read_text(encoding="utf-8").startswith("# Comparison of models")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.html", "report.md"]
    assert "report.html" in answer.err


@pytest.mark.parametrize(
    ("models", "word"),
    [
        (["asl"], "there is no model 'asl' (did you mean als?)"),
        (["als:factor=3"], "als has no parameter 'factor' (did you mean factors?)"),
        (["als:factors"], "'factors' is not SETTING=VALUE"),
        (["als:factors=many"], "expected a whole number"),
        (["a=als", "a=baseline"], "two models are named 'a'"),
        (["=als"], "has no name before ="),
        (["implicit-als:as-implicit=x"], "as-implicit=x: expected a number"),
    ],
)
def test_models_that_are_not_understood(ratings: Path, models: list[str], word: str) -> None:
    options = [part for model in models for part in ("--model", model)]
    answer = run("compare", ratings, *READ, *QUICK, *options, env={"COLUMNS": "300"})
    assert answer.code == 2
    assert word in answer.err


def test_errors_come_before_the_work(
    ratings: Path, tmp_path: Path, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ("compare", ratings, *READ, *QUICK, "--model", "popularity")
    assert "create it or change --html" in failing(*common, "--html", tmp_path / "none" / "report.html")
    assert "give --markdown a file name" in failing(*common, "--markdown", tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "tastespace[plot]" in failing(*common, "--html", tmp_path / "report.html")


def test_errors_of_the_library_name_the_model(ratings: Path) -> None:
    answer = run(
        "compare", ratings, *READ, *QUICK, "--as-implicit", "--model", "popularity", "--model", SMALL
    )
    assert answer.code == 1
    assert f"models['{SMALL}']: ALS learns ratings" in answer.err
