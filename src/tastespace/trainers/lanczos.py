"""The largest singular values of a matrix by Lanczos in double precision: the reference for ``krylov``."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from tastespace.models.padding import blank
from tastespace.models.reading import Doubles
from tastespace.trainers.bidiagonal import signs
from tastespace.trainers.krylov import Spectrum
from tastespace.trainers.matrices import SparseMatrix, spread, sum_of_squares

#: Values below this share of the largest are rounding: ARPACK works on squares.
NOISE = 1e-7


def lanczos(matrix: SparseMatrix, factors: int, seed: int) -> Spectrum:
    """As :func:`tastespace.trainers.krylov.krylov`, to the precision of doubles, by ARPACK on one thread.

    A matrix that has no more rows or columns than factors is written out and goes to LAPACK: it takes no more memory
    than its factors.
    """
    total = matrix.squares
    table = matrix.by_row
    values = np.ones(table.nnz) if matrix.row_values is None else matrix.row_values.astype(np.float64)
    cells = scipy.sparse.csr_array((values, table.indices, table.indptr), shape=matrix.shape)
    s, v = largest(cells, matrix.means, factors, seed)
    vectors = blank(matrix.shape[1], factors)
    vectors[:, :factors] = v
    return Spectrum(s, vectors, max(total, 0.0), 0, 0.0)


def largest(
    cells: scipy.sparse.csr_array | Doubles,
    means: Doubles | None,
    factors: int,
    seed: int,
    tolerance: float = 0.0,
) -> tuple[Doubles, Doubles]:
    """Singular values, falling, and right vectors (columns, factors) of a matrix less its columns' means."""
    rows, columns = cells.shape
    if factors >= min(rows, columns) - 1:
        whole = cells if isinstance(cells, np.ndarray) else cells.toarray()
        if means is not None:
            whole = whole - means
        _, s, turned = np.linalg.svd(whole, full_matrices=False)
        s, v = s[:factors], turned[:factors].T
    elif not _squares(cells, means):
        return np.zeros(factors), np.zeros((columns, factors))
    else:
        start = np.random.default_rng(seed).standard_normal(min(rows, columns))
        _, s, turned = scipy.sparse.linalg.svds(_operator(cells, means), factors, v0=start, tol=tolerance)
        s, v = s[::-1], turned[::-1].T
    s = s * (s > NOISE * s.max(initial=0.0))
    v = v * (s > 0.0)
    return s, v * signs(v)


def _squares(cells: scipy.sparse.csr_array | Doubles, means: Doubles | None) -> float:
    squares = sum_of_squares(cells.reshape(-1) if isinstance(cells, np.ndarray) else cells.data)
    return squares if means is None else spread(squares, cells.shape[0], means)


def _operator(
    cells: scipy.sparse.csr_array | Doubles, means: Doubles | None
) -> scipy.sparse.linalg.LinearOperator:
    turned = cells.T if isinstance(cells, np.ndarray) else cells.T.tocsr()
    if means is None:
        products = cells.__matmul__, turned.__matmul__
    else:
        products = (
            lambda x: cells @ x.ravel() - means @ x.ravel(),
            lambda y: turned @ y.ravel() - means * y.sum(),
        )
    return scipy.sparse.linalg.LinearOperator(
        cells.shape, matvec=products[0], rmatvec=products[1], dtype=np.float64
    )
