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


def nearest(factors: Floats, k: int, rows: Rows, n: int, metric: Metric) -> tuple[Rows, Scores]:
    """The n rows of ``factors`` (rows, padded k) closest to each of ``rows``, without the row itself.

    Returns
    -------
    int32 (len(rows), n), float32 (len(rows), n)
        Best first (equal scores by row), padded with -1 and -inf. A zero row has cosine 0 with every other.

    Raises
    ------
    ParameterError
        If the metric is unknown or n < 1.
    """
    if metric not in ("cosine", "dot"):
        raise ParameterError(f'metric must be "cosine" or "dot"; got {metric!r}')
    if n < 1:
        raise ParameterError(f"n must be at least 1; got {n}")
    if metric == "cosine":
        norms = np.linalg.norm(factors, axis=1, keepdims=True)
        factors = np.divide(factors, norms, out=np.zeros_like(factors), where=norms > 0)
    ranker = _native.Ranker(factors, k, None)
    threads = 1 if len(rows) == 1 else resolve_threads(None)
    itself = (np.arange(len(rows) + 1, dtype=np.int64), rows, np.arange(len(rows), dtype=np.int32))
    none = np.zeros(len(rows), np.float32)
    return ranker.best(factors[rows], none, min(n, len(factors)), threads, itself)


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
