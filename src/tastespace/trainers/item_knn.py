"""Item neighbourhoods: what is liked by the same users."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.models.confidence import Confidence
from tastespace.models.likeness import Likeness
from tastespace.models.profiles import Profile, WeightedEvents
from tastespace.trainers.knn import KNN


@dataclass(frozen=True, kw_only=True)
class ItemKNN(KNN):
    r"""Scores an item by how alike it is to what the user had.

    Of ratings, the prediction is the baseline plus a weighted mean of deviations from it,

    .. math::

        \mu + b_u + b_i + \frac{\sum_{j \in N_i} s_{ij} (r_{uj} - \mu - b_u - b_j)}{\sum_{j \in N_i} s_{ij} + \delta} ;

    of events, the score is :math:`\sum_{j \in N_i} s_{ij} w_{uj}` with w = confidence(r). N_i are the neighbours of
    item i among the items of the user, s how alike two items are, see ``docs/math/likeness.md``.

    Parameters
    ----------
    neighbours
        The most alike items that are kept for each item, >= 1; None: 200.
    similarity
        Of ratings ``"pearson_baseline"`` (the default: deviations from the baseline), ``"pearson"`` (from the item's
        mean), ``"adjusted_cosine"`` (from the user's mean) or ``"cosine"`` (as they are). Of events
        ``"cosine"`` of the confidences.
    confidence
        How the value r of an event becomes a weight: ``"linear"``, ``"log"``, ``"bm25"`` (the default) or ``"tfidf"``,
        see :class:`tastespace.models.confidence.Confidence`. Not for ratings.
    shrinkage
        :math:`\lambda` >= 0: a likeness over n common users is multiplied by n / (n + :math:`\lambda`), so that a
        few users in common, whom chance brings together, count little. None: 100 for ratings, 30 for events.
    overlap
        Users that two neighbours must have in common, >= 1.
    threshold
        The least likeness of a neighbour, >= 0.
    regularization
        Penalty of the baseline's biases, >= 0, see :class:`Baseline`. Ratings only.
    damping
        :math:`\delta` >= 0, which draws predictions with few neighbours to the baseline; None: 0. Ratings only.
    threads
        At most this many; None: all cores. The result does not depend on it.

    References
    ----------
    B. Sarwar, G. Karypis, J. Konstan, J. Riedl, Item-based collaborative filtering recommendation algorithms, WWW 2001.
    Y. Koren, Factor in the neighbors: scalable and accurate collaborative filtering, TKDD 4(1), 2010.
    """

    between = "items"
    of_ratings = (100.0, 0.0)
    of_events = (200, 30.0)

    def _weighted(
        self, confidence: Confidence, likeness: Likeness, train: Interactions, threads: int
    ) -> tuple[Profile, Csr]:
        profile, events = WeightedEvents(confidence), train.by_user
        factors = confidence.user_factors(events)
        if factors is not None:  # what is the item's cancels
            return profile, likeness.nearest(train.by_item, threads, factors).transpose()
        rows = Csr(events.indptr, events.indices, events.columns, profile.values(events))
        return profile, self._weights(likeness, rows, threads)

    def _weights(self, likeness: Likeness, rows: Csr, threads: int) -> Csr:
        # From the neighbours of every item to the items that have it for a neighbour: what a history is summed over.
        return likeness.nearest(rows.transpose(), threads).transpose()
