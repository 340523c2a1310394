"""Tables: what goes in comes out, read-only, in every format."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tastespace.errors import ColumnError, InputError, MissingExtraError, ParameterError
from tastespace.models.table import Neighbours, Recommendations, Table

COLUMNS = ("user", "item", "rank", "score")


def recommendations(n: int = 3) -> Recommendations:
    return Recommendations(
        {
            "user": np.full(n, 42),
            "item": np.array([f"item {i}" for i in range(n)], object),
            "rank": np.arange(1, n + 1, dtype=np.int32),
            "score": np.linspace(5, 4, n, dtype=np.float32),
        }
    )


def test_columns_keep_order_type_and_values():
    table = recommendations()
    assert table.columns == COLUMNS
    assert len(table) == 3
    assert [table[name].dtype for name in table.columns] == [np.int64, object, np.int32, np.float32]
    assert table["item"].tolist() == ["item 0", "item 1", "item 2"]


def test_rows_are_plain_python_values():
    first, *_ = recommendations()
    assert first == (42, "item 0", 1, 5.0)
    assert [type(value) for value in first] == [int, str, int, float]
    assert next(recommendations().rows()) == {"user": 42, "item": "item 0", "rank": 1, "score": 5.0}


def test_sequences_become_columns_and_text_becomes_python_strings():
    table = Table({"name": ["a", "b"], "wide": np.array(["x", "yz"]), "value": [1.5, 2.5]})
    assert table["name"].dtype == object
    assert table["wide"].dtype == object
    assert list(table) == [("a", "x", 1.5), ("b", "yz", 2.5)]
    assert type(next(iter(table))[1]) is str


def test_columns_are_read_only_and_the_callers_array_is_left_alone():
    mine = np.arange(3)
    table = Table({"a": mine})
    with pytest.raises(ValueError, match="read-only"):
        table["a"][0] = 7
    mine[0] = 7  # still the caller's own
    assert np.shares_memory(table["a"], mine)


def test_a_table_has_no_other_attributes():
    table = recommendations()
    with pytest.raises(AttributeError):
        table.note = "x"
    with pytest.raises(AttributeError):
        table.columns = ("a",)


def test_head_keeps_the_kind_and_stops_at_the_end():
    table = recommendations(5)
    assert type(table.head(2)) is Recommendations
    assert list(table.head(2)) == list(table)[:2]
    assert table.head(99) == table
    assert len(table.head(0)) == 0


def test_equality_is_by_kind_name_type_and_value():
    table = recommendations()
    columns = {name: table[name] for name in table.columns}
    assert table == recommendations()
    assert table != recommendations(2)
    assert table != Table(columns)
    assert Table({"a": [1]}) != Table({"b": [1]})
    assert Table({"a": np.float32([1])}) != Table({"a": np.float64([1])})
    assert Table({"a": [np.nan]}) == Table({"a": [np.nan]})
    assert table != "a table"
    with pytest.raises(TypeError, match="unhashable"):
        hash(table)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_are_equal_and_read_only(again):
    table = again(recommendations())
    assert table == recommendations()
    assert not table["score"].flags.writeable


@pytest.mark.parametrize("n", [0, 1, 3])
def test_every_export_agrees(n):
    table = recommendations(n)
    expected = pl.DataFrame(
        {
            "user": [42] * n,
            "item": [f"item {i}" for i in range(n)],
            "rank": range(1, n + 1),
            "score": table["score"],
        },
        schema={"user": pl.Int64, "item": pl.String, "rank": pl.Int32, "score": pl.Float32},
    )
    assert table.to_polars().equals(expected)
    assert table.to_polars().schema == expected.schema
    assert pl.DataFrame(table).equals(expected)
    assert pl.DataFrame(table).schema == expected.schema

    pandas = table.to_pandas()
    assert pandas.dtypes.astype(str).to_dict() == {
        "user": "int64",
        "item": "str",
        "rank": "int32",
        "score": "float32",
    }
    assert list(pandas.itertuples(index=False, name=None)) == list(table)
    assert list(pd.DataFrame.from_arrow(table).itertuples(index=False, name=None)) == list(table)

    arrow = table.to_arrow()
    assert arrow.schema == pa.schema(
        [("user", pa.int64()), ("item", pa.string()), ("rank", pa.int32()), ("score", pa.float32())]
    )
    assert arrow.to_pylist() == list(table.rows())
    assert pa.table(table).to_pylist() == list(table.rows())

    structured = table.to_numpy()
    assert structured.shape == (n,)
    assert structured.dtype.names == COLUMNS
    assert structured.tolist() == list(table)


def test_exports_can_be_changed_without_changing_the_table():
    table = recommendations()
    frame = table.to_pandas()
    frame.loc[0, "score"] = 0.0
    table.to_numpy()["score"][0] = 0.0
    assert table == recommendations()


@pytest.mark.parametrize(
    ("module", "export", "extra"), [("pandas", "to_pandas", "pandas"), ("pyarrow", "to_arrow", "arrow")]
)
def test_an_absent_extra_names_what_to_install(monkeypatch, module, export, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"Table\.{export} .* pip install 'tastespace\[{extra}\]'"):
        getattr(recommendations(), export)()


def test_making_a_table_imports_no_optional_library():
    code = (
        "import sys; from tastespace.models.table import Recommendations as R;"
        "R({'user': [1], 'item': ['a'], 'rank': [1], 'score': [1.0]});"
        "sys.exit(any(name in sys.modules for name in ('pandas', 'pyarrow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_printed_tables_are_aligned():
    assert str(recommendations(2)) == (
        "Recommendations: 2 rows\n"
        "user  item    rank   score\n"
        "  42  item 0     1  5.0000\n"
        "  42  item 1     2  4.0000"
    )
    assert str(recommendations(1)).startswith("Recommendations: 1 row\n")


def test_long_tables_show_twenty_rows_and_count_the_rest():
    text = str(recommendations(1234))
    assert len(text.splitlines()) == 23
    assert text.endswith("\n... 1,214 more")
    assert "<p>... 1,214 more</p>" in recommendations(1234)._repr_html_()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.5, 12.25], ["0.500", "12.250"]),
        ([0.001234], ["0.0012"]),
        ([123456.7], ["123457"]),
        ([1.5e-7, 2e-9], ["1.5000e-07", "2.0000e-09"]),
        ([3.0e12], ["3.0000e+12"]),
        ([0.0, np.nan, -np.inf], ["0.0000", "nan", "-inf"]),
    ],
)
def test_floats_share_one_number_of_decimals(values, shown):
    assert [line.strip() for line in str(Table({"v": values})).splitlines()[2:]] == shown


def test_strange_text_cannot_break_the_layout():
    table = Table({"item": ["a\nb", "<i>", "x" * 100]})
    lines = str(table).splitlines()
    assert lines[2:] == [r"a\nb", "<i>", "x" * 47 + "…"]
    assert "<td>&lt;i&gt;</td>" in table._repr_html_()
    assert "<th>item</th>" in table._repr_html_()


def test_neighbours_are_of_items_or_users():
    rest = {"neighbour": ["b"], "rank": np.int32([1]), "score": np.float32([0.5])}
    assert Neighbours({"item": ["a"], **rest}).columns[0] == "item"
    assert Neighbours({"user": ["a"], **rest}).columns[0] == "user"


def test_recommendations_may_name_their_source():
    table = recommendations(1)
    with_source = Recommendations({**{name: table[name] for name in COLUMNS}, "source": ["popular"]})
    assert with_source.columns == (*COLUMNS, "source")


def test_unequal_lengths_are_refused():
    with pytest.raises(InputError, match="equal lengths; 'a' has 2, 'b' has 3"):
        Table({"a": [1, 2], "b": [1, 2, 3]})


def test_no_columns_are_refused():
    with pytest.raises(InputError, match="at least one column"):
        Table({})


def test_matrices_are_refused():
    with pytest.raises(
        InputError, match=r"column 'a' must be one-dimensional; got an array of shape \(2, 2\)"
    ):
        Table({"a": np.zeros((2, 2))})


def test_unknown_columns_are_refused():
    with pytest.raises(
        ColumnError, match="no column 'scores'; this table has 'user', 'item', 'rank', 'score'"
    ):
        recommendations()["scores"]
    with pytest.raises(ColumnError, match="no column 0"):
        recommendations()[0]


def test_a_negative_head_is_refused():
    with pytest.raises(ParameterError, match="n of head must be >= 0; got -1"):
        recommendations().head(-1)


@pytest.mark.parametrize("kind", [Recommendations, Neighbours])
def test_named_tables_refuse_other_columns(kind):
    with pytest.raises(InputError, match=rf"columns of {kind.__name__} are \(.*\) or \(.*\); got \(a\)"):
        kind({"a": [1]})
