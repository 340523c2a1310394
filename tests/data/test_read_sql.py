"""Reading databases."""

import builtins
import sqlite3
import uuid

import pytest
import sqlalchemy as sa

from tastespace.data.read import read
from tastespace.errors import (
    BadRowError,
    ColumnError,
    EmptyError,
    InputError,
    MissingExtraError,
    MissingFileError,
    ParameterError,
)

NAMES = {"user": "user", "item": "item"}


def events(ratings):
    return ratings.to_polars().select("user", "item", "rating").rows()


@pytest.fixture
def shop(tmp_path):
    """A database with ratings of text users and integer items, one of them without a rating."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table ratings (user text, item integer, rating real, day text, note text)")
        connection.executemany(
            "insert into ratings values (?, ?, ?, ?, 'x')",
            [("a", 1, 4.5, "2020-01-01"), ("b", 2, None, "2020-01-02"), ("b", 1, 2.0, "2020-01-03")],
        )
        connection.execute("create table mixed (user, item integer)")
        connection.executemany("insert into mixed values (?, 1)", [("a",), (7,)])
    connection.close()
    return f"sqlite:///{path}"


def test_query_and_table(shop):
    expected = [("a", 1, 4.5), ("b", 1, 2.0)]
    columns = {**NAMES, "rating": "rating", "timestamp": "day", "on_bad_rows": "skip"}
    for source in ({"query": "select * from ratings"}, {"table": "ratings"}, {"table": "main.ratings"}):
        ratings = read(shop, **columns, **source)
        assert events(ratings) == expected
        assert ratings.has_times
        assert ratings.skipped == 1


def test_batches_are_joined(shop, monkeypatch):
    monkeypatch.setattr("tastespace.data.read_sql._BATCH", 1)
    ratings = read(shop, **NAMES, rating="rating", query="select * from ratings", on_bad_rows="skip")
    assert events(ratings) == [("a", 1, 4.5), ("b", 1, 2.0)]


def test_rows_of_a_query_are_named(shop):
    message = r"row 1 of the query on sqlite:///.*shop.db \(the first is row 0\): rating is empty"
    with pytest.raises(BadRowError, match=message):
        read(shop, **NAMES, rating="rating", query="select * from ratings")


def test_ids_of_other_types_become_text(shop, monkeypatch):
    known = uuid.UUID(int=1)

    class Ids(sa.types.TypeDecorator):
        impl = sa.String
        cache_ok = True

        def process_result_value(self, value, dialect):
            return known

    statement = sa.select(sa.column("user", Ids), sa.column("item")).select_from(sa.table("ratings"))
    monkeypatch.setattr(sa, "text", lambda query: statement)
    assert list(read(shop, **NAMES, query="").users) == [str(known)]


@pytest.mark.parametrize("batch", [1, 100])
def test_ids_of_mixed_types(shop, monkeypatch, batch):
    monkeypatch.setattr("tastespace.data.read_sql._BATCH", batch)
    with pytest.raises(
        InputError, match=r"column 'user' mixes (int and str|Int64 and String); cast it to one type"
    ):
        read(shop, **NAMES, table="mixed")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ParameterError, "a database needs query= or table=, and only one of them"),
        ({"query": "select 1", "table": "ratings"}, ParameterError, "only one of them"),
        ({"query": "select from"}, InputError, "the query on sqlite:///.* failed: .*syntax error"),
        ({"query": "create table x (y)"}, ParameterError, "the query on .* returns no rows; it must select them"),
        ({"query": "select user from ratings"}, ColumnError, "the query on .* has no column 'item'; it has user"),
        ({"table": "ratings", "user": "usr"}, ColumnError, "ratings on .* no column 'usr'; .* did you mean 'user'"),
        ({"table": "absent"}, InputError, "there is no table absent on sqlite:///.*shop.db"),
        ({"query": "select * from ratings where item > 9"}, EmptyError, "there are no rows to read"),
    ],
)  # fmt: skip
def test_databases_that_refuse(shop, options, error, message):
    with pytest.raises(error, match=message):
        read(shop, **{**NAMES, **options})


@pytest.mark.parametrize(
    ("uri", "error", "message"),
    [
        ("sqlite:///absent.db", MissingFileError, "absent.db does not exist"),
        ("nosuch://host/db", ParameterError, "no database is known as 'nosuch'; use postgresql://"),
        ("://", ParameterError, "the connection URI must look like dialect://user:password@host/database"),
    ],
)
def test_uris_that_lead_nowhere(uri, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        read(uri, **NAMES, query="select 1")
    assert not list(tmp_path.iterdir())


def test_passwords_stay_out_of_messages(monkeypatch):
    class Engine:
        url = sa.make_url("postgresql://me:secret@host/db")

        def connect(self):
            raise sa.exc.OperationalError("select 1", {}, Exception("no route to host"))

        def dispose(self):
            pass

    monkeypatch.setattr(sa, "create_engine", lambda uri: Engine())
    with pytest.raises(
        InputError, match=r"on postgresql://me:\*\*\*@host/db failed: .*no route to host; check"
    ) as e:
        read("postgresql://me:secret@host/db", **NAMES, query="select 1")
    assert "secret" not in str(e.value)


def test_absent_packages(monkeypatch, shop):
    real = builtins.__import__

    def without(missing):
        def find(name, *rest):
            if name.partition(".")[0] == missing:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return real(name, *rest)

        return find

    monkeypatch.setattr(builtins, "__import__", without("psycopg"))
    with pytest.raises(
        MissingExtraError,
        match=r"postgresql\+psycopg needs its driver, a package beside .*: No module named 'psycopg'",
    ):
        read("postgresql+psycopg://u:secret@host/db", **NAMES, query="select 1")
    monkeypatch.setattr(builtins, "__import__", without("sqlalchemy"))
    with pytest.raises(MissingExtraError, match=r"reading a database .* pip install 'tastespace\[sql\]'"):
        read(shop, **NAMES, query="select 1")
