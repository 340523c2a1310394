"""Filters and boosts: which items a list may hold, and which it should favour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.models.padding import Floats


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What a call changes in the scores of items, one value for each item."""

    barred: npt.NDArray[np.bool_]
    positive: Floats | None = None
    negative: Floats | None = None

    def bias(self, item_bias: Floats) -> Floats:
        """The item biases with -inf where the item is barred."""
        return np.where(self.barred, np.float32(-np.inf), item_bias)


def adjustment(
    items: Vocabulary,
    allow: Iterable[str | int] | None,
    deny: Iterable[str | int] | None,
    boost: Mapping[str | int, float] | None,
) -> Adjustment | None:
    """The adjustment for allowed, denied and boosted item ids; None where nothing is asked.

    Ids that the vocabulary does not know have no effect: such items are never recommended.

    Raises
    ------
    ParameterError
        If a boost is not a positive finite number.
    """
    if allow is None and deny is None and not boost:
        return None
    barred = np.zeros(len(items), bool)
    if allow is not None:
        barred[:] = True
        barred[_known(items, allow)] = False
    if deny is not None:
        barred[_known(items, deny)] = True
    if not boost:
        return Adjustment(barred)
    factor = np.ones(len(items), np.float32)
    for item, value in boost.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"boost of item {item!r} must be a positive finite number; got {value!r}")
        factor[_known(items, [item])] = value
    return Adjustment(barred, factor, 1.0 / factor)


def _known(items: Vocabulary, ids: Iterable[str | int]) -> npt.NDArray[np.int32]:
    given = ids if isinstance(ids, np.ndarray) else list(ids)
    if len(given) == 0:
        return np.empty(0, np.int32)
    rows = items.find(given)
    return rows[rows >= 0]
