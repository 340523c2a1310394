"""Tables in memory: Polars, pandas, Arrow, and whatever exports the Arrow PyCapsule interface."""

import sys
from importlib.util import find_spec
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from tastespace.data.read_source import Columns, Source, check_columns, row_of
from tastespace.errors import InputError, missing_extra


def read_table(table: Any, columns: Columns) -> Source:
    """Take the columns of a table in memory.

    Raises
    ------
    ColumnError
        If a column is missing.
    InputError
        If ``table`` is no table, or a column cannot be converted (pandas columns of mixed objects).
    MissingExtraError
        If a pandas frame comes and pyarrow, which converts it, is not installed.
    """
    package = type(table).__module__.partition(".")[0]
    kind = type(table).__name__ if package == "builtins" else f"{package} {type(table).__name__}"
    name = f"the {kind}"
    asked = list(columns.asked)
    pandas = sys.modules.get("pandas")
    if isinstance(table, pl.LazyFrame):
        check_columns(asked, table.collect_schema().names(), name)
        frame = table.select(asked).collect()
    elif isinstance(table, pl.DataFrame):
        check_columns(asked, table.columns, name)
        frame = table.select(asked)
    elif pandas is not None and isinstance(table, pandas.DataFrame):
        check_columns(asked, list(table.columns), name)
        frame = _from_pandas(table[asked], name)
    elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        try:
            frame = pl.DataFrame(table)
        except PolarsError as error:
            raise InputError(f"{name} cannot be read as a table: {error}") from error
        check_columns(asked, frame.columns, name)
        frame = frame.select(asked)
    else:
        raise InputError(
            f"cannot read this {kind}; pass a path, a Polars, pandas or Arrow table, a SciPy sparse matrix, "
            "or a database URI with query="
        )
    return Source(frame, row_of(name))


def _from_pandas(table: Any, name: str) -> pl.DataFrame:
    if find_spec("pyarrow") is None:
        raise missing_extra("reading a pandas frame", "pandas")
    try:
        frame: pl.DataFrame = pl.from_pandas(table)
        return frame
    except (PolarsError, TypeError, ValueError) as error:  # Arrow's own errors are TypeError and ValueError
        for column in table.columns:
            kinds = sorted({type(value).__name__ for value in table[column].dropna()})
            if len(kinds) > 1:
                raise InputError(
                    f"column {column!r} of {name} mixes {' and '.join(kinds)}; convert it to one type"
                ) from error
        raise InputError(f"{name} cannot be converted: {error}") from error
