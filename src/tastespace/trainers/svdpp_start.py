"""Where SVD++ starts: small random numbers, given factors, or all that a model has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.models.factor_model import FactorModel
from tastespace.models.padding import Floats, blank
from tastespace.models.svdpp_rows import SvdppRows
from tastespace.trainers.init import check_memory, start_biases, start_factors

if TYPE_CHECKING:
    from tastespace.trainers.svdpp import SVDPlusPlus

#: Standard deviation of the start times sqrt(factors), for ratings of standard deviation 1.
START = 0.3

Pair = tuple[Floats, Floats]


def start(trainer: SVDPlusPlus, train: Interactions, unit: float) -> tuple[Pair, Pair, Pair]:
    """Own factors of users and items, implicit vectors of items and users, and biases of users and items.

    All for ratings of standard deviation 1; ``unit`` is that of the ratings at hand.

    Raises
    ------
    ParameterError
        If ``init`` does not fit.
    """
    init, k = trainer.init, trainer.factors
    check_memory(train.n_users + train.n_items, k, copies=4)
    p, q = start_factors(init, train.users, train.items, k, START * np.sqrt(unit), trainer.seed)
    if not isinstance(init, tuple):
        noise = np.random.default_rng((trainer.seed, 1)).standard_normal((train.n_users, k), np.float32)
        noise *= np.float32(START * np.sqrt(unit / k))
        p[:, :k] = np.where(p[:, :k] == 0, noise, p[:, :k])
    y, z = blank(train.n_items, k), blank(train.n_users, k)
    rows = init.solver if isinstance(init, FactorModel) else None
    if isinstance(init, FactorModel) and isinstance(rows, SvdppRows) and init.history is not None:
        of_users, of_items = rows.lent(init.history, 1)
        # What a row has from its set goes to the vectors, and is taken off the row; it stays there where this side does
        # not lean any more.
        if trainer.implicit != "items":
            _add(p, train.users, init.users, of_users, -1)
            _add(y, train.items, init.items, rows.item_vectors, 1)
        if trainer.implicit != "users":
            _add(q, train.items, init.items, of_items, -1)
            _add(z, train.users, init.users, rows.user_vectors, 1)
    biases = start_biases(init, train.users, train.items, True)
    for x in (p, q, y, z):
        x /= np.float32(np.sqrt(unit))
    for b in biases:
        b /= np.float32(unit)
    return (p, q), (y, z), biases


def _add(target: Floats, ids: Vocabulary, known: Vocabulary, rows: Floats | None, sign: int) -> None:
    """Adds rows of known ids to those of the same ids, in place."""
    if rows is not None:
        at = known.find(ids.ids)
        target[at >= 0, : rows.shape[1]] += sign * rows[at[at >= 0]]
