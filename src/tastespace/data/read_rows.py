"""Rows in arrays, and what becomes of those that cannot be used."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastespace.data.csr import Duplicates
from tastespace.data.interactions import Interactions
from tastespace.data.read_source import Columns, Source
from tastespace.data.read_values import Codes, Flaw, TimestampUnit, read_ids, read_numbers, read_times
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import BadRowError, EmptyError, InputError

OnBadRows: TypeAlias = Literal["raise", "skip"]

_MOST_KINDS = 100
_PER_ROW = ("user_rows", "item_rows", "values", "weights", "times", "kinds")


@dataclass(frozen=True)
class Rows:
    """Every row of a source as arrays of one element per row.

    Attributes
    ----------
    users, items
        Ids that ``user_rows`` and ``item_rows`` (int32) point into. Where a row is bad they may be -1.
    values, weights
        float32, or None.
    times
        int64 Unix seconds, or None.
    kinds, kind_names
        Positions of each row's kind among the names, or None.
    flaws
        Which rows are bad, and why.
    where
        Names a row for a message.
    blank
        Mask of rows that hold nothing and do not count, or None.
    """

    users: Vocabulary
    items: Vocabulary
    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    flaws: Sequence[Flaw]
    where: Callable[[int], str]
    values: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    times: NDArray[np.int64] | None = None
    kinds: NDArray[np.int32] | None = None
    kind_names: tuple[str, ...] = ()
    blank: NDArray[np.bool_] | None = None

    def take(self, mask: NDArray[np.bool_]) -> "Rows":
        """Return the rows where the mask is true, which must not be bad."""
        arrays = {name: getattr(self, name) for name in _PER_ROW}
        kept: dict[str, Any] = {name: array[mask] for name, array in arrays.items() if array is not None}
        return replace(self, flaws=(), blank=None, **kept)

    def interactions(
        self,
        *,
        explicit: bool,
        event_weights: Mapping[str, float] | None,
        duplicates: Duplicates | None,
        on_bad_rows: OnBadRows,
    ) -> Interactions:
        """Make interactions of the good rows.

        Raises
        ------
        BadRowError
            If a row is bad and ``on_bad_rows`` is ``"raise"``; names the first.
        EmptyError
            If no row is left.
        """
        bad = np.zeros(len(self.user_rows), dtype=bool)
        for flaw in self.flaws:
            bad |= flaw.rows
        if self.blank is not None:
            bad &= ~self.blank
        count = int(np.count_nonzero(bad))
        rows = self
        if count and on_bad_rows == "raise":
            raise BadRowError(
                f"{self._first(bad)}; pass on_bad_rows='skip' to drop such rows" + _in_all(count)
            )
        if count or self.blank is not None:
            rows = self.take(~bad if self.blank is None else ~(bad | self.blank))
        if not len(rows.user_rows):
            if count:
                raise EmptyError(f"none of the {count:,} rows can be used; {self._first(bad)}")
            raise EmptyError("there are no rows to read; check the source")
        return Interactions.from_events(
            rows.users,
            rows.items,
            rows.user_rows,
            rows.item_rows,
            values=rows.values,
            times=rows.times,
            weights=rows.weights,
            kinds=rows.kinds,
            kind_names=rows.kind_names,
            event_weights=event_weights,
            explicit=explicit,
            duplicates=duplicates,
            skipped=count,
        )

    def _first(self, bad: NDArray[np.bool_]) -> str:
        row = int(bad.argmax())
        flaw = next(flaw for flaw in self.flaws if flaw.rows[row])
        return f"{self.where(row)}: {flaw.say(row)}"


def read_rows(source: Source, columns: Columns, timestamp_unit: TimestampUnit) -> Rows:
    """Turn the columns of a source into arrays.

    Raises
    ------
    ColumnError
        If a column is of a type that cannot be what it is meant to be.
    InputError
        If there are far too many kinds of event.
    """
    frame, flaws = source.frame, []
    if source.broken is not None:
        flaws.append(Flaw(source.broken, lambda row: source.reason))

    def column(role: str) -> tuple[pl.Series, str]:
        name = getattr(columns, role)
        return frame[name], role if name == role else f"{role} (column {name!r})"

    def labels(role: str) -> Codes:
        codes, found = read_ids(*column(role))
        flaws.extend(found)
        return codes

    def numbers(role: str, sign: Any) -> NDArray[np.float32] | None:
        if getattr(columns, role) is None:
            return None
        values, found = read_numbers(*column(role), sign=sign)
        flaws.extend(found)
        return values

    users, items = labels("user"), labels("item")
    ratings = numbers("rating", "any")
    weights = numbers("weight", "not negative" if ratings is None else "positive")
    times = None
    if columns.timestamp is not None:
        times, found = read_times(*column("timestamp"), timestamp_unit)
        flaws.extend(found)
    kinds = None if columns.event is None else labels("event")
    if kinds is not None and len(kinds.labels) > _MOST_KINDS:
        raise InputError(
            f"column {columns.event!r} holds {len(kinds.labels):,} kinds of event; at most {_MOST_KINDS} make "
            "sense, so name another column"
        )
    return Rows(
        users=Vocabulary(users.labels, noun="user"),
        items=Vocabulary(items.labels, noun="item"),
        user_rows=users.codes,
        item_rows=items.codes,
        values=weights if ratings is None else ratings,
        weights=None if ratings is None else weights,
        times=times,
        kinds=None if kinds is None else kinds.codes,
        kind_names=() if kinds is None else tuple(map(str, kinds.labels)),
        flaws=flaws,
        where=source.where,
        blank=source.blank,
    )


def _in_all(count: int) -> str:
    return "" if count == 1 else f" ({count:,} in all)"
