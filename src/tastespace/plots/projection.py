"""Vectors of many dimensions in a plane."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import missing_extra

__all__ = ["neighbour_plane", "principal_plane"]

_NEIGHBOURS = 15  # of each point that UMAP keeps near it, its own default


def principal_plane(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions of vectors, seen in the plane that shows most of their variance.

    Parameters
    ----------
    vectors
        Shape (n, k), n >= 2 and k >= 2. Vectors are scaled to length 1; zero vectors stay.

    Returns
    -------
    points
        Shape (n, 2). Each axis points to its longer tail, whatever signs the decomposition happens to return.
    share
        Share of the variance on either axis, shape (2,).
    """
    directions = _directions(vectors)
    centred = (directions - directions.mean(axis=0)).astype(np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    points = left[:, :2] * values[:2]
    points *= np.where((points**3).sum(axis=0) < 0, -1.0, 1.0)
    return points, values[:2] ** 2 / max(float((values**2).sum()), np.finfo(np.float64).tiny)


def neighbour_plane(vectors: NDArray[np.float32], seed: int = 0) -> NDArray[np.float64]:
    """Directions of vectors in a plane that keeps neighbours together: UMAP, started from the principal plane.

    The start makes the large shape that of the principal plane, and with the seed the same picture every time.

    Parameters
    ----------
    vectors
        Shape (n, k), n >= 3 and k >= 2. Vectors are scaled to length 1; zero vectors stay.
    seed
        Of the order in which points are moved.

    Returns
    -------
    float64 (n, 2)

    Raises
    ------
    MissingExtraError
        umap-learn is not installed.

    References
    ----------
    L. McInnes, J. Healy, J. Melville, UMAP: uniform manifold approximation and projection for dimension reduction,
    2018, arXiv 1802.03426. D. Kobak, G. C. Linderman, Initialization is critical for preserving global data structure
    in both t-SNE and UMAP, Nature Biotechnology 39, 2021, for the start.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ImportWarning
            )  # that a part of it which nobody asked for is absent
            from umap import UMAP
    except ImportError:
        raise missing_extra("a map by UMAP", "umap") from None
    start, _ = principal_plane(vectors)
    reducer = UMAP(
        n_neighbors=min(_NEIGHBOURS, len(vectors) - 1), init=start, random_state=seed, n_jobs=1
    )  # cosine distances of vectors are Euclidean ones of their directions, but for scale
    return np.asarray(reducer.fit_transform(_directions(vectors)), np.float64)


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
