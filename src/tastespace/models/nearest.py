"""The rows of a factor matrix that are closest to given rows, and ranked rows as columns of a table."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.models.padding import Floats
from tastespace.models.protocol import Rows, Scores

Metric = Literal["cosine", "dot"]


class Neighbourhood:
    """The rows of a factor matrix, asked which of them are close to which.

    For each metric the rows are packed when it is first asked for; a packing takes 5/4 of the memory of the factors.

    Parameters
    ----------
    rows
        (rows, padded factors), read-only.
    factors
        Number of factors.
    """

    def __init__(self, rows: Floats, factors: int) -> None:
        self._rows, self._factors = rows, factors

    # All are derived from the frozen rows alone; made on first use because a model may never be asked.

    @cached_property
    def _dot(self) -> _native.Ranker:
        return _native.Ranker(self._rows, self._factors, None)

    @cached_property
    def vectors(self) -> tuple[Floats, Floats]:
        """The rows, and one over the length of each."""
        return self._rows, inverse_norms(self._rows)

    @cached_property
    def _cosine(self) -> _native.Ranker:
        return _native.Ranker(self._rows * self.vectors[1][:, None], self._factors, None)

    def cosines(self, rows: Rows) -> Scores:
        """The cosine of some rows with each row, float32 (len(rows), all rows); 0 where one of them is a zero row."""
        return self._cosine.scores(self._rows.take(rows, axis=0) * self.vectors[1][rows, None], 1)

    def nearest(self, rows: Rows, n: int, metric: Metric) -> tuple[Rows, Scores]:
        """The n rows closest to each of ``rows``, without the row itself.

        Returns
        -------
        int32 (len(rows), n), float32 (len(rows), n)
            Best first (equal scores by row), padded with -1 and -inf.

        Raises
        ------
        ParameterError
            If the metric is unknown or n < 1.
        """
        if metric not in ("cosine", "dot"):
            raise ParameterError(f'metric must be "cosine" or "dot"; got {metric!r}')
        n = min(at_least_one("n", n), len(self._rows))
        threads = 1 if len(rows) == 1 else resolve_threads(None)
        asked = np.arange(len(rows) + 1, dtype=np.int64)
        itself = (asked, rows, asked[:-1].astype(np.int32))
        vectors, none = self._rows.take(rows, axis=0), np.zeros(len(rows), np.float32)
        if metric == "dot":
            return self._dot.best(vectors, none, n, threads, itself)
        return self._cosine.best(vectors * self.vectors[1][rows, None], none, n, threads, itself)


def inverse_norms(factors: Floats) -> Floats:
    """1 / |row| of every row, float32 (rows,); 0 for a zero row, whose cosine with every other is 0."""
    norms = np.linalg.norm(factors, axis=1)
    return np.asarray(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0), np.float32)


def at_least_one(name: str, value: int) -> int:
    """The value, if it is a whole number of at least 1; else ParameterError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ParameterError(f"{name} must be a whole number of at least 1; got {value!r}")
    return int(value)


def listed(
    noun: str,
    asked: Vocabulary,
    rows: Rows,
    answer: str,
    answers: Vocabulary,
    found: Rows,
    scores: Scores,
) -> dict[str, npt.NDArray[Any]]:
    """Ranked rows (asked, n), padded with -1, as the columns ``noun``, ``answer``, rank (from 1) and score."""
    if found.min(initial=0) >= 0:  # nothing is padding, as nearly always
        return {
            noun: asked.ids[rows].repeat(found.shape[1]),
            answer: answers.ids.take(found.ravel()),
            "rank": np.tile(np.arange(1, found.shape[1] + 1, dtype=np.int32), len(found)),
            "score": scores.ravel(),
        }
    valid = found >= 0
    ranks = np.broadcast_to(np.arange(1, found.shape[1] + 1, dtype=np.int32), found.shape)
    return {
        noun: np.repeat(asked.ids[rows], valid.sum(axis=1)),
        answer: answers.ids[found[valid]],
        "rank": ranks[valid],
        "score": scores[valid],
    }
