from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tastespace as ts
from tests.cli.conftest import run


def test_agrees_with_the_library(model: Path) -> None:
    best = ts.load(model).recommend("7", n=5)
    assert run("recommend", model, "7", "-n", 5, "--json").json == list(best.rows())


def test_lists_are_reranked(model: Path) -> None:
    options = ("--popularity-penalty", 0.4, "--diversity", 0.3, "--candidates", 20)
    best = ts.load(model).recommend("7", n=5, popularity_penalty=0.4, diversity=0.3, candidates=20)
    assert run("recommend", model, "7", "-n", 5, *options, "--json").json == list(best.rows())
    answer = run("recommend", model, "7", "--diversity", 1)
    assert answer.code != 0
    assert "diversity must be from 0 to below 1" in answer.err


def test_moments(ratings: Path, model: Path, tmp_path: Path, failing: Callable[..., str]) -> None:
    events = ts.read(ratings, user="userId", item="movieId", rating="rating", timestamp="timestamp")
    ts.TimeSVDPlusPlus(factors=4, epochs=5, progress=False).fit(events).save(tmp_path / "time.taste")
    timed = ts.load(tmp_path / "time.taste")
    for moment in ("2017-07-15", "2017-07-24"):
        rows = run("recommend", tmp_path / "time.taste", "7", "-n", 5, "--at", moment, "--json").json
        assert rows == list(timed.recommend("7", n=5, at=moment).rows())
    assert "ALS does not change with time; leave out --at" in failing(
        "recommend", model, "7", "--at", "2017-07-15"
    )
    assert "must be a date such as" in failing("recommend", tmp_path / "time.taste", "7", "--at", "soon")
    rows = run("similar", tmp_path / "time.taste", timed.items.ids[0], "-n", 3, "--json").json
    assert [row["neighbour"] for row in rows] == timed.similar_items(timed.items.ids[0], 3)[
        "neighbour"
    ].tolist()


def test_models_of_models_are_told_apart(model: Path, tmp_path: Path) -> None:
    plain = ts.load(model)
    plain.reranked(popularity_penalty=0.4).save(tmp_path / "rare.taste")
    rows = run("recommend", tmp_path / "rare.taste", "7", "-n", 5, "--json").json
    assert rows == list(plain.recommend("7", n=5, popularity_penalty=0.4).rows())
    assert run("info", tmp_path / "rare.taste", "--json").json["params"]["popularity_penalty"] == 0.4
    answer = run("similar", tmp_path / "rare.taste", "101")
    assert answer.code != 0
    assert "holds a model made of others; ask one of those" in answer.err


def test_ids_are_converted_to_the_type_of_the_model(integer_model: Path) -> None:
    rows = run("recommend", integer_model, "7", "-n", 3, "--json").json
    assert [row["user"] for row in rows] == [7, 7, 7]
    assert all(isinstance(row["item"], int) for row in rows)


def test_several_users_get_a_list_each(model: Path) -> None:
    answer = run("recommend", model, "7", "3", "-n", 2)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line for line in lines if line.startswith("user")] == ["user 7", "user 3"]
    assert lines[1].split() == ["rank", "item", "score"]
    assert lines[3].split()[0] == "1"


def test_titles(model: Path, movies: Path) -> None:
    titles = ("--titles", movies, "--item-column", "movieId", "--title-column", "title")
    rows = run("recommend", model, "7", "-n", 30, "--include-seen", *titles, "--json").json
    found = {row["item"]: row["title"] for row in rows}
    assert len(found) == 30
    assert found["101"] == "One, Two"
    assert found["102"] is None
    assert found["110"] == "Film 110"
    assert list(rows[0]) == ["user", "item", "title", "rank", "score"]


def test_titles_cannot_steer_the_terminal(model: Path, movies: Path) -> None:
    answer = run(
        "recommend", model, "7", "-n", 30, "--include-seen", "--titles", movies, "--item-column", "movieId"
    )
    assert "\x1b" not in answer.out
    assert r"\x1b[31mred\x1b[0m [bold]" in answer.out


def test_titles_of_integer_ids(integer_model: Path, movies: Path) -> None:
    strange = movies.with_name("strange.csv")
    strange.write_text("movieId,title\nx,Not a number\n110,Film\n")
    rows = run(
        "recommend", integer_model, "7", "-n", 30, "--include-seen", "--json",
        "--titles", strange, "--item-column", "movieId",
    ).json  # fmt: skip
    assert {row["title"] for row in rows if row["item"] == 110} == {"Film"}


@pytest.mark.parametrize("suffix", ["tsv", "parquet", "ndjson"])
def test_titles_of_every_format(model: Path, tmp_path: Path, suffix: str) -> None:
    import polars as pl

    frame = pl.DataFrame({"item": range(101, 131), "title": [f"Film {item}" for item in range(101, 131)]})
    path = tmp_path / f"titles.{suffix}"
    if suffix == "tsv":
        frame.write_csv(path, separator="\t")
    elif suffix == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)
    for row in run("recommend", model, "7", "--titles", path, "--json").json:
        assert row["title"] == f"Film {row['item']}"


def test_include_seen(model: Path) -> None:
    assert len(run("recommend", model, "7", "-n", 99, "--json").json) == 16  # 14 of 30 are seen
    assert len(run("recommend", model, "7", "-n", 99, "--include-seen", "--json").json) == 30


def test_allow_and_deny(model: Path, tmp_path: Path) -> None:
    allow, deny = tmp_path / "allow.txt", tmp_path / "deny.txt"
    allow.write_text("\ufeff101\n102 \n\n103\n104\n999\n", encoding="utf-8")
    deny.write_text("104\n")
    answer = run("recommend", model, "7", "--include-seen", "--allow", allow, "--deny", deny, "--json")
    assert {row["item"] for row in answer.json} == {"101", "102", "103"}
    assert "1 of 5 items are not in the model, like '999'" in answer.err


def test_when_nothing_is_left(model: Path, tmp_path: Path) -> None:
    both = tmp_path / "items.txt"
    both.write_text("101\n")
    answer = run("recommend", model, "7", "--allow", both, "--deny", both)
    assert (answer.code, answer.out, answer.err) == (0, "", "no items are left to recommend\n")


def test_a_list_without_an_item_of_the_model(
    integer_model: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    path = tmp_path / "allow.txt"
    path.write_text("item\n999\n")
    assert "names no item of the model: it holds 'item', '999'" in failing(
        "recommend", integer_model, "7", "--allow", path
    )
    path.write_text("")
    assert "it holds nothing" in failing("recommend", integer_model, "7", "--allow", path)
    assert "does not exist" in failing("recommend", integer_model, "7", "--deny", tmp_path / "absent.txt")


def test_an_unknown_user(model: Path, integer_model: Path, failing: Callable[..., str]) -> None:
    assert "unknown user '4711'; for a newcomer" in failing("recommend", model, "4711")
    assert "unknown user 'anna'; ids here are integers" in failing("recommend", integer_model, "anna")


def test_a_file_that_is_no_model(
    ratings: Path, model: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    assert "there is no file" in failing("recommend", tmp_path / "absent.taste", "7")
    assert "does not begin like a file written by tastespace" in failing("recommend", ratings, "7")
    damaged = bytearray(model.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.taste").write_bytes(damaged)
    assert "is damaged" in failing("recommend", tmp_path / "damaged.taste", "7")
    (tmp_path / "cut.taste").write_bytes(damaged[:-100])
    assert "is damaged" in failing("recommend", tmp_path / "cut.taste", "7")


def test_a_model_without_history_says_what_to_do(
    model: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    path = tmp_path / "small.taste"
    ts.load(model).save(path, history=False)
    assert "--include-seen" in failing("recommend", path, "7")
    assert run("recommend", path, "7", "--include-seen").code == 0


@pytest.mark.parametrize(
    ("content", "word"), [("a,b\n1,2\n", "has no column"), ("", "cannot be read as a table")]
)
def test_titles_that_cannot_be_used(
    model: Path, tmp_path: Path, failing: Callable[..., str], content: str, word: str
) -> None:
    path = tmp_path / "titles.csv"
    path.write_text(content)
    assert word in failing("recommend", model, "7", "--titles", path)
    assert "--titles takes a file or one of" in failing("recommend", model, "7", "--titles", "absent.csv")
