"""The slow, obvious twin of `trainers/ease.py`: dense NumPy in double precision."""

import numpy as np


def weights(x: np.ndarray, regularization: float) -> np.ndarray:
    """B (items, items) for the dense table X (users, items), zeros where nothing happened."""
    inverse = np.linalg.inv(x.T @ x + regularization * np.eye(x.shape[1]))
    b = -inverse / np.diag(inverse)
    np.fill_diagonal(b, 0.0)
    return b


def objective(x: np.ndarray, b: np.ndarray, regularization: float) -> float:
    """What EASE minimises."""
    return float(((x - x @ b) ** 2).sum() + regularization * (b**2).sum())


def column(x: np.ndarray, item: int, support: np.ndarray, regularization: float) -> np.ndarray:
    """The best weights of one column on a support, (items,)."""
    part = x[:, support]
    b = np.zeros(x.shape[1])
    gram = part.T @ part + regularization * np.eye(len(support))
    b[support] = np.linalg.solve(gram, part.T @ x[:, item])
    return b


def support(x: np.ndarray, item: int, most: int, regularization: float) -> np.ndarray:
    """The items that lower the objective of a column most on their own, ascending; equal ones by row."""
    gram = x.T @ x
    gain = gram[:, item] ** 2 / (np.diag(gram) + regularization)
    gain[item] = 0
    best = np.argsort(-gain, kind="stable")[:most]
    return np.sort(best[gain[best] > 0])
