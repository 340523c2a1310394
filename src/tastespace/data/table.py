"""Tables to hand on: named columns of equal length, cheap to make, readable by every data frame library."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import ColumnError, InputError, ParameterError, missing_extra

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow  # type: ignore[import-untyped]

__all__ = ["Table"]

_SHOWN = 20  # rows in a printed table
_WIDEST = 48  # characters in a printed cell


class Table:
    """Columns of equal length, read-only.

    A table exports the Arrow PyCapsule interface, so ``polars.DataFrame(best)``, ``pyarrow.table(best)`` and
    ``duckdb.sql("from best")`` take it as it is. Iterating gives the rows as tuples of plain Python values.

    Parameters
    ----------
    columns : mapping of str to one-dimensional array or sequence
        In the order in which they are shown. Arrays are not copied: the table holds read-only views of them.
        Text is held as Python strings (dtype object).

    Raises
    ------
    InputError
        There is no column, a column is not one-dimensional, or the lengths differ.
    """

    __slots__ = ("_columns", "_length")

    _columns: dict[str, NDArray[Any]]
    _length: int

    def __init__(self, columns: Mapping[str, NDArray[Any] | Sequence[Any]]) -> None:
        held = {name: _read_only(name, values) for name, values in columns.items()}
        if not held:
            raise InputError("a table needs at least one column; got none")
        lengths = {len(values) for values in held.values()}
        if len(lengths) > 1:
            found = ", ".join(f"{name!r} has {len(values):,}" for name, values in held.items())
            raise InputError(f"the columns of a table must have equal lengths; {found}")
        self._columns = held
        self._length = lengths.pop()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self._columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one column, read-only.

        Raises
        ------
        ColumnError
            There is no column of that name.
        """
        try:
            return self._columns[name]
        except (KeyError, TypeError):
            known = ", ".join(map(repr, self._columns))
            raise ColumnError(f"there is no column {name!r}; this table has {known}") from None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return zip(*(values.tolist() for values in self._columns.values()), strict=True)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Iterate over the rows as dictionaries of plain Python values."""
        names = self.columns
        return (dict(zip(names, row, strict=True)) for row in self)

    def head(self, n: int = 10) -> Self:
        """Return the first `n` rows, or all if there are fewer.

        Raises
        ------
        ParameterError
            `n` is negative.
        """
        if n < 0:
            raise ParameterError(f"n of head must be >= 0; got {n}")
        return type(self)({name: values[:n] for name, values in self._columns.items()})

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same kind of table with equal names, types and values (NaN equals NaN)."""
        if not isinstance(other, Table):
            return NotImplemented
        return (
            type(self) is type(other)
            and self.columns == other.columns
            and all(_same(values, other[name]) for name, values in self._columns.items())
        )

    __hash__ = None  # type: ignore[assignment]  # compared by value, like the arrays inside

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._columns,)  # through __init__, so that a copy is read-only too

    def to_numpy(self) -> NDArray[np.void]:
        """Return a new structured array of shape (rows,), one field for each column."""
        fields = np.dtype([(name, values.dtype) for name, values in self._columns.items()])
        array = np.empty(self._length, fields)
        for name, values in self._columns.items():
            array[name] = values
        return array

    def to_polars(self) -> polars.DataFrame:
        """Return a polars data frame."""
        import polars  # here, because an answer for one user must not wait for it

        return polars.DataFrame(
            [
                polars.Series(name, values, dtype=polars.String if values.dtype == object else None)
                for name, values in self._columns.items()
            ]
        )

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas data frame.

        Raises
        ------
        MissingExtraError
            Pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise missing_extra("Table.to_pandas", "pandas") from None
        text = {name: "str" for name, values in self._columns.items() if values.dtype == object}
        return pandas.DataFrame(self._columns).astype(text)

    def to_arrow(self) -> pyarrow.Table:
        """Return a pyarrow table.

        Raises
        ------
        MissingExtraError
            Pyarrow is not installed.
        """
        try:
            import pyarrow
        except ImportError:
            raise missing_extra("Table.to_arrow", "arrow") from None
        return pyarrow.table(
            {
                name: pyarrow.array(values, type=pyarrow.string() if values.dtype == object else None)
                for name, values in self._columns.items()
            }
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table as an Arrow stream (the PyCapsule interface)."""
        return self.to_polars().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        widths_and_cells = []
        for name, values in self._columns.items():
            cells = [name, *_texts(values[:_SHOWN])]
            width = max(map(len, cells))
            right = values.dtype != object
            widths_and_cells.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
        lines = ["  ".join(cells).rstrip() for cells in zip(*widths_and_cells, strict=True)]
        lines.insert(0, self._title())
        if self._length > _SHOWN:
            lines.append(f"... {self._length - _SHOWN:,} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def row(tag: str, cells: Sequence[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        shown = zip(*(_texts(values[:_SHOWN]) for values in self._columns.values()), strict=True)
        body = "".join(row("td", cells) for cells in shown)
        rest = f"<p>... {self._length - _SHOWN:,} more</p>" if self._length > _SHOWN else ""
        head = row("th", self.columns)
        return (
            f"<table><caption>{self._title()}</caption>"
            f"<thead>{head}</thead><tbody>{body}</tbody></table>{rest}"
        )

    def _title(self) -> str:
        return f"{type(self).__name__}: {self._length:,} {'row' if self._length == 1 else 'rows'}"


def _read_only(name: str, values: NDArray[Any] | Sequence[Any]) -> NDArray[Any]:
    array = values if type(values) is np.ndarray else np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"column {name!r} must be one-dimensional; got an array of shape {array.shape}")
    if array.dtype.kind == "U":  # fixed-width text
        array = array.astype(object)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _texts(values: NDArray[Any]) -> list[str]:
    """Print each cell of a column; floats share one number of decimals."""
    if values.dtype.kind == "f":
        largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        exponent = math.floor(math.log10(largest)) if largest > 0 else 0
        style = f".{max(0, 4 - max(exponent, 0))}f" if -3 <= exponent < 7 else ".4e"
        return [format(value, style) for value in values.tolist()]
    return [_cell(str(value)) for value in values.tolist()]


def _cell(text: str) -> str:
    if not text.isprintable():  # a line break inside an id must not break the table
        text = repr(text)[1:-1]
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
