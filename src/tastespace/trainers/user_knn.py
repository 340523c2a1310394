"""User neighbourhoods: what users of like taste had."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.models.confidence import Confidence
from tastespace.models.likeness import Likeness
from tastespace.models.profiles import Profile, SimilarUsers
from tastespace.trainers.knn import KNN


@dataclass(frozen=True, kw_only=True)
class UserKNN(KNN):
    r"""Scores an item by how alike the users are who had it.

    Of ratings, the prediction is the baseline plus a weighted mean of deviations from it,

    .. math::

        \mu + b_u + b_i + \frac{\sum_{v \in N_u} s_{uv} (r_{vi} - \mu - b_v - b_i)}{\sum_{v \in N_u} s_{uv} + \delta} ;

    of events, the score is :math:`\sum_{v \in N_u} s_{uv} \log_2 (1 + r_{vi})`. N_u are the neighbours of the user who
    had item i, s how alike two users are, see ``docs/math/likeness.md``.

    Parameters
    ----------
    neighbours
        The most alike users that are kept for each user, >= 1; None: 200 for ratings, 100 for events.
    similarity
        Of ratings ``"pearson_baseline"`` (the default: deviations from the baseline), ``"pearson"`` (from the user's
        mean), ``"adjusted_cosine"`` (from the item's mean) or ``"cosine"`` (as they are). Of events
        ``"cosine"`` of the confidences.
    confidence
        How the value r of an event becomes a weight where users are compared: ``"linear"``, ``"log"``, ``"bm25"`` (the
        default) or ``"tfidf"``, see :class:`tastespace.models.confidence.Confidence`. Not for ratings.
    shrinkage
        :math:`\lambda` >= 0: a likeness over n common items is multiplied by n / (n + :math:`\lambda`). None: 30 for
        ratings, 3 for events.
    overlap
        Items that two neighbours must have in common, >= 1.
    threshold
        The least likeness of a neighbour, >= 0.
    regularization
        Penalty of the baseline's biases, >= 0, see :class:`Baseline`. Ratings only.
    damping
        :math:`\delta` >= 0, which draws predictions with few neighbours to the baseline; None: 0.5. Ratings only.
    threads
        At most this many; None: all cores. The result does not depend on it.

    References
    ----------
    J. Herlocker, J. Konstan, A. Borchers, J. Riedl, An algorithmic framework for performing collaborative filtering,
    SIGIR 1999.
    """

    between = "users"
    of_ratings = (30.0, 0.5)
    of_events = (100, 3.0)

    def _weighted(
        self, confidence: Confidence, likeness: Likeness, train: Interactions, threads: int
    ) -> tuple[Profile, Csr]:
        profile, events = SimilarUsers(confidence, likeness), train.by_user
        if confidence.idf is not None and events.values is None:  # what is the user's cancels
            return profile, likeness.nearest(events, threads, confidence.idf)
        return profile, self._weights(likeness, profile.rows(events), threads)

    def _weights(self, likeness: Likeness, rows: Csr, threads: int) -> Csr:
        return likeness.nearest(rows, threads)
