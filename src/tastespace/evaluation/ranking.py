"""Ranking metrics: each a quotient of what a user's list of k items hit.

For a user with the set R of relevant test items and the list i_1, i_2, ..., i_k of recommended items, let
rel(j) = 1 if i_j is in R and 0 otherwise. R includes the items that the model does not know, which nobody can
hit. A list shorter than k (nothing is left to recommend) counts as if misses filled it up. The value of a report
is the mean over the scored users, who all have at least one relevant item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What the first k places of every scored user's list hit.

    Attributes
    ----------
    k
        The cut-off.
    relevant
        |R|, int64 (users,), at least 1.
    count
        Hits in the list, int32 (users,).
    first
        Place of the first hit, from 1; 0 without a hit; int32 (users,).
    gain
        Discounted gain, the sum of ``rel(j) / log2(j + 1)``, float64 (users,).
    ideal
        The largest possible gain, with hits in the first min(k, |R|) places, float64 (users,).
    precision
        The sum of ``rel(j) * precision@j``, float64 (users,).
    """

    k: int
    relevant: NDArray[np.int64]
    count: NDArray[np.int32]
    first: NDArray[np.int32]
    gain: NDArray[np.float64]
    ideal: NDArray[np.float64]
    precision: NDArray[np.float64]


def precision(hits: Hits) -> NDArray[np.float64]:
    """Share of the k recommended places that hold a relevant item.

    ``precision@k = sum_{j<=k} rel(j) / k``, from 0 to 1. It divides by k even if the list is shorter or fewer than
    k items are relevant, so the best possible value is min(k, |R|) / k.

    References
    ----------
    Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    return hits.count / np.float64(hits.k)


def recall(hits: Hits) -> NDArray[np.float64]:
    """Share of the relevant items that are among the k recommended.

    ``recall@k = sum_{j<=k} rel(j) / |R|``, from 0 to 1. It divides by |R|, not by min(k, |R|) as some papers do, so
    the best possible value is min(k, |R|) / |R|.

    References
    ----------
    Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    return hits.count / hits.relevant


def ndcg(hits: Hits) -> NDArray[np.float64]:
    """Discounted gain, normalized by the largest possible: early hits count more.

    ``ndcg@k = sum_{j<=k} rel(j) / log2(j + 1)  /  sum_{j<=min(k,|R|)} 1 / log2(j + 1)``, from 0 to 1. Relevance is
    binary: a rating counts as relevant or not. The best possible value is 1.

    References
    ----------
    Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002.
    """
    return hits.gain / hits.ideal


def average_precision(hits: Hits) -> NDArray[np.float64]:
    """Precision at every hit, averaged; its mean over the users is MAP.

    ``map@k = sum_{j<=k} rel(j) precision@j / min(k, |R|)``, from 0 to 1. The best possible value is 1.

    References
    ----------
    Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 8.4, cut off at k.
    """
    return hits.precision / np.minimum(hits.k, hits.relevant)


def reciprocal_rank(hits: Hits) -> NDArray[np.float64]:
    """One over the place of the first hit; its mean over the users is MRR.

    ``mrr@k = 1 / min{j <= k: rel(j) = 1}``, and 0 without a hit; from 0 to 1. The best possible value is 1.

    References
    ----------
    Voorhees, "The TREC-8 question answering track report", 1999.
    """
    return np.where(hits.first > 0, 1.0 / np.maximum(hits.first, 1), 0.0)


def hit_rate(hits: Hits) -> NDArray[np.float64]:
    """Whether the list holds any relevant item; its mean is the share of users with a hit.

    ``hit_rate@k = 1 if sum_{j<=k} rel(j) > 0 else 0``. The best possible value is 1.

    References
    ----------
    Deshpande, Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1), 2004.
    """
    return (hits.count > 0).astype(np.float64)


RANKING: dict[str, Callable[[Hits], NDArray[np.float64]]] = {
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}
