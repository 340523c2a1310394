"""Neighbourhoods by their definitions, all pairs, dense and in double precision."""

import numpy as np


def likeness(x: np.ndarray, there: np.ndarray, shrinkage: float, overlap: int) -> np.ndarray:
    """Likeness of all pairs of rows of ``x``, which has a cell where ``there`` is true."""
    x = np.where(there, x, 0.0)
    norms = np.sqrt((x**2).sum(axis=1))
    n = there.astype(float) @ there.T
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.nan_to_num(x @ x.T / np.outer(norms, norms)) * np.nan_to_num(n / (n + shrinkage))
    s[(n < overlap) | (s <= 0)] = 0.0
    np.fill_diagonal(s, 0.0)
    return s


def nearest(s: np.ndarray, k: int, threshold: float) -> np.ndarray:
    """The k greatest of each row; the others 0. Equal ones by column."""
    kept = np.zeros_like(s)
    for row, out in zip(s, kept, strict=True):
        best = np.argsort(-row, kind="stable")[:k]
        best = best[(row[best] > 0) & (row[best] >= threshold)]
        out[best] = row[best]
    return kept


def baseline(r: np.ndarray, regularization: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean and biases by alternating least squares until nothing moves; ``r`` is NaN where there is no rating."""
    mean = np.nanmean(r)
    there = ~np.isnan(r)
    b_u, b_i = np.zeros(r.shape[0]), np.zeros(r.shape[1])
    for _ in range(200):
        b_i = np.nansum(r - mean - b_u[:, None], axis=0) / (there.sum(axis=0) + regularization)
        b_u = np.nansum(r - mean - b_i, axis=1) / (there.sum(axis=1) + regularization)
    return float(mean), b_u, b_i


def compared(r: np.ndarray, similarity: str, regularization: float) -> np.ndarray:
    """What is compared of the rows of ``r`` (rows, columns): the centred ratings."""
    if similarity == "pearson":
        return r - np.nanmean(r, axis=1, keepdims=True)
    if similarity == "adjusted_cosine":
        return r - np.nanmean(r, axis=0)
    if similarity == "cosine":
        return r
    mean, b_row, b_column = baseline(r, regularization)
    return r - mean - b_row[:, None] - b_column


def predict(r: np.ndarray, weights: np.ndarray, regularization: float, damping: float) -> np.ndarray:
    """Baseline plus the weighted mean of deviations over rated neighbours; ``weights`` (items, items), row by item."""
    mean, b_u, b_i = baseline(r, regularization)
    base = mean + b_u[:, None] + b_i
    there = ~np.isnan(r)
    top = np.where(there, r - base, 0.0) @ weights.T
    bottom = there @ np.abs(weights).T + damping
    return base + np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
