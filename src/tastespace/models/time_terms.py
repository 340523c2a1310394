"""What of a timeSVD++ model changes with time; ``docs/math/timesvd.md`` has the equations."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.errors import InputError
from tastespace.models.clock import Clock, Seconds
from tastespace.models.packing import Arrays, pack_table, unpack_table
from tastespace.models.padding import Floats, frozen
from tastespace.models.protocol import Rows
from tastespace.models.reading import Doubles


@dataclass(frozen=True, eq=False)
class TimeTerms:
    """The parts of users and items that depend on the moment; all arrays are read-only.

    Attributes
    ----------
    clock
        What moments become.
    user_time, item_time
        Mean time of the ratings of each user and item, Unix seconds, float64 (users,) and (items,).
    bin_bias
        What is added to an item's bias in each bin, float32 (items, bins).
    item_trend, user_slope
        What is added to biases by deviation from the mean time, float32 (items,) and (users,).
    days
        The days on which users rated, (users, days since the first); the values are what is added to their biases.
    user_drift
        What is added to factors by deviation, float32 (users, factors); None: nothing.
    day_factors
        What is added to factors on each of ``days``, float32 (cells, factors); None: nothing.
    """

    clock: Clock
    user_time: Doubles
    item_time: Doubles
    bin_bias: Floats
    item_trend: Floats
    user_slope: Floats
    days: Csr
    user_drift: Floats | None
    day_factors: Floats | None

    def __post_init__(self) -> None:
        users, items, days = len(self.user_time), len(self.item_time), self.days.nnz
        shapes = {
            "item_time": (items,),
            "user_time": (users,),
            "bin_bias": (items, self.clock.bins),
            "item_trend": (items,),
            "user_slope": (users,),
        }
        for name in (*shapes, "user_drift", "day_factors"):
            array = getattr(self, name)
            if array is None:
                continue
            rows = {"user_drift": users, "day_factors": days}.get(name)
            wanted = shapes.get(name, (rows, *array.shape[1:]))
            if array.shape != wanted or not np.isfinite(array).all():
                raise InputError(f"{name} must be finite and of shape {wanted}; got {array.shape}")
            object.__setattr__(self, name, frozen(array))
        if self.days.rows != users or self.days.values is None or not np.isfinite(self.days.values).all():
            raise InputError(f"days must be (users, days) with finite values; got {self.days!r}")

    def of_items(self, rows: Rows, times: Seconds) -> Floats:
        """What is added to the biases of these items at these times, float32."""
        of_bin = self.bin_bias[rows, self.clock.bin(times)]
        return np.asarray(
            of_bin + self.item_trend[rows] * self.clock.deviation(times, self.item_time[rows]), np.float32
        )

    def of_users(self, rows: Rows, times: Seconds) -> Floats:
        """What is added to the biases of these users at these times, float32."""
        added = self.user_slope[rows] * self.clock.deviation(times, self.user_time[rows])
        cells, known = self._cells(rows, times)
        assert self.days.values is not None  # checked when made
        added[known] += self.days.values[cells[known]]
        return added

    def moved(self, vectors: Floats, rows: Rows, times: Seconds) -> Floats:
        """The factors of these users at these times, from what they are at all times; float32 (rows, factors)."""
        if self.user_drift is not None:
            deviation = self.clock.deviation(times, self.user_time[rows])
            vectors = vectors + deviation[:, None] * self.user_drift[rows]
        if self.day_factors is not None:
            cells, known = self._cells(rows, times)
            vectors = vectors.copy()
            vectors[known] += self.day_factors[cells[known]]
        return vectors

    def _cells(self, rows: Rows, times: Seconds) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The cell of ``days`` for each user and time, and whether there is one."""
        day, width = self.clock.day(times), self.days.columns
        keys = self.days.row_of().astype(np.int64) * width + self.days.indices
        wanted = rows.astype(np.int64) * width + day
        cells = np.searchsorted(keys, wanted)
        known = (day >= 0) & (day < width) & (cells < len(keys))
        known[known] = keys[cells[known]] == wanted[known]
        return cells, known

    def of_newcomers(self, users: int) -> TimeTerms:
        """The same items with users of whom no change is known."""
        none = Csr(
            np.zeros(users + 1, np.int64), np.zeros(0, np.int32), self.days.columns, np.zeros(0, np.float32)
        )
        return replace(
            self,
            user_time=np.full(users, float(self.clock.last)),
            user_slope=np.zeros(users, np.float32),
            days=none,
            user_drift=None,
            day_factors=None,
        )

    def packed(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and plain data for a file."""
        names = (
            "user_time",
            "item_time",
            "bin_bias",
            "item_trend",
            "user_slope",
            "user_drift",
            "day_factors",
        )
        arrays: Arrays = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        arrays |= pack_table("days", self.days)
        return arrays, asdict(self.clock) | {"days": self.days.columns}

    @classmethod
    def unpacked(cls, arrays: Arrays, settings: dict[str, Any]) -> TimeTerms:
        """The terms that :meth:`packed` describes."""
        clock = dict(settings)
        days = unpack_table("days", arrays, clock.pop("days"))
        if days is None:
            raise InputError("the days are missing")
        return cls(
            Clock(**clock),
            arrays["user_time"],
            arrays["item_time"],
            arrays["bin_bias"],
            arrays["item_trend"],
            arrays["user_slope"],
            days,
            arrays.get("user_drift"),
            arrays.get("day_factors"),
        )
