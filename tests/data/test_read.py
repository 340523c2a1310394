"""Reading tables, and what is said of rows, columns and parameters."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tastespace.data import read_table
from tastespace.data.read import read
from tastespace.errors import (
    BadRowError,
    ColumnError,
    EmptyError,
    InputError,
    MissingExtraError,
    ParameterError,
)

NAMES = {"user": "user", "item": "item"}


def frame(**columns):
    return pl.DataFrame({"user": ["a", "b", "a"], "item": [10, 20, 20], **columns}, strict=False)


def events(ratings):
    """(user, item, value) triples by user, as Python values."""
    value = "rating" if ratings.explicit else "weight"
    return ratings.to_polars().select("user", "item", value).rows()


# --- kinds of table ---------------------------------------------------------------------------------------------


class Capsule:
    """Nothing but the Arrow PyCapsule interface, as a DuckDB relation has it."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table.lazy(),
        lambda table: table.to_pandas(),
        lambda table: table.to_arrow(),
        lambda table: table.to_arrow().to_batches()[0],
        lambda table: Capsule(table.to_arrow()),
    ],
    ids=["polars", "lazy", "pandas", "arrow", "batch", "capsule"],
)
def test_every_kind_of_table_reads_the_same(make):
    table = frame(rating=[4.0, 3.5, 1.0], other=[None, "x", "y"])
    ratings = read(make(table), **NAMES, rating="rating")
    assert ratings.explicit
    assert ratings.scale == (1.0, 4.0)
    assert (ratings.users.kind, ratings.items.kind) == ("string", "integer")
    assert events(ratings) == [("a", 10, 4.0), ("a", 20, 1.0), ("b", 20, 3.5)]


def test_duckdb_relation():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    relation = duckdb.sql("select * from (values ('a', 1, 5.0), ('b', 2, 4.0)) as t(user, item, rating)")
    assert events(read(relation, **NAMES, rating="rating")) == [("a", 1, 5.0), ("b", 2, 4.0)]


def test_without_values_every_event_weighs_1():
    ratings = read(frame(), **NAMES)
    assert not ratings.explicit
    assert ratings.by_user.values is None


def test_weight_is_the_value_of_events_and_the_weight_of_ratings():
    table = frame(rating=[1.0, 2.0, 3.0], w=[0.5, 2.0, 1.0])
    assert events(read(table, **NAMES, weight="w")) == [("a", 10, 0.5), ("a", 20, 1.0), ("b", 20, 2.0)]
    ratings = read(table, **NAMES, rating="rating", weight="w")
    assert ratings.by_user.weights.tolist() == [0.5, 1.0, 2.0]


def test_rows_number_ids_in_order_of_first_appearance():
    table = pl.DataFrame({"user": ["z", "m", "z", "a"], "item": [9, 3, 9, 1]})
    ratings = read(table, **NAMES)
    assert list(ratings.users) == ["z", "m", "a"]
    assert list(ratings.items) == [9, 3, 1]


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["b", "unused", "a"]), pl.String])
def test_categories_are_text_ids(kind):
    table = frame().with_columns(pl.col("user").cast(kind))
    assert list(read(table, **NAMES).users) == ["a", "b"]


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt16, pl.UInt64, pl.Int128])
def test_integers_of_every_width_are_integer_ids(kind):
    table = frame().with_columns(pl.col("item").cast(kind))
    assert read(table, **NAMES).items.ids.dtype == np.int64


def test_pandas_integers_with_a_gap_stay_integers():
    table = pd.DataFrame({"user": [7, None, 8], "item": [1, 2, 3]})
    ratings = read(table, **NAMES, on_bad_rows="skip")
    assert list(ratings.users) == [7, 8]
    assert ratings.skipped == 1


def test_duplicates_rule_is_passed_on():
    table = pl.DataFrame({"user": [1, 1], "item": [1, 1], "r": [2.0, 4.0]})
    assert events(read(table, **NAMES, rating="r")) == [(1, 1, 4.0)]
    assert events(read(table, **NAMES, rating="r", duplicates="mean")) == [(1, 1, 3.0)]
    assert events(read(table, **NAMES, weight="r")) == [(1, 1, 6.0)]


def test_kinds_of_event():
    table = frame(type=["view", "buy", "view"])
    ratings = read(table, **NAMES, event="type", event_weights={"view": 1, "buy": 10})
    assert events(ratings) == [("a", 10, 1.0), ("a", 20, 1.0), ("b", 20, 10.0)]
    assert ratings.kinds == ("view", "buy")
    assert events(ratings.only("buy")) == [("b", 20, 1.0)]


# --- times ------------------------------------------------------------------------------------------------------

MOMENT = datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())


@pytest.mark.parametrize(
    "value",
    [
        SECONDS,
        float(SECONDS) + 0.75,
        SECONDS * 1000 + 999,
        SECONDS * 10**6,
        SECONDS * 10**9 + 1,
        f"{SECONDS}",
        f"{SECONDS}.5",
        f" {SECONDS * 1000} ",
        "2018-09-24T14:27:30Z",
        "2018-09-24 14:27:30",
        "2018-09-24 14:27:30.123456",
        "2018-09-24T16:27:30+02:00",
        "2018-09-24 16:27:30.5+0200",
        MOMENT,
        MOMENT.replace(tzinfo=None),
    ],
    ids=repr,
)
def test_times_become_whole_seconds(value):
    ratings = read(frame(t=[value] * 3), **NAMES, timestamp="t")
    assert ratings.by_user.times.tolist() == [SECONDS] * 3


def test_days_and_minutes():
    for value, seconds in ((date(1970, 1, 2), 86_400), ("1970-01-02", 86_400), ("1970-01-02 00:01", 86_460)):
        assert read(frame(t=[value] * 3), **NAMES, timestamp="t").by_user.times[0] == seconds


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_datetimes_before_1970_are_rounded_down(unit):
    moment = pl.Series([datetime(1969, 12, 31, 23, 59, 59, 500_000)] * 3).cast(pl.Datetime(unit))
    assert read(frame(t=moment), **NAMES, timestamp="t").by_user.times.tolist() == [-1] * 3


def test_the_unit_is_that_of_most_numbers():
    stray = [5, SECONDS * 1000, SECONDS * 1000 + 1]
    assert sorted(read(frame(t=stray), **NAMES, timestamp="t").by_user.times) == [0, SECONDS, SECONDS]


def test_a_given_unit_is_taken_at_its_word():
    ratings = read(frame(t=[1, 2, 3]), **NAMES, timestamp="t", timestamp_unit="ms")
    assert ratings.by_user.times.tolist() == [0, 0, 0]


def test_text_may_mix_numbers_and_dates():
    ratings = read(frame(t=["86400", "1970-01-03", "1970-01-04T00:00:00Z"]), **NAMES, timestamp="t")
    assert sorted(ratings.by_user.times) == [86_400, 2 * 86_400, 3 * 86_400]


# --- bad rows ---------------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"user": ["a", None, "c"]}, {}, "row 1 of the polars DataFrame .*: user is empty"),
        ({"user": ["a", "", "c"]}, {}, "row 1 .*: user is empty"),
        ({"user": ["a", " ", "c"]}, {}, "row 1 .*: user is empty"),
        ({"user": [1.0, NAN, 2.0]}, {}, "row 1 .*: user is empty"),
        ({"user": [1.0, 2.5, 2.0]}, {}, "row 1 .*: user 2.5 is not a whole number; ids are text or integers"),
        ({"user": [1.0, 1e300, 2.0]}, {}, r"row 1 .*: user 1e\+300 is not a whole number"),
        ({"user": [1, 2**63, 2]}, {}, "row 1 .*: user 9223372036854775808 lies outside the range of int64"),
        ({"r": [1.0, NAN, 2.0]}, {"rating": "r"}, r"row 1 .*: rating \(column 'r'\) nan is not a finite number"),
        ({"r": [1.0, INF, 2.0]}, {"rating": "r"}, "row 1 .* inf is not a finite number"),
        ({"r": [1.0, 1e39, 2.0]}, {"rating": "r"}, r"row 1 .* 1e\+39 is not a finite number"),
        ({"r": [1.0, None, 2.0]}, {"rating": "r"}, r"row 1 .*: rating \(column 'r'\) is empty"),
        ({"r": ["1", "five", "2"]}, {"rating": "r"}, "row 1 .* 'five' is not a number"),
        ({"r": ["1", " ", "2"]}, {"rating": "r"}, r"row 1 .*: rating \(column 'r'\) is empty"),
        ({"r": ["1", "NaN", "2"]}, {"rating": "r"}, "row 1 .* 'NaN' is not a finite number"),
        ({"w": [1, -3, 2]}, {"weight": "w"}, r"row 1 .*: weight \(column 'w'\) -3 is negative"),
        ({"w": [1, 0, 2], "r": [1, 2, 3]}, {"weight": "w", "rating": "r"}, "row 1 .* 0 is not above 0"),
        ({"t": [1, None, 2]}, {"timestamp": "t"}, r"row 1 .*: timestamp \(column 't'\) is empty"),
        ({"t": [1.0, NAN, 2.0]}, {"timestamp": "t"}, "row 1 .* nan is not a time"),
        ({"t": ["1", "soon", "2"]}, {"timestamp": "t"}, "row 1 .* 'soon' is not a time; use Unix time or ISO"),
        ({"t": ["1", "2018-13-01", "2"]}, {"timestamp": "t"}, "row 1 .* '2018-13-01' is not a time"),
        ({"t": ["1", "inf", "2"]}, {"timestamp": "t"}, "row 1 .* 'inf' is not a time"),
        ({"t": [1, 10**15, 2]}, {"timestamp": "t"}, "row 1 .* 1000000000000000 lies outside the years 1 to 9999"),
        ({"t": [1.0, 1e300, 2.0]}, {"timestamp": "t"}, r"row 1 .* 1e\+300 lies outside the years"),
        ({"e": ["x", None, "x"]}, {"event": "e"}, r"row 1 .*: event \(column 'e'\) is empty"),
    ],
)  # fmt: skip
def test_bad_rows_are_named_or_skipped_and_counted(columns, options, message):
    table = pl.DataFrame({"user": ["a", "b", "c"], "item": [1, 2, 3], **columns}, strict=False)
    with pytest.raises(BadRowError, match=message + ".*; pass on_bad_rows='skip' to drop such rows$"):
        read(table, **NAMES, **options)
    ratings = read(table, **NAMES, **options, on_bad_rows="skip")
    assert ratings.skipped == 1
    assert list(ratings.items) == [1, 3]


def test_the_first_bad_row_is_named_and_all_are_counted():
    table = frame(rating=["x", None, "2"], t=[None, 1, 2])
    with pytest.raises(BadRowError, match=r"row 0 .*: rating 'x' is not a number;.* \(2 in all\)$"):
        read(table, **NAMES, rating="rating", timestamp="t")


def test_weight_0_says_nothing_and_is_counted():
    ratings = read(frame(w=[1, 0, 2]), **NAMES, weight="w")
    assert (len(ratings), ratings.skipped) == (2, 1)


def test_nothing_left():
    with pytest.raises(EmptyError, match=r"none of the 3 rows can be used; row 0 of .*: rating is empty"):
        read(frame(rating=[None] * 3), **NAMES, rating="rating", on_bad_rows="skip")
    with pytest.raises(EmptyError, match="there are no rows to read; check the source"):
        read(frame().clear(), **NAMES)
    with pytest.raises(EmptyError, match="weight 0, which says nothing"):
        read(frame(w=[0, 0, 0]), **NAMES, weight="w")


# --- columns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda t: t, lambda t: t.lazy(), lambda t: t.to_pandas(), lambda t: t.to_arrow()]
)
def test_missing_columns_are_named_with_those_that_are_there(make):
    table = make(frame(movieId=[1, 2, 3]))
    with pytest.raises(
        ColumnError, match="no column 'movieid'; it has user, item, movieId; did you mean 'movieId'"
    ):
        read(table, user="user", item="movieid")


def test_long_lists_of_columns_are_cut():
    table = pl.DataFrame({f"c{n}": [1] for n in range(40)})
    with pytest.raises(ColumnError, match=r"has no column 'person'; it has c0, c1, .*, c29 and 10 more$"):
        read(table, user="person", item="c1")


def test_repeated_columns():
    table = pd.DataFrame([[1, 2, 3]], columns=["user", "item", "item"])
    with pytest.raises(
        ColumnError, match="the pandas DataFrame has 2 columns named 'item'; rename all but one"
    ):
        read(table, **NAMES)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"user": [True, False, True]}, {}, "user holds Boolean, which cannot be an id; ids are text or integers"),
        ({"user": [date(2020, 1, 1)] * 3}, {}, "user holds Date, which cannot be an id"),
        ({"r": [True, False, True]}, {"rating": "r"}, r"rating \(column 'r'\) holds Boolean, which is not a number"),
        ({"t": [True, False, True]}, {"timestamp": "t"}, "holds Boolean, which is not a time; use dates, ISO text"),
    ],
)  # fmt: skip
def test_columns_of_the_wrong_type(columns, options, message):
    table = pl.DataFrame({"user": ["a", "b", "c"], "item": [1, 2, 3], **columns})
    with pytest.raises(ColumnError, match=message):
        read(table, **NAMES, **options)


def test_columns_without_any_value_are_empty_not_of_a_wrong_type():
    table = frame(r=[None] * 3, t=[None] * 3).with_columns(user=None)
    assert table.dtypes.count(pl.Null) == 3
    with pytest.raises(BadRowError, match=r"row 0 .*: user is empty"):
        read(table, **NAMES, rating="r", timestamp="t")
    with pytest.raises(BadRowError, match=r"timestamp .* is empty"):
        read(table.with_columns(user=1), **NAMES, timestamp="t")


def test_pandas_columns_of_mixed_objects():
    table = pd.DataFrame({"user": pd.Series(["a", 1, None], dtype=object), "item": [1, 2, 3]})
    with pytest.raises(
        InputError, match="column 'user' of the pandas DataFrame mixes int and str; convert it"
    ):
        read(table, **NAMES)


def test_pandas_columns_that_arrow_does_not_know():
    table = pd.DataFrame({"user": [object(), object()], "item": [1, 2]})
    with pytest.raises(InputError, match="the pandas DataFrame cannot be converted: "):
        read(table, **NAMES)


def test_pandas_without_pyarrow(monkeypatch):
    monkeypatch.setattr(read_table, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"reading a pandas frame .* pip install 'tastespace\[pandas\]'"
    ):
        read(frame().to_pandas(), **NAMES)


def test_arrow_arrays_are_no_tables():
    with pytest.raises(InputError, match=r"the .* Capsule cannot be read as a table"):
        read(Capsule(pa.chunked_array([[1, 2]])), **NAMES)


@pytest.mark.parametrize(
    "source", [{"user": [1]}, [(1, 2)], None, np.ones(3)], ids=["dict", "list", "none", "array"]
)
def test_sources_of_no_known_kind(source):
    with pytest.raises(
        InputError, match=r"cannot read this .*; pass a path, a Polars, pandas or Arrow table"
    ):
        read(source, **NAMES)


@pytest.mark.parametrize("options", [{}, NAMES])
def test_a_dense_matrix_is_told_the_sparse_way(options):
    told = (
        r"got an array \(40, 30\), which takes 9.6 kB of memory where a sparse table takes 480 B, 16 bytes for each of "
        r"30 cells that are not 0: pass scipy.sparse.csr_array\(...\), or a table with named columns"
    )
    with pytest.raises(InputError, match=told):
        read(np.eye(40, 30), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": None}, "read needs the names of the columns of users and items: user= and item="),
        ({"item": "user"}, "user and item both name the column 'user'"),
        ({"rating": 3}, "rating must be the name of a column; got 3"),
        ({"on_bad_rows": "drop"}, "on_bad_rows must be one of 'raise', 'skip'; got 'drop'"),
        ({"timestamp_unit": "min"}, "timestamp_unit must be one of 'auto', 's', 'ms', 'us', 'ns'; got 'min'"),
        ({"event_weights": {"x": 1}}, "event_weights needs the column that holds the kinds of event"),
        ({"event": "kind", "event_weights": {"x": 1}}, "no weight for 'y'; kinds of event here are 'x', 'y'"),
        ({"duplicates": "median"}, "duplicates must be one of .*; got 'median'"),
        ({"separator": ","}, "separator goes with a delimited text file; drop it"),
        ({"header": ["user", "item"]}, "header goes with a delimited text file; drop it"),
        ({"query": "select 1"}, "query goes with a database URI; drop it"),
        ({"users": [1]}, "users goes with a SciPy sparse matrix; drop it"),
        ({"explicit": True}, "explicit goes with a SciPy sparse matrix; drop it"),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(options, message):
    with pytest.raises(ParameterError, match=message):
        read(frame(kind=["x", "y", "x"]), **{**NAMES, **options})


def test_a_column_with_far_too_many_kinds():
    table = pl.DataFrame({"user": range(101), "item": range(101), "e": [f"k{n}" for n in range(101)]})
    with pytest.raises(InputError, match="column 'e' holds 101 kinds of event; at most 100 make sense"):
        read(table, **NAMES, event="e")
