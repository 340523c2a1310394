"""Delimited text that is plain, read by the native module without ever holding the text."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.read_rows import MOST_KINDS, Rows, arrays_of
from tastespace.data.read_source import Columns
from tastespace.data.read_text import PACKED, Delimited
from tastespace.data.read_values import TimestampUnit, whole_seconds
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary


def read_plain(text: Delimited, columns: Columns, unit: TimestampUnit) -> Rows | None:
    """Read the columns asked for, or return None where the text is not plain.

    Plain means: an uncompressed file; every line with a field for each column and none left over; none of the
    columns asked for empty; numbers in decimal notation and in range; times whole numbers; quotation marks
    around whole fields, with none and no line break inside. `read_delimited` reads everything else, and
    says what is wrong with it.
    """
    if isinstance(text.content, bytes) or _packed(text.content):
        return None
    roles = {
        **dict.fromkeys(columns.labels, "label"),
        **dict.fromkeys(columns.numbers, "number"),
        **dict.fromkeys(columns.times, "integer"),
    }
    found = _native.csv_read(
        text.content,
        text.skip,
        ord(text.separator),
        None if text.quote is None else ord(text.quote),
        [roles.get(column, "skip") for column in text.columns],
        resolve_threads(None),
    )
    if found is None:
        return None
    by_role: dict[str, Any] = dict(
        zip(("label", "number", "integer"), (iter(part) for part in found), strict=True)
    )
    values = {column: next(by_role[roles[column]]) for column in text.columns if column in roles}
    del found, by_role

    times = None
    if columns.timestamp is not None:
        times = whole_seconds(values.pop(columns.timestamp), unit)
        if times is None:
            return None
    ratings, weights = (_number(values, column) for column in (columns.rating, columns.weight))
    # An implicit weight of 0 says nothing; everything else that is not above 0 is a bad row.
    if weights is not None and (weights.min() < 0 or (ratings is not None and weights.min() == 0)):
        return None
    user_rows, users = values.pop(columns.user)
    item_rows, items = values.pop(columns.item)
    kinds, kind_names = (None, []) if columns.event is None else values.pop(columns.event)
    if len(kind_names) > MOST_KINDS:
        return None
    return Rows(
        users=Vocabulary(users, noun="user"),
        items=Vocabulary(items, noun="item"),
        arrays=arrays_of(user_rows, item_rows, ratings, weights, times, kinds),
        kind_names=tuple(kind_names),
        flaws=(),
        where=text.where,
    )


def _packed(path: Path) -> bool:
    """Whether the file starts as a compressed one does, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4).startswith(PACKED)


def _number(values: dict[str, Any], column: str | None) -> NDArray[Any] | None:
    return None if column is None else values.pop(column)
