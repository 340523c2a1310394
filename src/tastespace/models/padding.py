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
    """A read-only float32 matrix (rows, k) with padded rows; shares memory with read-only arrays alone."""
    given = np.asarray(matrix)
    rows, k = given.shape
    if given.dtype == np.float32 and k == padded(k) and given.flags.c_contiguous:
        return frozen(given)
    result = np.zeros((rows, padded(k)), np.float32)
    result[:, :k] = given
    result.flags.writeable = False
    return result


def frozen(array: Floats) -> Floats:
    """The array if it is read-only, else a read-only copy."""
    if not array.flags.writeable:
        return array
    copy = array.copy()
    copy.flags.writeable = False
    return copy
