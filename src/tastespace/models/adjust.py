"""Filters and boosts: which items a list may hold, and which it should favour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError, UnknownItemError
from tastespace.models.padding import Floats
from tastespace.models.protocol import ID


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
        If a boost is not a positive finite number, boosts have no items, or a single id is given for several.
    UnknownItemError
        If ids are text where the model has integers, or the reverse.
    """
    if allow is None and deny is None and not boost:
        return None
    barred = np.zeros(len(items), bool)
    if allow is not None:
        barred[:] = True
        barred[_known(items, allow, "allow")] = False
    if deny is not None:
        barred[_known(items, deny, "deny")] = True
    if not boost:
        return Adjustment(barred)
    if not isinstance(boost, Mapping):
        raise ParameterError(f"boost takes {{item: factor}}; got {boost!r}")
    factor = np.ones(len(items), np.float32)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        for given, value in boost.items():
            item = given.item() if isinstance(given, np.generic) else given
            strength = np.float32(value) if isinstance(value, (int, float, np.number)) else np.float32(np.nan)
            if not (0 < strength < np.inf and 0 < 1 / strength < np.inf):
                raise ParameterError(
                    f"boost of item {item!r} must be a positive finite number; got {value!r}"
                )
            factor[_known(items, [item], "boost")] = strength
    return Adjustment(barred, factor, 1.0 / factor)


def _known(items: Vocabulary, ids: Iterable[str | int], name: str) -> npt.NDArray[np.int32]:
    """The rows of the ids that the vocabulary knows; ids of the other type are a mistake."""
    if isinstance(ids, (*ID, Mapping)):
        raise ParameterError(f"{name} takes several item ids, such as a list; got {ids!r}")
    given = list(ids)
    if not given:
        return np.empty(0, np.int32)
    kind = "string" if isinstance(given[0], str) else "integer"
    if kind != items.kind:
        raise UnknownItemError(
            f"{name} holds the {kind} id {given[0]!r}, and the items of this model have {items.kind} ids"
        )
    rows = items.find(given)
    return rows[rows >= 0]
