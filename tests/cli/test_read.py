from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import READ, run


def test_summary(ratings: Path) -> None:
    answer = run("read", ratings, *READ)
    assert answer.code == 0
    assert answer.out.startswith("40 users, 30 items, 560 ratings 1.0..5.0, 53.3 % empty, 2017-07-14..")
    assert answer.err == ""


def test_json(ratings: Path) -> None:
    answer = run("read", ratings, *READ, "--json")
    found = answer.json
    assert (found["users"], found["items"], found["events"], found["skipped"]) == (40, 30, 560, 0)
    assert found["scale"] == [1.0, 5.0]
    assert found["explicit"] is True
    assert found["events_per_user"] == {"min": 14, "median": 14.0, "mean": 14.0, "max": 14}


def test_without_a_rating_events_are_implicit(ratings: Path) -> None:
    found = run("read", ratings, "--user", "userId", "--item", "movieId", "--json").json
    assert (found["explicit"], found["scale"], found["first_time"]) == (False, None, None)


def test_selection(ratings: Path) -> None:
    found = run(
        "read", ratings, *READ, "--as-implicit", "--at-least", 4, "--min-item-events", 5, "--json"
    ).json
    assert found["explicit"] is False
    assert found["events"] < 560
    assert found["events_per_item"]["min"] >= 5
    assert run("read", ratings, *READ, "--until", "2017-07-15", "--json").json["events"] < 560


def test_half_life_weighs_events(ratings: Path) -> None:
    answer = run("read", ratings, *READ, "--as-implicit", "--half-life", "1d")
    assert "of weight" in answer.out


def test_kinds_of_event(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    rows = [f"u{n % 3},i{n % 5},{'view' if n % 2 else 'buy'}" for n in range(30)]
    path.write_text("\n".join(["user,item,kind", *rows]) + "\n")
    columns = ("--user", "user", "--item", "item", "--event", "kind")
    found = run("read", path, *columns, "--event-weight", "view=1", "--event-weight", "buy=10", "--json").json
    assert set(found["kinds"]) == {"view", "buy"}
    assert "kinds" not in run("read", path, *columns, "--only", "buy").out


def test_a_file_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "ratings.dat"
    path.write_text("1::10::5::978300760\n2::10::3::978300760\n")
    options = ("--separator", "::", "--header", "user,item,rating,time", "--user", "user", "--item", "item")
    assert run("read", path, *options, "--rating", "rating", "--json").json["scale"] == [3.0, 5.0]


@pytest.mark.parametrize("how", [("--table", "ratings"), ("--query", "select * from ratings where r > 1")])
def test_a_database(tmp_path: Path, how: tuple[str, str]) -> None:
    pytest.importorskip("sqlalchemy")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("create table ratings (u integer, i text, r real)")
        database.executemany("insert into ratings values (?, ?, ?)", [(1, "a", 5), (1, "b", 3), (2, "a", 1)])
        database.commit()
    columns = ("--user", "u", "--item", "i", "--rating", "r")
    found = run("read", f"sqlite:///{tmp_path}/shop.db", *columns, *how, "--json").json
    assert found["events"] == (3 if "--table" in how else 2)


def test_a_password_is_not_shown() -> None:
    answer = run("read", "postgresql://anna:secret@shop/db", env={"COLUMNS": "300"})
    assert "postgresql://anna:***@shop/db" in answer.err
    assert "secret" not in answer.err


def test_bad_rows_are_an_error_or_counted(tmp_path: Path, failing: Callable[..., str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("u,i,r\na,x,5\nb,y,five\nc,z,4\n")
    columns = ("--user", "u", "--item", "i", "--rating", "r")
    line = failing("read", path, *columns)
    assert "line 3" in line
    assert "five" in line
    assert run("read", path, *columns, "--on-bad-rows", "skip", "--json").json["skipped"] == 1
    assert "1 row skipped" in run("read", path, *columns, "--on-bad-rows", "skip").out


def test_a_known_data_set_needs_no_columns() -> None:
    answer = run("read", "movietweetings-100k")
    assert "16,554 users" in answer.out


def test_a_missing_file(failing: Callable[..., str]) -> None:
    assert "absent.csv" in failing("read", "absent.csv", "--user", "u", "--item", "i")


def test_a_wrong_column_is_named_with_those_there_are(ratings: Path, failing: Callable[..., str]) -> None:
    line = failing("read", ratings, "--user", "user", "--item", "movieId")
    assert "'user'" in line
    assert "userId" in line


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "which columns"),
        (["--user", "userId", "--item", "movieId", "--at-least", "4"], "--as-implicit"),
        (["--user", "userId", "--item", "movieId", "--event-weight", "view"], "KIND=WEIGHT"),
        (["--user", "userId", "--item", "movieId", "--event-weight", "=3"], "KIND=WEIGHT"),
        (["--user", "userId", "--item", "movieId", "--on-bad-rows", "drop"], "on-bad-rows"),
    ],
)
def test_options_that_do_not_go_together_are_2(ratings: Path, options: list[str], word: str) -> None:
    answer = run("read", ratings, *options, env={"COLUMNS": "300"})
    assert answer.code == 2
    assert word in answer.err
