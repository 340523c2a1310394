"""The slow, obvious twin of `trainers/als.py` and `trainers/implicit_als.py`: dense NumPy in double precision."""

import numpy as np
from scipy.optimize import nnls


def implicit_objective(P, Q, W, a0, offset, regularization, nu):
    """The loss on all cells; W (users, items) holds the weights of the observed cells, NaN elsewhere."""
    seen = ~np.isnan(W)
    w = np.where(seen, W, 0.0)
    scores = P @ Q.T
    wy = np.where(seen, w + offset, 0.0)
    data = (w * scores**2 - 2 * wy * scores + wy).sum() + a0 * (scores**2).sum()
    users = regularization * ((seen.sum(1) + a0 * W.shape[1]) ** nu * (P**2).sum(1)).sum()
    items = regularization * ((seen.sum(0) + a0 * W.shape[0]) ** nu * (Q**2).sum(1)).sum()
    return data + users + items


def solve(A, b, nonnegative, free=0):
    """The minimum of ``x' A x / 2 - b' x``; with ``nonnegative`` over x >= 0 but for the last ``free`` unknowns."""
    if not nonnegative:
        return np.linalg.solve(A, b)
    L = np.linalg.cholesky(A)
    k = len(b) - free
    X = np.column_stack([L.T, -L.T[:, k:]])  # a free unknown is the difference of two
    x, _ = nnls(X, np.linalg.solve(L, b), maxiter=1000)
    return np.concatenate([x[:k], x[k : k + free] - x[k + free :]])


def implicit_rows(Q, W, a0, offset, regularization, nu, nonnegative=False):
    """The best user factors against fixed item factors."""
    P = np.zeros((len(W), Q.shape[1]))
    for u, row in enumerate(W):
        seen = np.flatnonzero(~np.isnan(row))
        if not len(seen):
            continue
        q, w = Q[seen], row[seen]
        A = a0 * Q.T @ Q + (q.T * w) @ q
        A += regularization * (len(seen) + a0 * W.shape[1]) ** nu * np.eye(Q.shape[1])
        P[u] = solve(A, q.T @ (w + offset), nonnegative)
    return P


def explicit_objective(P, bu, Q, bi, mean, R, regularization, bias_regularization, nu):
    """The loss on observed ratings; R (users, items) is NaN elsewhere."""
    seen = ~np.isnan(R)
    error = np.where(seen, R - mean - bu[:, None] - bi - P @ Q.T, 0.0)
    users = seen.sum(1) ** nu * (regularization * (P**2).sum(1) + bias_regularization * bu**2)
    items = seen.sum(0) ** nu * (regularization * (Q**2).sum(1) + bias_regularization * bi**2)
    return (error**2).sum() + users.sum() + items.sum()


def explicit_rows(Q, bi, mean, R, regularization, bias_regularization, nu, nonnegative=False):
    """The best user factors and biases against fixed items; without biases when the penalty is None."""
    k = Q.shape[1]
    P, bu = np.zeros((len(R), k)), np.zeros(len(R))
    for u, row in enumerate(R):
        seen = np.flatnonzero(~np.isnan(row))
        if not len(seen):
            continue
        q, y = Q[seen], row[seen] - mean - bi[seen]
        penalty = np.full(k, regularization)
        if bias_regularization is not None:
            q = np.column_stack([q, np.ones(len(seen))])
            penalty = np.append(penalty, bias_regularization)
        A = q.T @ q + len(seen) ** nu * np.diag(penalty)
        x = solve(A, q.T @ y, nonnegative, free=len(penalty) - k)
        P[u] = x[:k]
        bu[u] = x[k:].sum()
    return P, bu
