"""Ranking metrics: each a quotient of what a user's list of k items hit.

For a user with the set R of relevant test items and the list i_1, i_2, ..., i_k of recommended items, let
rel(j) = 1 if i_j is in R and 0 otherwise. R includes the items that the model does not know, which nobody can
hit. A list shorter than k (nothing is left to recommend) counts as if misses filled it up. The value of a report
is the mean over the scored users, who all have at least one relevant item. Equal scores are ranked by item row.
Where other libraries differ: `docs/math/ranking-metrics.md`.
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
    graded, graded_ideal
        Discounted gain where a hit counts its test value, and the largest possible, float64 (users,); None unless
        asked for.
    """

    k: int
    relevant: NDArray[np.int64]
    count: NDArray[np.int32]
    first: NDArray[np.int32]
    gain: NDArray[np.float64]
    ideal: NDArray[np.float64]
    precision: NDArray[np.float64]
    graded: NDArray[np.float64] | None = None
    graded_ideal: NDArray[np.float64] | None = None


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
    the best possible value is min(k, |R|) / |R|; `recall_capped` divides by the other.

    References
    ----------
    Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    return hits.count / hits.relevant


def recall_capped(hits: Hits) -> NDArray[np.float64]:
    """Share of the relevant items that could be among the k recommended and are.

    ``recall_capped@k = sum_{j<=k} rel(j) / min(k, |R|)``, from 0 to 1. The best possible value is 1. Papers on
    variational autoencoders call it recall.

    References
    ----------
    Liang, Krishnan, Hoffman, Jebara, "Variational autoencoders for collaborative filtering", WWW 2018, section 4.3.
    """
    return hits.count / np.minimum(hits.k, hits.relevant)


def ndcg(hits: Hits) -> NDArray[np.float64]:
    """Discounted gain, normalized by the largest possible: early hits count more.

    ``ndcg@k = sum_{j<=k} rel(j) / log2(j + 1)  /  sum_{j<=min(k,|R|)} 1 / log2(j + 1)``, from 0 to 1. Relevance is
    binary: a rating counts as relevant or not. The best possible value is 1.

    References
    ----------
    Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002.
    """
    return hits.gain / hits.ideal


def ndcg_graded(hits: Hits) -> NDArray[np.float64]:
    """Discounted gain of the test values, normalized by the largest possible: better items count more.

    With v(i) >= 0 the test value (rating or weight) of item i, ``ndcg_graded@k = sum_{j<=k} rel(j) v(i_j) / log2(j + 1)
    /  sum_{j<=min(k,|R|)} v_j / log2(j + 1)``, where v_1 >= v_2 >= ... are the values of all relevant items, those that
    the model does not know among them. The gain is linear, not ``2^v - 1``. From 0 to 1; the best possible value is 1,
    and 0 where all values are 0.

    References
    ----------
    Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002.
    """
    if hits.graded is None or hits.graded_ideal is None:
        raise ValueError("these hits were counted without values")
    ideal = hits.graded_ideal
    return np.divide(hits.graded, ideal, out=np.zeros_like(ideal), where=ideal > 0)


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


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a relevant item and another ranked one, of every scored user, whatever the cut-off.

    Attributes
    ----------
    relevant
        |R|, int64 (users,), at least 1.
    concordant
        Twice the concordant pairs, in which the relevant item scores higher, and once the tied ones, int64 (users,).
    negatives
        Ranked items that are not relevant, int64 (users,).
    found
        Ranked items that are, int64 (users,).
    """

    relevant: NDArray[np.int64]
    concordant: NDArray[np.int64]
    negatives: NDArray[np.int64]
    found: NDArray[np.int64]


def auc(pairs: Pairs) -> NDArray[np.float64]:
    """Chance that a relevant item is ranked above one that is not: the area under the ROC curve.

    With N the ranked items that are not in R, and s(i) the score of item i, ``auc = sum_{i in R} (|{j in N: s(j) <
    s(i)}| + |{j in N: s(j) = s(i)}| / 2) / (|R| |N|)``, from 0 to 1; 1/2 for a random order, and for equal scores. The
    whole ranking counts: there is no cut-off. Relevant items that are not ranked, because the model does not know them
    or because they are removed as seen, are in no concordant pair: with c of them, the best possible value is
    1 - c / |R|. Where nothing but relevant items is ranked, no negative stands above them, and each counts 1.

    References
    ----------
    Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit feedback", UAI
    2009, section 4.1.1 (which leaves out what the model does not know).
    """
    shares = np.where(
        pairs.negatives > 0, pairs.concordant / (2.0 * np.maximum(pairs.negatives, 1)), pairs.found
    )
    return np.asarray(shares / pairs.relevant, np.float64)


RANKING: dict[str, Callable[[Hits], NDArray[np.float64]]] = {
    "precision": precision,
    "recall": recall,
    "recall_capped": recall_capped,
    "ndcg": ndcg,
    "ndcg_graded": ndcg_graded,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}
