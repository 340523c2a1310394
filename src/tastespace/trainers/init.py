"""Where iterative trainers start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.models.factor_model import FactorModel
from tastespace.models.padding import Floats, padded

Start = FactorModel | tuple[npt.ArrayLike, npt.ArrayLike] | None


def start_factors(
    init: Start, users: Vocabulary, items: Vocabulary, factors: int, scale: float, seed: int
) -> tuple[Floats, Floats]:
    """Padded start factors of users and items.

    Without ``init``: users zero, items normal with standard deviation ``scale / sqrt(factors)``. A model gives
    the rows of the ids that it knows; further ids and further factors start as without it. Arrays of shape
    (users, factors) and (items, factors) are taken as they are.

    Raises
    ------
    ParameterError
        If arrays have the wrong shape or hold NaN or infinity.
    """
    stride = padded(factors)
    p = np.zeros((len(users), stride), np.float32)
    q = np.zeros((len(items), stride), np.float32)
    if isinstance(init, tuple):
        for name, target, given in (("user", p, init[0]), ("item", q, init[1])):
            array = np.asarray(given, np.float32)
            if array.shape != (len(target), factors):
                raise ParameterError(
                    f"init holds {name} factors of shape {array.shape}; this fit needs {(len(target), factors)}"
                )
            if not np.isfinite(array).all():
                raise ParameterError(f"init holds {name} factors that are NaN or infinite")
            target[:, :factors] = array
        return p, q
    noise = np.random.default_rng(seed).standard_normal((len(items), factors), np.float32)
    q[:, :factors] = noise * np.float32(scale / np.sqrt(factors))
    if init is not None:
        k = min(factors, init.factors)
        for target, vocabulary, known, given in (
            (p, users, init.users, init.user_factors),
            (q, items, init.items, init.item_factors),
        ):
            rows = known.find(vocabulary.ids)
            target[rows >= 0, :k] = given[rows[rows >= 0], :k]
    return p, q
