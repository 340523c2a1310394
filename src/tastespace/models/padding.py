"""Factor matrices as the kernels want them: rows padded with zeros to a multiple of 16 floats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

PAD = 16


def padded(k: int) -> int:
    """The padded row length of ``k`` factors."""
    return -(-k // PAD) * PAD


def pad(matrix: npt.ArrayLike) -> Floats:
    """A float32 copy of ``matrix`` (rows, k) with padded rows, or ``matrix`` itself where nothing is to do."""
    given = np.asarray(matrix)
    rows, k = given.shape
    if given.dtype == np.float32 and k == padded(k) and given.flags.c_contiguous:
        return given
    result = np.zeros((rows, padded(k)), np.float32)
    result[:, :k] = given
    return result


def frozen(array: npt.NDArray[np.generic]) -> None:
    """Makes an array read-only."""
    array.flags.writeable = False
