"""Hits on some of the relevant items only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.evaluation.ranking import RANKING, Hits


class Part:
    """Hits on some of the relevant items, summed while the lists go by.

    Parameters
    ----------
    wanted
        How many of each scored user's relevant items belong to the part, int64 (users,).
    known
        How many of those the model knows, int64 (users,).
    items
        Their rows, ascending within a user.
    values
        Their test values, where graded gains are wanted.
    grades
        Test values of all of the part, those the model does not know too, user by user; where graded gains are wanted.
    metrics, places, threads
        As in `Slices`.
    """

    def __init__(
        self,
        wanted: NDArray[np.int64],
        known: NDArray[np.int64],
        items: NDArray[np.int32],
        values: NDArray[np.float32] | None,
        grades: NDArray[np.float32] | None,
        metrics: Sequence[tuple[str, int]],
        places: int,
        threads: int,
    ) -> None:
        self._slots = np.flatnonzero(wanted)
        self._wanted = wanted[self._slots]
        self._indptr = np.concatenate([[0], np.cumsum(known[self._slots], dtype=np.int64)])
        self._items, self._values, self._grades = items, values, grades
        self._grades_indptr = np.concatenate([[0], np.cumsum(self._wanted, dtype=np.int64)])
        self._metrics = [(metric, k) for metric, k in metrics if metric in RANKING]
        self._places, self._threads = places, threads
        self._cutoffs = sorted({k for _, k in self._metrics})
        deepest = max(min(max(self._cutoffs, default=1), int(self._wanted.max(initial=0))), places)
        self._discounts = 1.0 / np.log2(np.arange(2, deepest + 2))
        self._ideal = np.concatenate([[0.0], np.cumsum(self._discounts)])
        self.sums = {f"{metric}@{k}": 0.0 for metric, k in self._metrics}

    @property
    def users(self) -> int:
        """Scored users with a relevant item in the part."""
        return len(self._slots)

    @property
    def events(self) -> int:
        """Relevant events in the part."""
        return int(self._wanted.sum())

    def mean(self, name: str) -> float:
        """Return the value of a metric over the users of the part; NaN without any."""
        return self.sums[name] / self.users if self.users else float("nan")

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        first, last = np.searchsorted(self._slots, [start, end])
        if first == last or not self._cutoffs:
            return
        shape = (int(last - first), len(self._cutoffs))
        count, place = np.empty(shape, np.int32), np.empty(shape, np.int32)
        gain, precision = np.empty(shape), np.empty(shape)
        graded, best = np.zeros(shape), np.zeros(shape)
        if self._grades is not None:
            _native.graded_ideals(
                self._grades_indptr[first : last + 1],
                self._grades,
                self._cutoffs,
                self._discounts,
                best,
                self._threads,
            )
        _native.count_hits(
            ranked[self._slots[first:last] - start],
            self._indptr[first : last + 1],
            self._items,
            [min(k, self._places) for k in self._cutoffs],
            self._discounts[: self._places],
            count,
            place,
            gain,
            precision,
            self._values,
            None if self._values is None else graded,
            self._threads,
        )
        wanted = self._wanted[first:last]
        hits = {
            k: Hits(
                k,
                wanted,
                count[:, at],
                place[:, at],
                gain[:, at],
                self._ideal[np.minimum(k, wanted)],
                precision[:, at],
                graded[:, at],
                best[:, at],
            )
            for at, k in enumerate(self._cutoffs)
        }
        for metric, k in self._metrics:
            name = f"{metric}@{k}"
            # One user after the other, so that the sum does not depend on the blocks.
            self.sums[name] = float(np.cumsum(np.append(self.sums[name], RANKING[metric](hits[k])))[-1])
