"""Which events to keep, and dates, times and durations in the forms people write them."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastespace.data.csr import Csr
from tastespace.errors import InputError, ParameterError

Moment: TypeAlias = datetime | date | str | int | float | np.datetime64
Duration: TypeAlias = timedelta | str

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 31_556_952}  # y: 365.2425 days


def unix_seconds(moment: Moment, name: str) -> int:
    """Convert a moment to whole Unix seconds, rounded up.

    Rounding up makes ``time >= since`` and ``time < until`` exact for times in whole seconds.

    Parameters
    ----------
    moment
        Unix seconds, an ISO 8601 text such as ``"2018-09-24"`` or ``"2018-09-24T10:00+02:00"``, a
        datetime, a date or a NumPy datetime. Without a time zone UTC is meant; a date means its midnight.
    name
        The parameter's name, for messages.

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment.strip())
        except ValueError:
            raise ParameterError(
                f"{name} must be a date such as '2018-09-24' or '2018-09-24T10:00'; got {moment!r}"
            ) from None
    if isinstance(moment, np.datetime64) and not np.isnat(moment):
        floor = moment.astype("datetime64[s]")
        return int(floor.astype(np.int64)) + int(floor < moment)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return -((datetime(1970, 1, 1, tzinfo=UTC) - aware) // timedelta(seconds=1))
    if isinstance(moment, date):
        return (moment - date(1970, 1, 1)).days * 86400
    number = isinstance(moment, (int, float, np.integer, np.floating)) and not isinstance(moment, bool)
    if number and math.isfinite(moment):
        return math.ceil(moment)
    raise ParameterError(f"{name} must be a date, a datetime, ISO text or Unix seconds; got {moment!r}")


def duration_seconds(duration: Duration, name: str) -> float:
    """Convert a duration such as ``"90d"``, ``"12h"``, ``"1.5y"`` or a timedelta to seconds.

    Units are s, min, h, d, w and y (365.2425 days).

    Raises
    ------
    ParameterError
        If it is neither, or not above 0.
    """
    seconds = math.nan
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, str) and (
        match := re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|min|h|d|w|y)\s*", duration)
    ):
        seconds = float(match[1]) * _UNITS[match[2]]
    if not seconds > 0:
        raise ParameterError(
            f"{name} must be a duration above 0 such as '90d', '12h' or a timedelta; got {duration!r}"
        )
    return seconds


def k_core(
    table: Csr, keep: NDArray[np.bool_], min_row_cells: int, min_column_cells: int
) -> NDArray[np.bool_]:
    """Return the largest part of ``keep`` in which every row and column has enough cells.

    Rows and columns that have too few cells lose them, which may leave others with too few; this repeats
    until nothing changes, so the order of removal does not matter.

    Parameters
    ----------
    table
        Whose cells are counted.
    keep
        Mask of cells, bool (nnz,).
    min_row_cells, min_column_cells
        At least so many cells for each row and each column that has any.

    Returns
    -------
    bool (nnz,)
    """
    cells = np.flatnonzero(keep)
    rows, columns = table.row_of()[cells], table.indices[cells]
    while True:
        enough = np.bincount(rows, minlength=table.rows)[rows] >= min_row_cells
        enough &= np.bincount(columns, minlength=table.columns)[columns] >= min_column_cells
        if enough.all():
            break
        cells, rows, columns = cells[enough], rows[enough], columns[enough]
    kept = np.zeros(table.nnz, dtype=bool)
    kept[cells] = True
    return kept


def cell_mask(chosen: ArrayLike, cells: int) -> NDArray[np.bool_]:
    """Turn a mask or integer positions, repeats allowed, into a mask, bool (cells,).

    Raises
    ------
    InputError
        If it is neither, of the wrong length, or out of range.
    """
    array = np.asarray(chosen)
    if array.dtype == bool:
        if array.shape != (cells,):
            raise InputError(f"a mask of events must have shape ({cells},); got {array.shape}")
        return array
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(
            f"events must be a mask or integer positions; got {array.dtype} of shape {array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() >= cells):
        raise InputError(f"positions of events must lie in 0..{cells - 1}; got {array.min()}..{array.max()}")
    mask = np.zeros(cells, dtype=bool)
    mask[array.astype(np.int64)] = True
    return mask


def minimum(value: Any, name: str) -> int:
    """Check a lower bound on a count: a whole number of at least 1; None means 1.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ParameterError(f"{name} must be a whole number >= 1; got {value!r}")
    return int(value)
