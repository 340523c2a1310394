"""How the histories of users enter scores that are sums over neighbours.

A *profile* is to a :class:`NeighbourModel` what a row solver is to a factor model: it is stored in the model, so the
model never asks its trainer. ``docs/math/neighbours.md`` has the equations.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.errors import NewerFormatError, UnsupportedError
from tastespace.models.confidence import Confidence
from tastespace.models.likeness import Likeness, centred, column_means, row_means
from tastespace.models.padding import Floats
from tastespace.models.reading import Doubles, Reader

#: What may be compared of ratings, by name; see ``docs/math/likeness.md``.
SIMILARITIES = ("pearson_baseline", "pearson", "adjusted_cosine", "cosine")


class Profile(Reader):
    """What a history becomes before it meets the weights."""

    #: Whether the weights of the model lie between items, or between users.
    between: Literal["items", "users"] = "items"

    #: What a sum is divided by: nothing, or the sum of the absolute weights in it, with ``damping`` added.
    mean: bool = False
    damping: float = 0.0

    @abstractmethod
    def values(self, events: Csr) -> Floats | None:
        """What every event of whole user rows counts, float32 (events,); None: 1.

        The x of the sums where weights lie between items, the cells of the summed rows where between users.
        """

    def offsets(self, events: Csr) -> Floats:
        """The bias of the users with these events, float32 (rows,)."""
        return np.zeros(events.rows, np.float32)

    def offset_parts(self, events: Csr) -> Doubles:
        """What each of one user's events adds to the user's bias."""
        return np.zeros(events.nnz)

    def neighbours(self, events: Csr, history: Csr, threads: int) -> Csr:
        """Weights (rows, users) of newcomers with these events, where weights lie between users."""
        raise UnsupportedError("weights between items need no neighbours among users")


@dataclass(frozen=True, eq=False)
class WeightedEvents(Profile):
    """An event counts its confidence; sums over items are plain."""

    confidence: Confidence
    kind = "weighted_events"
    weighs = True

    def values(self, events: Csr) -> Floats | None:
        return self.confidence.user_weights(events)

    def params(self) -> dict[str, Any]:
        return {"confidence": self.confidence.kind, "average": self.confidence.average}

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {} if self.confidence.idf is None else {"idf": self.confidence.idf}


@dataclass(frozen=True, eq=False)
class SimilarUsers(Profile):
    """What similar users did counts log2(1 + r); how similar they are is the likeness of their confidences."""

    confidence: Confidence
    likeness: Likeness
    kind = "similar_users"
    between = "users"
    weighs = True
    row_solved = False  # a newcomer with a user's history has that user for a neighbour

    def values(self, events: Csr) -> Floats | None:
        return Confidence("log").user_weights(events)

    def rows(self, events: Csr) -> Csr:
        """The rows that are compared."""
        return Csr(events.indptr, events.indices, events.columns, self.confidence.user_weights(events))

    def neighbours(self, events: Csr, history: Csr, threads: int) -> Csr:
        return self.likeness.nearest_of(self.rows(events), self.rows(history))

    def params(self) -> dict[str, Any]:
        return {
            "confidence": self.confidence.kind,
            "average": self.confidence.average,
            "likeness": self.likeness.params(),
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {} if self.confidence.idf is None else {"idf": self.confidence.idf}


@dataclass(frozen=True, eq=False, kw_only=True)
class Deviations(Profile):
    r"""A rating counts what it is above the baseline, :math:`w (r - \mu - b_u - b_i)`; sums are means.

    Attributes
    ----------
    between
        ``"items"`` or ``"users"``.
    similarity
        What is compared, a key of :data:`SIMILARITIES`.
    likeness
        How it is compared.
    centre
        :math:`\mu`.
    item_bias
        :math:`b_i`, float32 (items,).
    regularization
        Of the users' biases.
    damping
        Added to the absolute weights that a mean is divided by.
    """

    between: Literal["items", "users"]
    similarity: str
    likeness: Likeness
    centre: float
    item_bias: Floats
    regularization: float
    damping: float
    kind = "deviations"
    mean = True
    ratings = True

    @property
    def row_solved(self) -> bool:  # type: ignore[override]  # a constant of other kinds
        return self.between == "items"

    def values(self, events: Csr) -> Floats:
        weights, above = self._above(events)
        return np.asarray(weights * (above - self._bias(events, weights, above)[events.row_of()]), np.float32)

    def offsets(self, events: Csr) -> Floats:
        return self._bias(events, *self._above(events)).astype(np.float32)

    def offset_parts(self, events: Csr) -> Doubles:
        weights, above = self._above(events)
        return np.asarray(weights * above / (weights.sum() + self.regularization))

    def _above(self, events: Csr) -> tuple[Doubles, Doubles]:
        """The weight of every event, and what its rating is above the mean and the item's bias."""
        weights = np.ones(events.nnz) if events.weights is None else events.weights.astype(np.float64)
        above = events.filled_values().astype(np.float64) - self.centre - self.item_bias[events.indices]
        return weights, above

    def _bias(self, events: Csr, weights: Doubles, above: Doubles) -> Doubles:
        row_of = events.row_of()
        total = np.bincount(row_of, weights, events.rows) + self.regularization
        sums = np.bincount(row_of, weights * above, events.rows)
        return np.asarray(np.divide(sums, total, out=np.zeros(events.rows), where=total > 0))

    def rows(self, events: Csr, history: Csr) -> Csr:
        """What is compared of these users (rows) among all: what ``similarity`` makes of their ratings."""
        by_item = self.between == "items"
        if self.similarity == "pearson_baseline":
            return Csr(events.indptr, events.indices, events.columns, self.values(events))
        if self.similarity == "cosine":
            return centred(events, np.zeros(events.columns), events.indices)
        # Pearson takes the means of what is compared, the adjusted cosine those of the other side.
        if (self.similarity == "pearson") == by_item:
            return centred(events, column_means(history), events.indices)
        return centred(events, row_means(events), events.row_of())

    def neighbours(self, events: Csr, history: Csr, threads: int) -> Csr:
        return self.likeness.nearest_of(self.rows(events, history), self.rows(history, history))

    def params(self) -> dict[str, Any]:
        return {
            "between": self.between,
            "similarity": self.similarity,
            "likeness": self.likeness.params(),
            "centre": self.centre,
            "regularization": self.regularization,
            "damping": self.damping,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"item_bias": self.item_bias}


def profile_from(kind: str, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Profile:
    """The profile that :meth:`Reader.params` and :meth:`Reader.arrays` describe."""
    if kind == WeightedEvents.kind:
        return WeightedEvents(Confidence(params["confidence"], arrays.get("idf"), params["average"]))
    if kind == SimilarUsers.kind:
        confidence = Confidence(params["confidence"], arrays.get("idf"), params["average"])
        return SimilarUsers(confidence, Likeness(**params["likeness"]))
    if kind == Deviations.kind:
        likeness = Likeness(**params["likeness"])
        return Deviations(**params | {"likeness": likeness}, item_bias=arrays["item_bias"])
    raise NewerFormatError(
        f"the model reads histories by {kind!r}, which this release does not know; upgrade tastespace"
    )
