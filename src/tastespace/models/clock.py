"""When something happened, as models that change with time see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tastespace.data.filters import Moment, unix_seconds
from tastespace.errors import ParameterError
from tastespace.models.padding import Floats

Seconds = npt.NDArray[np.int64]

#: One moment, or one for each pair.
Moments: TypeAlias = Moment | Sequence[Moment] | npt.NDArray[np.generic]

DAY = 86_400

#: Unix seconds of the years 1 to 9999, which are all that a date can be.
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799


@dataclass(frozen=True)
class Clock:
    """The span of a training set, cut into bins; times before or after it count as its first or last second.

    Attributes
    ----------
    first, last
        Unix seconds of the first and the last event.
    bins
        Into how many bins of equal length the span is cut.
    exponent
        Of the deviation.
    """

    first: int
    last: int
    bins: int
    exponent: float

    def clamped(self, times: Seconds) -> Seconds:
        """Times inside the span."""
        return np.clip(times, self.first, self.last)

    def bin(self, times: Seconds) -> npt.NDArray[np.int32]:
        """The bin of each time."""
        return ((self.clamped(times) - self.first) * self.bins // (self.last - self.first + 1)).astype(
            np.int32
        )

    def day(self, times: Seconds) -> npt.NDArray[np.int64]:
        """Days in UTC since that of the first event; below 0 before it, and beyond the last one's after that."""
        return times // DAY - self.first // DAY

    def deviation(self, times: Seconds, centre: npt.NDArray[np.float64]) -> Floats:
        r"""How far each time is from its centre: :math:`\mathrm{sign}(x) |x|^\beta` of the difference in spans."""
        span = self.last - self.first
        if span == 0:
            return np.zeros(len(times), np.float32)
        x = (self.clamped(times) - centre) / span
        return (np.sign(x) * np.abs(x) ** self.exponent).astype(np.float32)


def second_of(moment: Moment, name: str) -> int:
    """Unix seconds of a moment.

    Raises
    ------
    ParameterError
        If it is none, or not in the years 1 to 9999.
    """
    second = unix_seconds(moment, name)
    if not FIRST_SECOND <= second <= LAST_SECOND:
        raise ParameterError(
            f"{name} must be in the years 1 to 9999; got Unix second {second}: divide milliseconds by 1000"
        )
    return second


def seconds_of(at: Moments, pairs: int) -> Seconds:
    """Unix seconds of one moment or of one for each pair, int64 (1,) or (pairs,).

    Raises
    ------
    ParameterError
        If one is no moment of the years 1 to 9999, or there are as many as neither 1 nor the pairs.
    """
    if isinstance(at, np.ndarray) and at.ndim == 1 and np.issubdtype(at.dtype, np.integer):
        for extreme in (at.min(), at.max()) if len(at) else ():
            second_of(extreme, "at")
        times = at.astype(np.int64)
    elif isinstance(at, Sequence | np.ndarray) and not isinstance(at, str):
        times = np.array([second_of(moment, "at") for moment in at], np.int64)
    else:
        return np.array([second_of(at, "at")], np.int64)
    if len(times) != pairs:
        raise ParameterError(
            f"at takes one moment, or one for each pair: {len(times)} moments for {pairs} pairs"
        )
    return times
