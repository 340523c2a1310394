"""Fold-in for models that were learned by steps: the user's row of least expected loss against fixed items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import UnsupportedError
from tastespace.models.confidence import Confidence
from tastespace.models.padding import Floats, blank
from tastespace.models.reading import Doubles
from tastespace.models.solvers import Counts, Rows, RowSolver, Side


@dataclass(frozen=True, eq=False)
class PairwiseRows(RowSolver):
    """The row of one user, by the convex objective that ``docs/math/pairwise.md`` states for each loss.

    Training takes steps along samples of that objective and ends near its minimum, not at it, so a learned row differs
    from the fold-in of the same history.

    Attributes
    ----------
    trainer
        Name, for messages.
    loss, counts, mean
        As the kernel names them.
    regularization, bias_regularization
        Penalty of the row for each sample; None: users have no bias. Below 1e-4 they count as that.
    confidence, weight
        How values become weights, and the mean of these in training, by which they are divided.
    popularity
        Relative chance of every item to be drawn, float64 (items,); None: all the same.
    """

    trainer: str
    loss: str
    counts: tuple[int, ...]
    mean: float
    regularization: float
    bias_regularization: float | None
    confidence: Confidence
    weight: float
    popularity: npt.NDArray[np.float64] | None
    kind = "pairwise"
    weighs = True
    row_solved = False

    def weights(self, events: Csr) -> Floats | None:
        """The weight of every event of whole user rows, on average 1 in training; None: all 1."""
        weights = self.confidence.user_weights(events)
        return None if weights is None else np.asarray(weights / np.float32(self.weight), np.float32)

    def side(self, factors: Floats, bias: Floats, threads: int) -> Side:
        return Side(factors, bias)

    def users(self, events: Csr, items: Side, threads: int) -> tuple[Floats, Floats]:
        x, bias = blank(events.rows, items.factors.shape[1]), np.zeros(events.rows, np.float32)
        _native.pairwise_rows(
            events.indptr,
            events.indices,
            self.weights(events),
            self.popularity,
            self.loss,
            list(self.counts),
            self.mean,
            (self.regularization, self.bias_regularization),
            items.factors,
            items.bias,
            x,
            bias,
            threads,
        )
        return x, bias

    def items(
        self, events: Csr, rows: Rows, users: Side, history: Csr, threads: int
    ) -> tuple[Floats, Floats]:
        raise self._refusal()

    def update(
        self, train: Interactions, users: Rows, items: Rows, new: Counts, p: Side, q: Side, threads: int
    ) -> tuple[Side, Side]:
        raise self._refusal()

    def _refusal(self) -> UnsupportedError:
        return UnsupportedError(
            f"{self.trainer} learns items by steps, so it cannot take new events into a finished model; place users by "
            f"fold_in or fold_in_many, or go on learning: {self.trainer}(factors=model.factors, init=model, "
            "...).fit(all events), with the other settings in model.info.params and another seed"
        )

    def contributions(self, events: Csr, items: Side, item: int) -> Doubles:
        raise UnsupportedError(
            f"a score of {self.trainer} is no sum over the history, so nothing explains it; similar_items works"
        )

    def params(self) -> dict[str, Any]:
        return {
            "trainer": self.trainer,
            "loss": self.loss,
            "counts": list(self.counts),
            "mean": self.mean,
            "regularization": self.regularization,
            "bias_regularization": self.bias_regularization,
            "confidence": self.confidence.kind,
            "average": self.confidence.average,
            "weight": self.weight,
        }

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        arrays = {"idf": self.confidence.idf, "popularity": self.popularity}
        return {name: array for name, array in arrays.items() if array is not None}

    @classmethod
    def of(cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> PairwiseRows:
        """The solver that :meth:`params` and :meth:`arrays` describe."""
        settings = dict(params)
        confidence = Confidence(settings.pop("confidence"), arrays.get("idf"), settings.pop("average"))
        settings["counts"] = tuple(settings["counts"])
        return cls(**settings, confidence=confidence, popularity=arrays.get("popularity"))
