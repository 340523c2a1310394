"""Items that are to some as others are to theirs: ``king - man + woman``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from tastespace.errors import InputError, ParameterError
from tastespace.models.nearest import Neighbourhood, at_least_one
from tastespace.models.protocol import ID, Id, Rows
from tastespace.models.reading import Doubles
from tastespace.models.table import Neighbours

if TYPE_CHECKING:
    from tastespace.models.factor_model import FactorModel

Method = Literal["add", "multiply"]

#: Added to what 3CosMul divides by (Levy and Goldberg 2014).
EPSILON = 0.001


def analogy(
    model: FactorModel,
    space: Neighbourhood,
    positive: Id | Iterable[Id],
    negative: Id | Iterable[Id],
    n: int,
    method: Method,
) -> Neighbours:
    """The table behind :meth:`FactorModel.analogy`; ``space`` is that of its items."""
    if method not in ("add", "multiply"):
        raise ParameterError(f'method of analogy must be "add" or "multiply"; got {method!r}')
    n = at_least_one("n", n)
    plus, minus = _rows(model, positive), _rows(model, negative)
    if len(plus) + len(minus) == 0:
        raise InputError("analogy needs an item among positive or negative; got none")
    both = np.intersect1d(plus, minus)
    if len(both):
        [item] = model.items.ids[both[:1]].tolist()
        raise InputError(f"analogy has item {item!r} among both positive and negative; take it out of one")
    asked = np.concatenate([plus, minus])
    nowhere = asked[~model.item_factors[asked].any(axis=1)]
    if len(nowhere):
        [item] = model.items.ids[nowhere[:1]].tolist()
        raise InputError(
            f"analogy cannot use item {item!r}: its factors are all 0, so it lies in no direction; leave it out"
        )
    cosines = space.cosines(asked).T.astype(np.float64)  # (items, asked)
    scores = _added(cosines, asked, len(plus)) if method == "add" else _multiplied(cosines, len(plus))
    scores[asked] = -np.inf
    left = int(np.isfinite(scores).sum())
    found = np.argsort(-scores, kind="stable")[: min(n, left)]
    return Neighbours(
        {
            "neighbour": model.items.ids[found],
            "rank": np.arange(1, len(found) + 1, dtype=np.int32),
            "score": scores[found].astype(np.float32),
        }
    )


def _rows(model: FactorModel, items: Id | Iterable[Id]) -> Rows:
    if isinstance(items, ID) or not isinstance(items, Iterable):
        return np.array([model.items.row(items)], np.int32)  # which refuses what is no id
    listed = list(items)
    return model.items.rows(listed) if listed else np.zeros(0, np.int32)


def _added(cosines: Doubles, asked: Rows, plus: int) -> Doubles:
    """3CosAdd: the cosine with the sum of unit vectors, those of ``negative`` taken off."""
    signs = np.where(np.arange(len(asked)) < plus, 1.0, -1.0)
    square = float(signs @ cosines[asked] @ signs)  # of the length of the sum
    return np.asarray(cosines @ signs / np.sqrt(square)) if square > 1e-9 else np.zeros(len(cosines))


def _multiplied(cosines: Doubles, plus: int) -> Doubles:
    """3CosMul: products of cosines in 0..1, those of ``negative`` dividing."""
    shifted = (cosines + 1.0) / 2.0
    return np.asarray(shifted[:, :plus].prod(axis=1) / (shifted[:, plus:] + EPSILON).prod(axis=1))
