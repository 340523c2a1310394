from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tastespace as ts
from tests.cli.conftest import READ, run

QUICK = ("--factors", 4, "--epochs", 3, "--threads", 1)


def fitted(ratings: Path, folder: Path, *options: object) -> Any:
    """The parameters of the model that options lead to."""
    answer = run("fit", ratings, *READ, "-o", folder / "model.taste", *options, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_writes_a_model_that_the_library_loads(ratings: Path, tmp_path: Path) -> None:
    output = tmp_path / "movies.taste"
    answer = run("fit", ratings, *READ, "--model", "als", *QUICK, "-o", output)
    assert answer.code == 0
    assert answer.out.startswith("ALS model: 40 users, 30 items, 4 factors, fitted in ")
    assert str(output) in answer.out
    assert "560 ratings" in answer.err
    model = ts.load(output)
    assert model.factors == 4
    assert list(tmp_path.iterdir()) == [output]


def test_json_goes_alone_to_standard_output(ratings: Path, tmp_path: Path) -> None:
    found = fitted(ratings, tmp_path, *QUICK, "--seed", 3, "--set", "solver=cholesky")
    assert found["trainer"] == "ALS"
    assert found["params"]["seed"] == 3
    assert found["params"]["solver"] == "cholesky"
    assert found["bytes"] == (tmp_path / "model.taste").stat().st_size
    assert found["data"]["events"] == 560


@pytest.mark.parametrize(
    ("model", "trainer", "options"),
    [
        ("als", "ALS", QUICK),
        ("implicit-als", "ImplicitALS", QUICK),
        ("popularity", "Popularity", ["--set", "half_life=30d"]),
        ("baseline", "Baseline", ["--regularization", 2]),
        ("ease", "EASE", ["--regularization", 50, "--set", "sparse=true"]),
        ("svd-plus-plus", "SVDPlusPlus", [*QUICK, "--set", "implicit=items"]),
        ("bpr", "BPR", [*QUICK, "--set", "negatives=hard", "--set", "candidates=3"]),
        ("warp", "WARP", [*QUICK, "--set", "trials=5"]),
        ("time-svd-plus-plus", "TimeSVDPlusPlus", [*QUICK, "--set", "bins=5", "--set", "days=none"]),
        ("logistic-mf", "LogisticMF", [*QUICK, "--set", "per_positive=2"]),
        ("funk-svd", "FunkSVD", [*QUICK, "--set", "bias_learning_rate=0.01"]),
        ("truncated-svd", "TruncatedSVD", ["--factors", 3, "--set", "centred=true", "--set", "variance=0.5"]),
        ("nmf", "NMF", [*QUICK, "--set", "loss=kullback-leibler", "--set", "l1=0.01"]),
        (
            "item-embedding",
            "ItemEmbedding",
            ["--factors", 3, "--set", "window=30d", "--set", "subsample=0.01"],
        ),
        ("pmf", "PMF", [*QUICK, "--set", "frequency_scaling=1"]),
    ],
)
def test_every_trainer(
    ratings: Path, tmp_path: Path, model: str, trainer: str, options: list[object]
) -> None:
    assert fitted(ratings, tmp_path, "--model", model, *options)["trainer"] == trainer


def test_the_default_trainer_follows_the_data(ratings: Path, tmp_path: Path) -> None:
    assert fitted(ratings, tmp_path, *QUICK)["trainer"] == "ALS"
    assert fitted(ratings, tmp_path, *QUICK, "--as-implicit")["trainer"] == "ImplicitALS"


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("regularization=0.2", "regularization", 0.2),
        ("bias_regularization=0.3", "bias_regularization", 0.3),
        ("cg-steps=2", "cg_steps", 2),
        ("biases=false", "biases", False),
        ("solver = cholesky", "solver", "cholesky"),
    ],
)
def test_set_reaches_every_kind_of_parameter(
    ratings: Path, tmp_path: Path, setting: str, name: str, value: object
) -> None:
    assert fitted(ratings, tmp_path, *QUICK, "--set", setting)["params"][name] == value


def test_a_stopping_rule_and_its_parts(ratings: Path, tmp_path: Path) -> None:
    found = fitted(
        ratings,
        tmp_path,
        *QUICK,
        "--valid",
        "last-out:1",
        "-s",
        "stopping.metric=rmse",
        "-s",
        "stopping.patience=2",
    )
    assert "rmse" in found["metrics"]
    assert "patience=2" in found["params"]["stopping"]
    assert (
        "rmse" in fitted(ratings, tmp_path, *QUICK, "--valid", "random:0.1", "-s", "stopping=rmse")["metrics"]
    )


def test_a_model_to_start_from(ratings: Path, model: Path, tmp_path: Path) -> None:
    assert fitted(ratings, tmp_path, *QUICK, "--set", f"init={model}")["trainer"] == "ALS"


def test_no_history_makes_a_smaller_file(ratings: Path, tmp_path: Path) -> None:
    whole = fitted(ratings, tmp_path, *QUICK)["bytes"]
    assert fitted(ratings, tmp_path, *QUICK, "--no-history")["bytes"] < whole
    assert ts.load(tmp_path / "model.taste").history is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--set", "regularisation=1"],
            ["'regularisation'", "did you mean regularization?", "factors, epochs"],
        ),
        (["--model", "popularity", "--factors", "3"], ["popularity has no parameter 'factors'", "half_life"]),
        (["--set", "factors=many"], ["factors=many", "a whole number"]),
        (["--set", "bias_regularization=x"], ["a number or none"]),
        (["--set", "solver=magic"], ["pcg or cholesky"]),
        (["--set", "biases=2"], ["true or false"]),
        (["--set", "factors"], ["NAME=VALUE"]),
        (["--set", "factors.x=3"], ["factors of als has no parts"]),
        (["--set", "stopping.x=3"], ["stopping has no parameter 'x'", "patience"]),
        (["--valid", "tomorrow"], ["is no split", "last-out:2"]),
        (["--valid", "random:x"], ["is no split"]),
        (["--valid", "stratified:"], ["is no split", "stratified:0.2"]),
        (["--valid", "leave-one-out:2"], ["is no split", "leave-one-out"]),
        (["--valid", "time"], ["is no split", "time:0.8"]),
        (["--valid", "users-out:few"], ["is no split", "users-out:0.1"]),
        (["--model", "svd"], ["als"]),
    ],
)
def test_a_parameter_that_is_not_understood_is_2(
    ratings: Path, tmp_path: Path, options: list[str], words: list[str]
) -> None:
    answer = run("fit", ratings, *READ, "-o", tmp_path / "m.taste", *options, env={"COLUMNS": "300"})
    assert answer.code == 2
    for word in words:
        assert word in answer.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--factors", "0"], "factors of ALS"),
        (["--set", "regularization=-1"], "regularization of ALS"),
        (["--set", "stopping=rmse"], "validation"),
        (["--set", "stopping.patience=0", "--valid", "last-out"], "patience"),
        (["--set", "init=absent.taste"], "absent.taste"),
        (["--min-user-events", "100"], "the filter leaves no"),
    ],
)
def test_what_the_library_refuses_is_1(ratings: Path, tmp_path: Path, options: list[str], word: str) -> None:
    answer = run("fit", ratings, *READ, "-o", tmp_path / "m.taste", *options)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines()[-1].startswith("error: ")
    assert word in answer.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    ratings: Path, tmp_path: Path, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no folder" in failing("fit", ratings, *READ, "-o", tmp_path / "absent" / "m.taste")
    assert "it is a folder" in failing("fit", ratings, *READ, "-o", tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "no permission" in failing("fit", ratings, *READ, "-o", tmp_path / "m.taste")


def test_whole_users_cannot_be_watched(ratings: Path, tmp_path: Path) -> None:
    answer = run(
        "fit",
        ratings,
        *READ,
        *QUICK,
        "-o",
        tmp_path / "m.taste",
        "--valid",
        "users-out",
        env={"COLUMNS": "300"},
    )
    assert answer.code == 2
    assert "users-out holds whole users out, and training watches only users whom it learns" in answer.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-3", "line 4: weight (column 'hours') -3.0 is negative; pass --on-bad-rows skip to drop such rows"),
        ("five", "line 4: weight (column 'hours') 'five' is not a number; pass --on-bad-rows skip"),
        ("nan", "line 4: weight (column 'hours') nan is not a finite number; pass --on-bad-rows skip"),
        ("", "line 4: weight (column 'hours') is empty; pass --on-bad-rows skip to drop such rows"),
        ("0", None),
    ],
)
def test_weights_that_are_none(tmp_path: Path, value: str, message: str | None) -> None:
    plays, output = tmp_path / "plays.csv", tmp_path / "model.taste"
    plays.write_text(f"user,game,hours\n1,a,2\n1,b,3\n2,a,{value}\n2,b,1\n3,c,4\n")
    command = ("fit", plays, "--user", "user", "--item", "game", "--weight", "hours", "-o", output)
    answer = run(*command, "--model", "ease")
    if message is None:  # a weight of 0 says nothing, and is counted
        assert answer.code == 0
        assert "1 row skipped" in answer.err
        return
    assert answer.code != 0
    assert message in " ".join(answer.err.split())
    assert not output.exists()
    skipping = run(*command, "--model", "bpr", *QUICK, "--on-bad-rows", "skip")
    assert skipping.code == 0
    assert "1 row skipped" in skipping.err


def test_nothing_to_compare(tmp_path: Path) -> None:
    plays = tmp_path / "plays.csv"
    plays.write_text("user,game,hours\n1,a,2\n2,a,1\n")
    answer = run(
        "fit",
        plays,
        "--user",
        "user",
        "--item",
        "game",
        "--weight",
        "hours",
        "--model",
        "warp",
        "-o",
        tmp_path / "m",
    )
    assert answer.code != 0
    assert "no user lacks any item (1 in all)" in " ".join(answer.err.split())
