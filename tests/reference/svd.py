"""Truncated SVD as written down: the whole table, LAPACK, and block Golub-Kahan with everything held."""

import numpy as np


def truncated(cells, factors, centred=False):
    """Singular values and right vectors in columns, signs settled, of an array."""
    x = np.asarray(cells, np.float64)
    if centred:
        x = x - x.mean(axis=0)
    _, s, turned = np.linalg.svd(x, full_matrices=False)
    v = turned[:factors].T
    return s[:factors], v * settled(v)


def settled(v):
    """The sign of the largest entry of each column, the first of equal ones."""
    return np.array([1.0 if column[np.abs(column).argmax()] >= 0 else -1.0 for column in v.T])


def multiply(table, values, x):
    """A sparse product, cell by cell."""
    out = np.zeros((table.rows, x.shape[1]))
    for row in range(table.rows):
        for e in range(table.indptr[row], table.indptr[row + 1]):
            out[row] += (1.0 if values is None else float(values[e])) * x[table.indices[e]].astype(np.float64)
    return out


def basis(cells, start, rounds):
    """Orthonormal columns of the block Krylov space of X'X and X' start, in double precision."""
    blocks = [cells.T @ start]
    for _ in range(rounds - 1):
        blocks.append(cells.T @ (cells @ np.linalg.qr(blocks[-1])[0]))
    return np.linalg.qr(np.hstack(blocks))[0]


def largest_angle(a, b):
    """The sine of the largest angle between two spaces of orthonormal columns."""
    return float(np.linalg.norm(b - a @ (a.T @ b), 2))
