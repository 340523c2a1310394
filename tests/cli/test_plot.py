from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import tastespace as ts
from tests.cli.conftest import READ, run

matplotlib.use("agg")

NAMES = ("--item-column", "movieId", "--titles")


@pytest.fixture(scope="module")
def table(ratings: Path) -> Path:
    """Titles, lists of genres, and numbers."""
    path = ratings.with_name("features.csv")
    lines = [
        f"{item},Film {item},{'Odd' if item % 2 else 'Even'}|Other,{item},x{item},"
        for item in range(101, 140)
    ]
    path.write_text("\n".join(["movieId,title,genres,year,mixed,nothing", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def parts(ratings: Path) -> Path:
    path = ratings.with_name("parts.taste")
    events = ts.read(ratings, user="userId", item="movieId", rating="rating")
    ts.NMF(factors=3, threads=1, progress=False).fit(events).save(path)
    return path


def texts(picture: Path) -> str:
    """The words of an SVG, which stand in its comments."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", picture.read_text()))


def test_the_map_has_titles_and_groups(parts: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.svg"
    answer = run("plot", parts, "space", *NAMES, table, "--groups", "genres", "-o", out)
    assert answer.out == f"space of NMF: {out}\n"
    assert {"genres", "Odd", "Even"} <= set(texts(out).splitlines())
    assert "Other" not in texts(out)  # the second of two
    # Labels are drawn as outlines, which only tell that they changed.
    untitled = tmp_path / "ids.svg"
    other = ("--title-column", "year", "--groups", "genres", "-o", untitled)
    assert run("plot", parts, "space", *NAMES, table, *other).code == 0
    assert untitled.read_bytes() != out.read_bytes()


def test_the_same_picture_is_the_same_file(model: Path, tmp_path: Path) -> None:
    for ending in ("svg", "png", "pdf"):
        pictures = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
        for picture in pictures:
            assert run("plot", model, "spectrum", "-o", picture).code == 0
        assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")


def test_numbers_have_a_scale(integer_model: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.svg"
    assert run("plot", integer_model, "space", *NAMES, table, "--groups", "year", "-o", out).code == 0
    words = texts(out).splitlines()
    assert "year" in words
    assert "120" in words


def test_unknown_values_are_left_out_and_counted(integer_model: Path, table: Path, tmp_path: Path) -> None:
    unclean = tmp_path / "unclean.csv"
    text = table.read_text()
    for item, cell in ((110, "nan"), (111, "n/a"), (112, ""), (113, "NA")):
        text = text.replace(f"Other,{item},", f"Other,{cell},")
    unclean.write_text(text)
    out = tmp_path / "map.svg"
    answer = run("plot", integer_model, "space", *NAMES, unclean, "--groups", "year", "-o", out)
    assert answer.code == 0
    known = {item for item in range(101, 140) if not 110 <= item <= 113}
    items = ts.load(integer_model).items
    assert (
        f"year: {sum(item not in known for item in items)} of {len(items)} items have no value and no colour"
        in answer.err
    )
    assert "120" in texts(out).splitlines()  # a scale still


def test_one_word_among_numbers_is_named(
    integer_model: Path, table: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    unclean = tmp_path / "unclean.csv"
    unclean.write_text(table.read_text().replace("Other,120,", "Other,c.1920,"))
    out = tmp_path / "map.svg"
    message = failing("plot", integer_model, "space", *NAMES, unclean, "--groups", "year", "-o", out)
    assert "holds numbers, but 'c.1920' for item 120; correct the cell" in message


def test_endings_may_be_capitals(model: Path, tmp_path: Path) -> None:
    for ending in ("PNG", "Svg", "PDF"):
        assert run("plot", model, "spectrum", "-o", tmp_path / f"map.{ending}").code == 0


def test_users(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "users.svg"
    assert run("plot", model, "space", "--of", "users", "-o", out).code == 0
    assert {int(word) for word in texts(out).splitlines() if word.isdecimal()} <= set(range(1, 41))


def test_a_factor(model: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "factor.svg"
    assert run("plot", model, "factor", "--factor", 2, "-n", 3, *NAMES, table, "-o", out).code == 0
    fitted = ts.load(model)
    assert isinstance(fitted, ts.FactorModel)
    order = np.argsort(-fitted.item_factors[:, 2], kind="stable")
    titles = [f"Film {fitted.items.ids[row]}" for row in (*order[:3], *order[-3:])]
    assert [word for word in texts(out).splitlines() if word.startswith("Film")] == titles
    assert "factor 2 of the items" in texts(out)


def test_predictions(integer_model: Path, ratings: Path, tmp_path: Path) -> None:
    out = tmp_path / "predicted.svg"
    answer = run("plot", integer_model, "predicted-against-actual", "--test", ratings, *READ, "-o", out)
    assert answer.code == 0
    assert "560 ratings" in texts(out)
    assert "560 ratings" in answer.err


def test_lift_and_topics_on_dark(parts: Path, tmp_path: Path) -> None:
    for kind, word in (("popularity-against-lift", "lists of 2 for 40 users"), ("topics", "topic 2")):
        out = tmp_path / f"{kind}.svg"
        answer = run("plot", parts, kind, "-n", 2, "--dark", "-o", out, "--json")
        assert answer.json == {"picture": str(out), "kind": kind}
        assert word in texts(out)
        assert "fill: #14171c" in out.read_text()
        assert "fill: #eeeeee" in out.read_text().lower()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("space", ["-o", "map.gif"], "map.gif should end in .png, .svg, .pdf"),
        ("space", ["-o", "map.svg", "--groups", "year"], "names a column of the file of --titles"),
        (
            "space",
            ["-o", "map.svg", "-n", "3"],
            "goes with factor and topics and popularity-against-lift, and not",
        ),
        ("spectrum", ["-o", "map.svg", "--of", "users"], "goes with space and factor, and not with spectrum"),
        ("space", ["-o", "map.svg", "--of", "users", "--titles", "x"], "--titles and --groups are of items"),
        ("predicted-against-actual", ["-o", "map.svg"], "give a file with ratings"),
        (
            "spectrum",
            ["-o", "map.svg", "--titles", "nofile.csv"],
            "--titles: goes with space and factor and topics, and not with spectrum",
        ),
        (
            "popularity-against-lift",
            ["-o", "map.svg", "--item-column", "x"],
            "--item-column: goes with space",
        ),
        (
            "spectrum",
            ["-o", "map.svg", "--user", "nonsense", "--rating", "foo"],
            "--user: goes with predicted-against-actual, and not with spectrum",
        ),
        (
            "space",
            ["-o", "map.svg", "--on-bad-rows", "skip"],
            "--on-bad-rows: goes with predicted-against-actual",
        ),
        ("topics", ["-o", "map.svg", "--title-column", "x"], "--title-column: names a column of the file of"),
        ("map", ["-o", "map.svg"], "'map' is not one of"),
    ],
)
def test_a_line_that_is_not_understood(model: Path, kind: str, options: list[str], message: str) -> None:
    answer = run("plot", model, kind, *options)
    assert answer.code == 2
    assert message in " ".join(answer.err.replace("│", " ").split())


def test_what_cannot_be_drawn(model: Path, table: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    out = tmp_path / "picture.svg"
    assert "topics are factors of 0 or more" in failing("plot", model, "topics", "-o", out)
    assert "has no column 'genre'; it has movieId" in failing(
        "plot", model, "space", *NAMES, table, "--groups", "genre", "-o", out
    )
    assert "name one with --groups" in failing(
        "plot", model, "space", *NAMES, table, "--groups", "x", "-o", out
    )
    assert "column 'nothing' of" in failing(
        "plot", model, "space", *NAMES, table, "--groups", "nothing", "-o", out
    )
    assert "there is no folder" in failing("plot", model, "space", "-o", tmp_path / "no" / "map.svg")
    assert not out.exists()


def test_without_matplotlib(
    model: Path, tmp_path: Path, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "tastespace[plot]" in failing("plot", model, "space", "-o", tmp_path / "map.svg")
