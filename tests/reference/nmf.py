"""The slow, obvious twin of `trainers/nmf.py`: dense NumPy in double precision."""

import numpy as np
from scipy.optimize import minimize, nnls

LEAST = np.finfo(np.float32).eps


def above_zero(Y):
    """Predictions; those of 0, which would cost infinitely much, as scikit-learn counts them."""
    return np.where(Y > 0, Y, LEAST)


def loss_of(A, P, Q, loss):
    """Of all cells, zeros being data."""
    Y = P @ Q.T
    if loss == "frobenius":
        return 0.5 * ((A - Y) ** 2).sum()
    seen = A > 0
    return (A[seen] * np.log(A[seen] / above_zero(Y[seen]))).sum() - A.sum() + Y.sum()


def objective(A, P, Q, loss, l1=(0.0, 0.0), l2=(0.0, 0.0)):
    """The loss with the penalties of both sides, each for the cells of its rows."""
    total = loss_of(A, P, Q, loss)
    for X, cells, one, two in ((P, len(Q), l1[0], l2[0]), (Q, len(P), l1[1], l2[1])):
        total += cells * (one * X.sum() + 0.5 * two * (X**2).sum())
    return total


def descend(A, X, H, l1, l2):
    """One sweep of coordinate descent over every row of X, in place; the slopes that could be followed, summed."""
    slopes = 0.0
    G = H.T @ H + l2 * np.eye(H.shape[1])
    for a, x in zip(A, X, strict=True):
        for t in range(len(x)):
            slope = H[:, t] @ a - l1 - G[t] @ x
            slopes += max(slope, 0.0) if x[t] == 0 else abs(slope)
            if G[t, t] > 0:
                x[t] = max(0.0, x[t] + slope / G[t, t])
            elif slope < 0:
                x[t] = 0.0
    return slopes


def multiply(A, X, H, l1, l2):
    """One multiplicative update of every row of X, in place."""
    ratio = np.where(A > 0, A / above_zero(X @ H.T), 0.0)
    below = H.sum(0) + l1 + l2 * X
    X *= (ratio @ H) / np.where(below > 0, below, LEAST)


def best_row(a, H, loss, l1, l2):
    """The exact minimum of one row."""
    k = H.shape[1]
    if loss == "frobenius":
        # |a - H x|^2 / 2 + l1 |x| + l2 |x|^2 / 2 has the minimum of the same quadratic written as a square.
        G = H.T @ H + (l2 + 1e-12) * np.eye(k)
        L = np.linalg.cholesky(G)
        return nnls(L.T, np.linalg.solve(L, H.T @ a - l1), maxiter=1000)[0]

    def value(x):
        y = H[a > 0] @ x + 1e-300
        return (H.sum(0) + l1) @ x + 0.5 * l2 * x @ x - a[a > 0] @ np.log(y)

    def slope(x):
        y = H[a > 0] @ x + 1e-300
        return H.sum(0) + l1 + l2 * x - (a[a > 0] / y) @ H[a > 0]

    start = np.full(k, a.sum() / (H.sum() + 1e-9))
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10}
    return minimize(value, start, jac=slope, bounds=[(0, None)] * k, method="L-BFGS-B", options=options).x
