"""Why an item stands where it does in a blend: the explanations of its models on one scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tastespace.data.vocabulary import Vocabulary
from tastespace.models.explanation import Explanation
from tastespace.models.protocol import Id
from tastespace.models.table import Table


@dataclass(slots=True)
class Told:
    """What the models of a blend told so far of one item."""

    mean: float = 0.0
    bias: float = 0.0
    items: list[Id] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def add(self, name: str, why: Explanation, weight: float, centre: float, spread: float) -> None:
        """One model's explanation, less the mean of the scores there, over their deviation, times its weight."""
        if not spread:
            self.add_silent(name, why.parts["item"], why.parts["value"])
            return
        scale = weight / spread
        self.mean += scale * (why.mean - centre)
        self.bias += scale * why.item_bias
        self._take(name, why.parts["item"], why.parts["value"], scale * why.parts["contribution"])

    def add_silent(self, name: str, items: npt.NDArray[np.generic], values: npt.NDArray[np.float32]) -> None:
        """The history in a model that does not know the item: it says nothing of it."""
        self._take(name, items, values, np.zeros(len(items)))

    def _take(
        self,
        name: str,
        items: npt.NDArray[np.generic],
        values: npt.NDArray[np.float32],
        parts: npt.NDArray[np.float64],
    ) -> None:
        self.items.extend(items.tolist())
        self.values.extend(values.tolist())
        self.parts.extend(parts.astype(np.float64).tolist())
        self.models.extend([name] * len(items))

    def explanation(self, user: Id | None, item: Id, known: Vocabulary) -> Explanation:
        """All of it, strongest first."""
        contribution = np.array(self.parts, np.float64)
        order = np.argsort(-np.abs(contribution), kind="stable")
        table = Table(
            {
                "item": np.array(self.items, known.ids.dtype)[order],
                "value": np.array(self.values, np.float32)[order],
                "contribution": contribution[order],
                "model": np.array(self.models, object)[order],
            }
        )
        score = self.mean + self.bias + float(contribution.sum())
        return Explanation(user, item, score, self.mean, self.bias, table)
