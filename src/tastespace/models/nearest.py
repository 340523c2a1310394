"""The rows of a factor matrix that are closest to given rows, and ranked rows as columns of a table."""

from __future__ import annotations

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


def inverse_norms(factors: Floats) -> Floats:
    """1 / |row| of every row, float32 (rows,); 0 for a zero row, whose cosine with every other is 0."""
    norms = np.linalg.norm(factors, axis=1)
    return np.asarray(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0), np.float32)


def nearest(
    ranker: _native.Ranker, factors: Floats, inverse: Floats, rows: Rows, n: int, metric: Metric
) -> tuple[Rows, Scores]:
    """The n rows of ``factors`` (rows, padded k), packed in ``ranker``, closest to each of ``rows``.

    The row itself is left out. ``inverse`` is :func:`inverse_norms` of the factors.

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
    n = min(at_least_one("n", n), len(factors))
    threads = 1 if len(rows) == 1 else resolve_threads(None)
    itself = (np.arange(len(rows) + 1, dtype=np.int64), rows, np.arange(len(rows), dtype=np.int32))
    vectors, none = factors[rows], np.zeros(len(rows), np.float32)
    no_bias = np.zeros(len(factors), np.float32)
    if metric == "dot":
        return ranker.best(vectors, none, n, threads, itself, no_bias)
    return ranker.best(vectors * inverse[rows, None], none, n, threads, itself, no_bias, inverse, inverse)


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
    valid = found >= 0
    ranks = np.broadcast_to(np.arange(1, found.shape[1] + 1, dtype=np.int32), found.shape)
    return {
        noun: np.repeat(asked.ids[rows], valid.sum(axis=1)),
        answer: answers.ids[found[valid]],
        "rank": ranks[valid],
        "score": scores[valid],
    }
