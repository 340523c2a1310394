"""The inverse of a symmetric positive definite matrix in float32, in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from tastespace.models.padding import Floats

#: Largest matrix that LAPACK gets whole: so far every byte offset fits in 31 bits. SciPy's build has been seen to write
#: outside a matrix of 41,000 rows.
WHOLE = 16_384

#: Rows of a pivot block, and rows that are updated together.
PIVOT = 1024
ROWS = 512


def workspace(n: int) -> int:
    """Bytes that :func:`invert` takes beside the matrix, about."""
    return 0 if n <= WHOLE else 4 * n * (2 * PIVOT + ROWS)


def invert(matrix: Floats, tick: Callable[[], None]) -> int:
    """Overwrite the upper triangle by that of the inverse; what is below it may hold anything afterwards.

    Small matrices go to LAPACK (``spotrf``, ``spotri``). Of larger ones, blocks of :data:`PIVOT` rows are swept one
    after the other: with D the inverse of the pivot block and R the rows of the pivot, all other entries lose R' D R,
    R becomes D R, and the pivot block -D. After the last sweep the matrix is minus its inverse. Both ways take
    about n^3 operations.

    Returns
    -------
    int
        0, or the number (from 1) of the first row that is not positive definite in this precision.
    """
    n = len(matrix)
    if n <= WHOLE:
        failed = _whole(matrix)
        tick()
        return failed
    for start in range(0, n, PIVOT):
        failed = _sweep(matrix, start, min(start + PIVOT, n))
        if failed:
            return start + failed
        tick()
    for start in range(0, n, ROWS):
        np.negative(matrix[start : start + ROWS], out=matrix[start : start + ROWS])
    return 0


def ticks(n: int) -> int:
    """How often :func:`invert` calls ``tick``."""
    return 1 if n <= WHOLE else -(-n // PIVOT)


def _whole(matrix: Floats) -> int:
    # LAPACK reads by columns: the upper triangle by rows is its lower one.
    _, failed = lapack.spotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if failed == 0:
        _, failed = lapack.spotri(matrix.T, lower=1, overwrite_c=1)
    return int(failed)


def _sweep(matrix: Floats, start: int, end: int) -> int:
    n, size = len(matrix), end - start
    panel = np.empty((size, n), np.float32)  # R, all columns: the pivot's rows, and its columns turned
    panel[:, :start] = matrix[:start, start:end].T
    panel[:, start:] = matrix[start:end, start:]
    pivot = panel[:, start:end].copy()
    failed = _whole(pivot)
    if failed:
        return failed
    pivot = np.triu(pivot) + np.triu(pivot, 1).T
    solved = pivot @ panel  # the columns of the pivot are no use, here and below, and overwritten at the end
    room = np.empty(ROWS * n, np.float32)
    for top in range(0, n, ROWS):
        bottom = min(top + ROWS, n)
        products = room[: (bottom - top) * (n - top)].reshape(bottom - top, n - top)
        np.matmul(panel[:, top:bottom].T, solved[:, top:], out=products)
        matrix[top:bottom, top:] -= products
    matrix[:start, start:end] = solved[:, :start].T
    matrix[start:end, start:end] = -pivot
    matrix[start:end, end:] = solved[:, end:]
    return 0
