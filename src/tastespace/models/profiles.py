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
from tastespace.models.padding import Floats
from tastespace.models.reading import Doubles, Reader


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


def profile_from(kind: str, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Profile:
    """The profile that :meth:`Reader.params` and :meth:`Reader.arrays` describe."""
    if kind == WeightedEvents.kind:
        return WeightedEvents(Confidence(params["confidence"], arrays.get("idf"), params["average"]))
    raise NewerFormatError(
        f"the model reads histories by {kind!r}, which this release does not know; upgrade tastespace"
    )
