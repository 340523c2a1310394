"""Lists in another order than that of their scores: popular items lower, alike items apart.

``docs/math/reranking.md`` has the formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.errors import ParameterError
from tastespace.models.nearest import at_least_one
from tastespace.models.padding import Floats
from tastespace.models.protocol import Rows, Scores

#: How many of the best items change places, unless the caller says otherwise.
CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Reranking:
    """How the best items of a user are put into another order.

    Attributes
    ----------
    popularity_penalty
        At least 0: how much of the range of the candidates' scores the most popular of them loses to the least
        popular one.
    diversity
        From 0 to below 1: weight of the greatest cosine with an item that stands above.
    candidates
        Of each user, so many of the best items; what follows them keeps its order.

    Raises
    ------
    ParameterError
        If a setting is outside its range.
    """

    popularity_penalty: float = 0.0
    diversity: float = 0.0
    candidates: int = CANDIDATES

    def __post_init__(self) -> None:
        for name, end, need in (
            ("popularity_penalty", math.inf, "a finite number >= 0"),
            ("diversity", 1.0, "from 0 to below 1"),
        ):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not 0 <= value < end:
                raise ParameterError(f"{name} must be {need}; got {value!r}")
            object.__setattr__(self, name, float(value))
        object.__setattr__(self, "candidates", at_least_one("candidates", self.candidates))

    @property
    def moves(self) -> bool:
        """Whether any item can change its place."""
        return self.popularity_penalty > 0 or self.diversity > 0

    def order(
        self,
        found: Rows,
        scores: Scores,
        n: int,
        items: int,
        popularity: Floats | None,
        vectors: tuple[Floats, Floats] | None,
        threads: int,
    ) -> tuple[Rows, Scores]:
        """The first ``n`` places of lists in their new order.

        Parameters
        ----------
        found, scores
            Lists of at least ``n`` places and of the candidates, as a model ranks them.
        items
            Number of items.
        popularity
            Of each item, on any scale; needed where there is a penalty.
        vectors
            Of the items, padded, and one over their lengths; needed where there is a diversity.
        """
        return _native.rerank_lists(
            found,
            scores,
            n,
            self.candidates,
            self.popularity_penalty,
            self.diversity,
            popularity if self.popularity_penalty else None,
            vectors if self.diversity else None,
            items,
            threads,
        )


def popularity_of(history: Csr) -> Floats:
    """``log(1 + n_i)``, float32 (items,), with n_i the users who have item i."""
    return np.log1p(np.bincount(history.indices, minlength=history.columns)).astype(np.float32)
