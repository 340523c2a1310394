"""Where iterative trainers start."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.models.factor_model import FactorModel
from tastespace.models.padding import Floats, blank, padded
from tastespace.trainers.krylov import krylov
from tastespace.trainers.matrices import SparseMatrix

Start = FactorModel | tuple[npt.ArrayLike, npt.ArrayLike] | Literal["svd"] | None

#: A start need not be the best approximation: near it is enough, and so is a basis of so many times its factors and
#: some more.
TOLERANCE, DIRECTIONS, OVERSAMPLING = 1e-3, 4, 16

#: Lists of more factors would overflow the sums of small integers that `topk` screens with.
MOST_FACTORS = 32_767


def svd_factors(
    users: Csr, items: Csr, values: tuple[Floats | None, Floats | None], factors: int, seed: int, threads: int
) -> tuple[Floats, Floats]:
    """Padded start factors from a truncated singular value decomposition, ``U sqrt(S)`` and ``V sqrt(S)``.

    Parameters
    ----------
    users, items
        The table in both orders.
    values
        What its cells hold, in both orders; None: 1. All other cells hold 0.
    factors
        Singular values wanted; those that a small table does not have are left at zero.
    """
    check_memory(users.rows + items.rows, factors, copies=5)
    matrix = SparseMatrix(users, items, values[0], values[1], None, threads)
    directions = DIRECTIONS * (factors + OVERSAMPLING)
    found = krylov(matrix, factors, directions=directions, tolerance=TOLERANCE, seed=seed, threads=threads)
    root = np.sqrt(found.values)
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0.0)
    p, q = blank(users.rows, factors), blank(items.rows, factors)
    p[:, : found.k] = matrix.times(found.vectors)[:, : found.k] * inverse
    q[:, : found.k] = found.vectors[:, : found.k] * root
    return p, q


def drop_signs(p: Floats, q: Floats) -> None:
    """Keeps, in place, the positive or the negative parts of both columns of a pair, whichever have the larger product.

    References
    ----------
    C. Boutsidis, E. Gallopoulos, SVD based initialization: a head start for nonnegative matrix factorization,
    Pattern Recognition 41(4), 2008.
    """

    def product(sign: int) -> Floats:
        return np.asarray(
            np.linalg.norm(np.maximum(sign * p, 0), axis=0) * np.linalg.norm(np.maximum(sign * q, 0), axis=0)
        )

    sign = np.where(product(1) >= product(-1), 1, -1).astype(np.float32)
    for x in (p, q):
        np.maximum(sign * x, 0, out=x)


def start_factors(
    init: FactorModel | tuple[npt.ArrayLike, npt.ArrayLike] | None,
    users: Vocabulary,
    items: Vocabulary,
    factors: int,
    scale: float,
    seed: int,
    *,
    nonnegative: bool = False,
) -> tuple[Floats, Floats]:
    """Padded start factors of users and items.

    Without ``init``: users zero, items normal with standard deviation ``scale / sqrt(factors)``. A model gives
    the rows of the ids that it knows; further ids and further factors start as without it. Arrays of shape
    (users, factors) and (items, factors) are taken as they are. With ``nonnegative`` the absolute values of the
    normal numbers are taken.

    Raises
    ------
    ParameterError
        If arrays have the wrong shape or hold NaN or infinity, or a model has no factors or too many, or if a factor
        is below 0 and ``nonnegative`` forbids it.
    """
    if isinstance(init, FactorModel) and not 0 < init.factors <= factors:
        raise ParameterError(
            f"init has {init.factors} factors; a fit of {factors} can start from 1 to {factors}"
            + (f": pass factors={init.factors}, or more" if init.factors else "")
        )
    check_memory(len(users) + len(items), factors)
    p, q = blank(len(users), factors), blank(len(items), factors)
    if isinstance(init, tuple):
        if len(init) != 2:
            raise ParameterError(
                f"init takes a pair of arrays, user and item factors; got {len(init)} of them"
            )
        for name, target, given in (("user", p, init[0]), ("item", q, init[1])):
            array = np.asarray(given, np.float32)
            if array.shape != (len(target), factors):
                raise ParameterError(
                    f"init holds {name} factors of shape {array.shape}; this fit needs {(len(target), factors)}"
                )
            if not np.isfinite(array).all():
                raise ParameterError(f"init holds {name} factors that are NaN or infinite")
            target[:, :factors] = array
        if nonnegative:
            _check_signs(p, q)
        return p, q
    noise = np.random.default_rng(seed).standard_normal((len(items), factors), np.float32)
    q[:, :factors] = (np.abs(noise) if nonnegative else noise) * np.float32(scale / np.sqrt(factors))
    if init is not None:
        k = init.factors
        for target, vocabulary, known, given in (
            (p, users, init.users, init.user_factors),
            (q, items, init.items, init.item_factors),
        ):
            rows = known.find(vocabulary.ids)
            target[rows >= 0, :k] = given[rows[rows >= 0], :k]
        if nonnegative:
            _check_signs(p, q)
    return p, q


def _check_signs(p: Floats, q: Floats) -> None:
    for name, factors in (("user", p), ("item", q)):
        if (factors < 0).any():
            raise ParameterError(
                f"init holds {name} factors below 0, and nonnegative=True allows none; start from a nonnegative model"
            )


def check_memory(rows: int, factors: int, copies: int = 2) -> None:
    """Raises ParameterError if factors of that width cannot fit into this machine's memory, or are too many.

    Training holds the matrices twice, ``init="svd"`` five times, beside a few square matrices of the width.
    """
    needed = 4 * copies * padded(factors) * rows + 32 * padded(factors) ** 2
    check_room(f"factors={factors} for {rows:,} users and items", needed, "factors")
    if factors > MOST_FACTORS:
        raise ParameterError(f"factors must be at most {MOST_FACTORS:,}; got {factors:,}")


def check_room(what: str, needed: int, fewer: str) -> None:
    """Raises ParameterError if so many bytes are more than this machine has; names what needs them, and the setting."""
    if hasattr(os, "sysconf"):  # Windows does not tell this way
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if needed > memory:
            raise ParameterError(
                f"{what} needs {needed / 2**30:,.0f} GiB, and this machine has {memory / 2**30:,.0f}; choose fewer "
                f"{fewer}"
            )


def start_biases(init: Start, users: Vocabulary, items: Vocabulary, biases: bool) -> tuple[Floats, Floats]:
    """Start biases of users and items: those of a model for the ids that it knows, else zero."""
    b_u, b_i = np.zeros(len(users), np.float32), np.zeros(len(items), np.float32)
    if isinstance(init, FactorModel) and biases:
        for target, vocabulary, known, given in (
            (b_u, users, init.users, init.user_bias),
            (b_i, items, init.items, init.item_bias),
        ):
            rows = known.find(vocabulary.ids)
            target[rows >= 0] = given[rows[rows >= 0]]
    return b_u, b_i
