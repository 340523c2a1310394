"""A table of rows as it came from a source, before its values are looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastespace.errors import ColumnError, ParameterError

_SHOWN = 30


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read; None where there is none."""

    user: str
    item: str
    rating: str | None = None
    weight: str | None = None
    timestamp: str | None = None
    event: str | None = None

    def __post_init__(self) -> None:
        roles: dict[str, str] = {}
        for role in ("user", "item", "rating", "weight", "timestamp", "event"):
            column = getattr(self, role)
            if column is None:
                continue
            if not isinstance(column, str):
                raise ParameterError(f"{role} must be the name of a column; got {column!r}")
            if column in roles:
                raise ParameterError(f"{roles[column]} and {role} both name the column {column!r}")
            roles[column] = role

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns of ids and kinds."""
        return (self.user, self.item, *_given(self.event))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of ratings and weights."""
        return _given(self.rating, self.weight)

    @property
    def times(self) -> tuple[str, ...]:
        """The column of times, if any."""
        return _given(self.timestamp)

    @property
    def asked(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.labels, *self.numbers, *self.times)


def _given(*names: str | None) -> tuple[str, ...]:
    return tuple(name for name in names if name is not None)


@dataclass(frozen=True)
class Source:
    """The columns that were asked for, and how to name a row of them.

    Attributes
    ----------
    frame
        The columns under their own names.
    where
        Names a row (counted from 0) for a message: ``"ratings.csv line 812"``.
    broken
        Mask of rows that could not be taken apart at all, or None when there are none.
    reason
        Says of such a row what is wrong with it.
    blank
        Mask of rows that hold nothing in any column and are left out, or None.
    """

    frame: pl.DataFrame
    where: Callable[[int], str]
    broken: NDArray[np.bool_] | None = None
    reason: str = ""
    blank: NDArray[np.bool_] | None = None


def row_of(name: str) -> Callable[[int], str]:
    """Names rows of a table that has no lines."""
    return lambda row: f"row {row:,} of {name} (the first is row 0)"


def check_columns(asked: Sequence[str], present: Sequence[Any], name: str, hint: str = "") -> None:
    """Check that every column asked for is present, once.

    Raises
    ------
    ColumnError
        If one is not; the message lists the columns there are, the nearest name first.
    """
    for column in asked:
        times = sum(1 for other in present if isinstance(other, str) and other == column)
        if times > 1:
            raise ColumnError(f"{name} has {times} columns named {column!r}; rename all but one")
        if times == 0:
            by_lower = {str(other).lower(): str(other) for other in present}
            near = get_close_matches(column.lower(), list(by_lower), n=1, cutoff=0.5)
            suggestion = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
            shown = ", ".join(str(other) for other in present[:_SHOWN])
            more = f" and {len(present) - _SHOWN} more" if len(present) > _SHOWN else ""
            raise ColumnError(f"{name} has no column {column!r}; it has {shown}{more}{suggestion}{hint}")
