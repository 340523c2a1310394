from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, run


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    picture = tmp_path_factory.mktemp("demo") / "new" / "space.png"
    return run("demo", "-o", picture), picture


def test_compares_the_models_in_one_table(told: tuple[Answer, Path]) -> None:
    answer, _ = told
    assert answer.code == 0
    table = answer.out[answer.out.index("model  ") :].split("\n\n")[0]
    names = [line.split()[0] for line in table.splitlines()[2:]]
    assert names == ["Popularity", "Popularity", "Baseline", "ALS", "ImplicitALS", "ImplicitALS"]
    assert "relevant = rating >= 8" in answer.out
    assert answer.err == ""


def test_draws_a_picture(told: tuple[Answer, Path]) -> None:
    answer, picture = told
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in answer.out
    assert sorted(file.name for file in picture.parent.iterdir()) == ["comparison.html", "space.png"]


def test_writes_a_page(told: tuple[Answer, Path]) -> None:
    answer, picture = told
    page = picture.with_name("comparison.html")
    assert str(page) in answer.out
    assert "ImplicitALS, half-life 60 d" in page.read_text()


def test_quality_on_the_bundled_data(tmp_path: Path) -> None:
    found = run("demo", "--json", "-o", tmp_path / "space.svg").json
    models = {model["model"]: model for model in found["models"]}
    best = models["ImplicitALS, half-life 60 d"]
    assert 0.12 < best["ndcg@10"] < 0.14
    assert best["ndcg@10"] > models["Popularity, half-life 30 d"]["ndcg@10"] > models["Popularity"]["ndcg@10"]
    assert 1.43 < models["ALS"]["rmse"] < models["Baseline"]["rmse"] < 1.48
    assert len(found["recommended"]) == 10
    assert any(film["held_out_rating"] for film in found["recommended"])
    seen = {film["item"] for film in found["history"]}
    assert all(own["item"] in seen for film in found["recommended"] for own in film["because"])
    assert (tmp_path / "space.svg").read_text().startswith("<?xml")


def test_one_persons_recommendations(tmp_path: Path) -> None:
    found = run("demo", "--json", "--user", 10, "-o", tmp_path / "space.png").json
    assert found["user"] == 10
    assert found["recommended"][0]["title"]


def test_goes_on_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    answer = run("demo", "-o", tmp_path / "space.png")
    assert answer.code == 0
    assert "pip install 'tastespace[plot]'" in answer.err
    assert "recommends" in answer.out
    assert not list(tmp_path.iterdir())


def test_tables_stand_below_each_other_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tastespace.cli.console._UNBOUNDED", 60)
    lines = run("demo", "-o", tmp_path / "space.png").out.splitlines()
    assert all(len(line) <= 80 for line in lines)  # the comparison is never cut
    assert any(line.startswith("user ") for line in lines)
    assert any(line.startswith("ImplicitALS, half-life 60 d recommends") for line in lines)


def test_an_unknown_format_is_2(tmp_path: Path) -> None:
    answer = run("demo", "-o", tmp_path / "space.doc", env={"COLUMNS": "200"})
    assert answer.code == 2
    assert "should end in .png, .svg, .pdf" in answer.err


def test_an_unknown_user(tmp_path: Path, failing: Callable[..., str]) -> None:
    assert "unknown user 0" in failing("demo", "--json", "--user", 0, "-o", tmp_path / "space.png")
