"""Where non-negative factorizations start."""

from __future__ import annotations

import numpy as np

from tastespace.data.csr import Csr
from tastespace.errors import InputError
from tastespace.models.padding import Floats, blank
from tastespace.trainers.init import check_memory, drop_signs, svd_factors

#: The largest value of a table lies between one over this and this: products of it and of factors stay in float32.
RANGE = 1e18


def check_range(table: Csr) -> None:
    """Raises InputError if sums over such values and factors would leave single precision, and end as zeros or NaN."""
    top = 1.0 if table.values is None else float(table.values.max(initial=0.0))
    if top > 0 and not 1 / RANGE <= top <= RANGE:
        raise InputError(
            f"NMF computes in float32, and the largest value is {top:g}; scale the values into {1 / RANGE:g} .. "
            f"{RANGE:g}"
        )


def mean_value(table: Csr) -> float:
    """The mean of all cells, the empty ones too."""
    return float(table.filled_values().sum(dtype=np.float64)) / max(table.rows * table.columns, 1)


def nndsvd(by_user: Csr, by_item: Csr, factors: int, seed: int, threads: int) -> tuple[Floats, Floats]:
    """Padded factors from the singular vectors: of each pair the positive or the negative parts, whichever weigh more.

    Factors that a small table has no singular vectors for are random.

    References
    ----------
    C. Boutsidis, E. Gallopoulos, SVD based initialization: a head start for nonnegative matrix factorization,
    Pattern Recognition 41(4), 2008.
    """
    p, q = svd_factors(by_user, by_item, (by_user.values, by_item.values), factors, seed, threads)
    drop_signs(p, q)
    balance(p, q)
    empty = np.flatnonzero((p[:, :factors].max(axis=0) == 0) | (q[:, :factors].max(axis=0) == 0))
    if len(empty):
        noisy = random(by_user, factors, seed)
        for x, other in zip((p, q), noisy, strict=True):
            x[:, empty] = other[:, empty]
    return p, q


def balance(p: Floats, q: Floats) -> None:
    """Gives, in place, both columns of each pair the same norm; their products stay."""
    left, right = np.linalg.norm(p, axis=0), np.linalg.norm(q, axis=0)
    scale = np.sqrt(np.divide(right, left, out=np.ones_like(left), where=(left > 0) & (right > 0)))
    p *= scale
    q /= scale


def random(by_user: Csr, factors: int, seed: int) -> tuple[Floats, Floats]:
    """Padded absolute values of normal numbers whose products are about as large as a cell on average."""
    check_memory(by_user.rows + by_user.columns, factors)
    rng = np.random.default_rng(seed)
    scale = np.float32(np.sqrt(mean_value(by_user) / factors))
    p, q = blank(by_user.rows, factors), blank(by_user.columns, factors)
    for x in (q, p):
        x[:, :factors] = scale * np.abs(rng.standard_normal((len(x), factors), np.float32))
    return p, q


def fill(p: Floats, q: Floats, factors: int, value: float) -> None:
    """Raises factors of 0, which no multiplication brings back, to a value."""
    for x in (p, q):
        used = x[:, :factors]
        used[used == 0] = np.float32(value)
