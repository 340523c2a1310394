"""From columns to ids, numbers and times, with the rows whose value cannot be used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastespace.errors import ColumnError

Sign: TypeAlias = Literal["any", "not negative", "positive"]
TimestampUnit: TypeAlias = Literal["auto", "s", "ms", "us", "ns"]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# Typical magnitudes: 1e9 s, 1e12 ms, 1e15 us and 1e18 ns are all September 2001.
_AUTO_LIMITS: tuple[tuple[float, TimestampUnit], ...] = (
    (1e11, "s"),
    (1e14, "ms"),
    (1e17, "us"),
    (np.inf, "ns"),
)
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # years 1 to 9999
_ISO_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_SAMPLE = 1000


@dataclass(frozen=True)
class Flaw:
    """Rows whose value cannot be used: a mask, and what to say of one of them."""

    rows: NDArray[np.bool_]
    say: Callable[[int], str]


@dataclass(frozen=True)
class Codes:
    """A column as numbers of its labels.

    Attributes
    ----------
    codes
        int32 (rows,): position in ``labels``; -1 where the row has none that can be used.
    labels
        The distinct values in order of first appearance, null-free: int64 or text.
    """

    codes: NDArray[np.int32]
    labels: pl.Series


def read_ids(column: pl.Series, label: str) -> tuple[Codes, list[Flaw]]:
    """Number the ids of a column.

    Text and categories give text ids, integers give integer ids; so do floats that hold whole numbers
    (pandas turns integers into floats where one is missing).

    Raises
    ------
    ColumnError
        If the column holds neither text nor integers.
    """
    kind = column.dtype
    if kind.is_float():
        column = column.fill_nan(None)
    if kind == pl.Null:
        column = column.cast(pl.String)
    elif not (kind.is_integer() or kind.is_float() or kind in (pl.String, pl.Categorical, pl.Enum)):
        raise ColumnError(
            f"{label} holds {kind}, which cannot be an id; ids are text or integers, so cast the column first"
        )
    codes, labels = _number(column)
    flaws = [Flaw(codes < 0, lambda row: f"{label} is empty")]
    refused, problem = _refused(labels)
    if refused.any():
        # One slot more than labels, for code -1: no value at all.
        flaws.append(Flaw(np.append(refused, False)[codes], lambda row: problem(label, column[row])))
        kept = np.where(refused, -1, np.cumsum(~refused) - 1)
        codes, labels = np.append(kept, -1).astype(np.int32)[codes], labels.filter(~refused)
    return Codes(codes, labels.cast(pl.Int64 if kind.is_numeric() else pl.String)), _occurring(flaws)


def _refused(labels: pl.Series) -> tuple[NDArray[np.bool_], Callable[[str, Any], str]]:
    """Which distinct values cannot be ids, and what to say of one."""
    if labels.dtype.is_integer():
        return labels.cast(pl.Int64, strict=False).is_null().to_numpy(), (
            lambda label, value: f"{label} {value} lies outside the range of int64; cast the column to text"
        )
    if labels.dtype.is_float():
        whole = (labels == labels.floor()) & (labels.abs() < 2.0**53)
        return (~whole).to_numpy(), (
            lambda label, value: f"{label} {value} is not a whole number; ids are text or integers"
        )
    blank = labels.cast(pl.String).str.strip_chars() == ""
    return blank.to_numpy(), lambda label, value: f"{label} is empty"


def _number(column: pl.Series) -> tuple[NDArray[np.int32], pl.Series]:
    """Distinct values in order of first appearance, and the position of each row's value; -1 for null."""
    labels = column.unique(maintain_order=True).drop_nulls()
    positions = np.arange(len(labels), dtype=np.int32)
    if column.dtype in (pl.Categorical, pl.Enum):
        used = labels.to_physical().to_numpy()
        null = int(used.max(initial=0)) + 1
        table = np.full(null + 1, -1, dtype=np.int32)
        table[used] = positions
        return table[column.to_physical().cast(pl.UInt32).fill_null(null).to_numpy()], labels
    found = pl.DataFrame({"label": column}).join(
        pl.DataFrame({"label": labels, "position": positions}),
        on="label",
        how="left",
        maintain_order="left",
    )["position"]
    return found.fill_null(-1).to_numpy(), labels


def read_numbers(column: pl.Series, label: str, *, sign: Sign) -> tuple[NDArray[np.float32], list[Flaw]]:
    """A column of finite numbers as float32.

    Parameters
    ----------
    sign
        Which finite numbers are good.

    Raises
    ------
    ColumnError
        If the column holds neither numbers nor text.
    """
    kind = column.dtype
    if not (kind.is_numeric() or kind in (pl.String, pl.Null)):
        raise ColumnError(f"{label} holds {kind}, which is not a number; cast the column first")
    parsed = _parse_numbers(column) if kind == pl.String else column.cast(pl.Float64)
    empty = _empty(column)
    flaws = [
        Flaw(empty, lambda row: f"{label} is empty"),
        Flaw(parsed.is_null().to_numpy() & ~empty, lambda row: f"{label} {column[row]!r} is not a number"),
    ]
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        values = parsed.fill_null(1.0).to_numpy().astype(np.float32)
    finite = np.isfinite(values)
    flaws.append(Flaw(~finite, lambda row: f"{label} {_shown(column[row])} is not a finite number"))
    if sign == "positive":
        flaws.append(
            Flaw(finite & (values <= 0), lambda row: f"{label} {_shown(column[row])} is not above 0")
        )
    elif sign == "not negative":
        flaws.append(Flaw(finite & (values < 0), lambda row: f"{label} {_shown(column[row])} is negative"))
    return values, _occurring(flaws)


def _parse_numbers(column: pl.Series) -> pl.Series:
    parsed = column.cast(pl.Float64, strict=False)
    if parsed.null_count() > column.null_count():
        parsed = column.str.strip_chars().cast(pl.Float64, strict=False)
    return parsed


def read_times(column: pl.Series, label: str, unit: TimestampUnit) -> tuple[NDArray[np.int64], list[Flaw]]:
    """A column of times as whole Unix seconds, rounded down; without a time zone UTC is meant.

    Parameters
    ----------
    unit
        Unit of numbers. ``"auto"`` judges the median: seconds below 1e11, milliseconds below 1e14,
        microseconds below 1e17, else nanoseconds.

    Raises
    ------
    ColumnError
        If the column holds neither times, numbers nor text.
    """
    kind = column.dtype
    if kind == pl.Date:
        seconds = column.cast(pl.Int64) * 86_400
    elif isinstance(kind, pl.Datetime):
        seconds = column.to_physical() // _PER_SECOND[kind.time_unit]
    elif kind.is_numeric():
        seconds = _from_numbers(column, unit)
    elif kind == pl.String:
        seconds = _from_text(column, unit)
    elif kind == pl.Null:
        seconds = column.cast(pl.Int64)
    else:
        raise ColumnError(
            f"{label} holds {kind}, which is not a time; use dates, ISO text or Unix time as a number"
        )
    empty = _empty(column)
    times = seconds.fill_null(0).to_numpy()
    outside = (times < _FIRST_SECOND) | (times > _LAST_SECOND)
    flaws = [
        Flaw(empty, lambda row: f"{label} is empty"),
        Flaw(
            seconds.is_null().to_numpy() & ~empty,
            lambda row: (
                f"{label} {_shown(column[row])} is not a time; "
                "use Unix time or ISO text such as '2018-09-24 10:00:00'"
            ),
        ),
        Flaw(
            outside,
            lambda row: (
                f"{label} {_shown(column[row])} lies outside the years 1 to 9999; check timestamp_unit"
            ),
        ),
    ]
    return times, _occurring(flaws)


def _from_numbers(column: pl.Series, unit: TimestampUnit) -> pl.Series:
    """Whole seconds; null where a number is not finite."""
    if column.dtype.is_integer():
        column = column.cast(pl.Int64, strict=False)
    else:
        column = column.cast(pl.Float64)
        column = column.set(~column.is_finite(), None)
    return _floor(column, _PER_SECOND[_judged(column) if unit == "auto" else unit])


def whole_seconds(times: NDArray[np.int64], unit: TimestampUnit) -> NDArray[np.int64] | None:
    """Turn times without a gap into whole Unix seconds in place, as `read_times`; None where one is no time."""
    low, high = int(times.min()), int(times.max())
    if unit == "auto":
        limit, unit = _AUTO_LIMITS[0]
        if max(-low, high) >= limit:
            unit = _judged(pl.Series(times))
    per_second = _PER_SECOND[unit]
    if low // per_second < _FIRST_SECOND or high // per_second > _LAST_SECOND:
        return None
    return times if per_second == 1 else np.floor_divide(times, per_second, out=times)


def _floor(column: pl.Series, per_second: int) -> pl.Series:
    if column.dtype == pl.Int64:
        return column // per_second
    # A float beyond int64 is beyond the year 9999 too; clipping keeps it there.
    return (column / per_second).floor().clip(-1e18, 1e18).cast(pl.Int64)


def _judged(column: pl.Series) -> TimestampUnit:
    """Judge the unit in which at least half of the numbers are of a usual size."""
    size = column.drop_nulls().abs()
    return next(unit for limit, unit in _AUTO_LIMITS if 2 * (size < limit).sum() >= len(size))


def _from_text(column: pl.Series, unit: TimestampUnit) -> pl.Series:
    """Whole seconds from numbers and ISO text, row by row; null where it is neither."""
    text = column.str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return _from_numbers(whole, unit)
    number = text.cast(pl.Float64, strict=False)
    if number.count():
        seconds = _from_numbers(number, unit)
        # Text such as "inf" parses as a number and yet is no time: it stays null.
        return seconds.zip_with(number.is_not_null(), _from_iso(text))
    return _from_iso(text)


def _from_iso(text: pl.Series) -> pl.Series:
    """Whole seconds from ISO text; null where it is not."""
    text = text.str.replace(" ", "T", literal=True)
    sample = text.head(_SAMPLE)
    # The form of the first rows first: as a rule it is that of all.
    forms = sorted(_ISO_FORMATS, key=lambda form: _parsed(sample, form).null_count())
    micros = _parsed(text, forms[0])
    for form in forms[1:]:
        if micros.null_count() > text.null_count():
            micros = micros.zip_with(micros.is_not_null(), _parsed(text, form))
    return micros // _PER_SECOND["us"]


def _parsed(text: pl.Series, form: str) -> pl.Series:
    return text.str.to_datetime(form, time_unit="us", strict=False).to_physical()


def _occurring(flaws: list[Flaw]) -> list[Flaw]:
    # A flaw holds its column alive; in good data none remains and the column can go.
    return [flaw for flaw in flaws if flaw.rows.any()]


def _empty(column: pl.Series) -> NDArray[np.bool_]:
    empty = column.is_null()
    return (empty | (column.str.strip_chars() == "") if column.dtype == pl.String else empty).to_numpy()


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
