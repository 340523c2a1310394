"""Factor matrices as the kernels want them: rows padded with zeros to a multiple of 16 floats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

PAD = 16

#: Bytes of a cache line.
LINE = 64


def padded(k: int) -> int:
    """The padded row length of ``k`` factors."""
    return -(-k // PAD) * PAD


def blank(rows: int, k: int) -> Floats:
    """Zeros (rows, stride) that begin at a cache line, so that no vector of a row lies across two."""
    size = rows * padded(k)
    room = np.zeros(size + LINE // 4, np.float32)
    start = -room.ctypes.data % LINE // 4
    return room[start : start + size].reshape(rows, padded(k))


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


def duplicate(matrix: Floats) -> Floats:
    """A copy of a padded matrix that begins at a cache line as well."""
    copy = blank(*matrix.shape)
    copy[:] = matrix
    return copy


def locked(array: Floats) -> Floats:
    """The same memory as an array that cannot be written, which no model needs to copy."""
    view = array.view()
    view.flags.writeable = False
    return view
