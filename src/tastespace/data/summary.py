"""One line that says what a set of interactions holds."""

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr


def summary(by_user: Csr, *, explicit: bool, kinds: tuple[str, ...], skipped: int) -> str:
    """Describe interactions in one line.

    For example ``610 users, 9,724 items, 100,836 ratings 0.5..5.0, 98.3 % empty, 1996-03-29..2018-09-24``.
    """
    values = by_user.filled_values() if explicit else by_user.values
    events = _count(by_user.nnz, "rating" if explicit else "event")
    if values is not None and len(values):
        events += f"{'' if explicit else ' of weight'} {_span(values)}"
    parts = [_count(by_user.rows, "user"), _count(by_user.columns, "item"), events]
    if by_user.weights is not None:
        parts.append(f"weights {_span(by_user.weights, digits=3)}")
    if kinds:
        parts.append(f"kinds {'/'.join(kinds)}")
    parts.append(_emptiness(by_user))
    if by_user.times is not None and len(by_user.times):
        parts.append(f"{_day(by_user.times.min())}..{_day(by_user.times.max())}")
    if skipped:
        parts.append(f"{_count(skipped, 'row')} skipped")
    return ", ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _span(values: NDArray[np.float32], digits: int = 6) -> str:
    return "..".join(str(float(f"{end:.{digits}g}")) for end in (values.min(), values.max()))


def _emptiness(table: Csr) -> str:
    cells = table.rows * table.columns
    empty = 100 * (cells - table.nnz) / max(cells, 1)
    digits = 1
    while table.nnz and digits < 9 and float(f"{empty:.{digits}f}") == 100:
        digits += 1  # a table with events is never shown as wholly empty
    return f"{empty:.{digits}f} % empty"


def _day(seconds: np.int64) -> str:
    return str(np.datetime64(int(seconds), "s"))[:10]
