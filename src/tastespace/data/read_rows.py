"""Rows in arrays, and what becomes of those that cannot be used."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

#: Kinds of event beyond which the column cannot be one of kinds.
MOST_KINDS = 100


@dataclass
class Rows:
    """Every row of a source as arrays of one element per row; used up by `interactions`.

    Attributes
    ----------
    users, items
        Ids that rows point into.
    arrays
        ``user_rows`` and ``item_rows`` (int32, -1 where a row is bad), ``values`` and ``weights`` (float32),
        ``times`` (int64 Unix seconds) and ``kinds`` (position among ``kind_names``); the last four if given.
    flaws
        Which rows are bad, and why.
    where
        Names a row for a message.
    blank
        Mask of rows that hold nothing and do not count, or None.
    """

    users: Vocabulary
    items: Vocabulary
    arrays: dict[str, NDArray[Any]]
    flaws: Sequence[Flaw]
    where: Callable[[int], str]
    kind_names: tuple[str, ...] = ()
    blank: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.arrays["user_rows"])

    def interactions(
        self,
        *,
        explicit: bool,
        event_weights: Mapping[str, float] | None,
        duplicates: Duplicates | None,
        on_bad_rows: OnBadRows,
    ) -> Interactions:
        """Make interactions of the good rows; no array is left afterwards.

        Raises
        ------
        BadRowError
            If a row is bad and ``on_bad_rows`` is ``"raise"``; names the first.
        EmptyError
            If no row is left.
        """
        bad = np.zeros(len(self), dtype=bool)
        for flaw in self.flaws:
            bad |= flaw.rows
        if self.blank is not None:
            bad &= ~self.blank
        count = int(np.count_nonzero(bad))
        if count and on_bad_rows == "raise":
            raise BadRowError(
                f"{self._first(bad)}; pass on_bad_rows='skip' to drop such rows" + _in_all(count)
            )
        if count or self.blank is not None:
            kept = ~bad if self.blank is None else ~(bad | self.blank)
            for name, array in self.arrays.items():
                self.arrays[name] = array[kept]
        if not len(self):
            if count:
                raise EmptyError(f"none of the {count:,} rows can be used; {self._first(bad)}")
            raise EmptyError("there are no rows to read; check the source")
        arrays = self.arrays
        # Nothing else holds the arrays, so they go as soon as the order by user is made.
        return Interactions.from_events(
            self.users,
            self.items,
            arrays.pop("user_rows"),
            arrays.pop("item_rows"),
            values=arrays.pop("values", None),
            times=arrays.pop("times", None),
            weights=arrays.pop("weights", None),
            kinds=arrays.pop("kinds", None),
            kind_names=self.kind_names,
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
    if kinds is not None and len(kinds.labels) > MOST_KINDS:
        raise InputError(
            f"column {columns.event!r} holds {len(kinds.labels):,} kinds of event; at most {MOST_KINDS} make "
            "sense, so name another column"
        )
    return Rows(
        users=Vocabulary(users.labels, noun="user"),
        items=Vocabulary(items.labels, noun="item"),
        arrays=arrays_of(
            users.codes, items.codes, ratings, weights, times, None if kinds is None else kinds.codes
        ),
        kind_names=() if kinds is None else tuple(map(str, kinds.labels)),
        flaws=flaws,
        where=source.where,
        blank=source.blank,
    )


def arrays_of(
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    ratings: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    times: NDArray[np.int64] | None = None,
    kinds: NDArray[np.int32] | None = None,
) -> dict[str, NDArray[Any]]:
    """Arrays of `Rows`: ratings are values, and so are weights where there are no ratings."""
    arrays: dict[str, NDArray[Any] | None] = {
        "user_rows": user_rows,
        "item_rows": item_rows,
        "values": weights if ratings is None else ratings,
        "weights": None if ratings is None else weights,
        "times": times,
        "kinds": kinds,
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _in_all(count: int) -> str:
    return "" if count == 1 else f" ({count:,} in all)"
