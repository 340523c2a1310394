"""Ids as arrays: integers as they are, text as UTF-8 bytes with offsets."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import DamagedFileError, InputError

__all__ = ["pack", "unpack"]


def pack(name: str, ids: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Turn ids into arrays that a file can hold.

    Parameters
    ----------
    name : str
        First part of the names of the arrays.
    ids : array of shape (n,)
        Integers, or text (dtype object).

    Returns
    -------
    dict of str to array
        Integers: ``<name>.ints``, int64 of shape (n,). Text: ``<name>.bytes``, uint8, the UTF-8 bytes of all
        ids, and ``<name>.offsets``, int64 of shape (n + 1,): id i takes the bytes from ``offsets[i]`` to
        ``offsets[i + 1]``.

    Raises
    ------
    InputError
        An id is not valid Unicode text, or the ids are neither integers nor text.
    """
    if ids.dtype.kind == "i":
        return {f"{name}.ints": np.asarray(ids, np.int64)}
    encoded = [_encode(name, value) for value in ids.tolist()]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return {f"{name}.bytes": np.frombuffer(b"".join(encoded), np.uint8), f"{name}.offsets": offsets}


def unpack(name: str, arrays: Mapping[str, NDArray[Any]], path: str | os.PathLike[str]) -> NDArray[Any]:
    """Turn the arrays of `pack` back into ids.

    Parameters
    ----------
    name : str
        As given to `pack`.
    arrays : mapping of str to array
        The arrays of a file; others may be among them.
    path : path of the file
        For messages.

    Returns
    -------
    array of shape (n,), read-only
        int64, or Python strings (dtype object).

    Raises
    ------
    DamagedFileError
        The arrays are absent or are not those of a table of ids.
    """
    if (ints := arrays.get(f"{name}.ints")) is not None and ints.dtype == np.int64 and ints.ndim == 1:
        return ints
    raw, offsets = arrays.get(f"{name}.bytes"), arrays.get(f"{name}.offsets")
    try:
        if raw is None or offsets is None or raw.dtype != np.uint8 or offsets.dtype != np.int64:
            raise ValueError("it holds no such table")
        ends = offsets.tolist()
        if raw.ndim != 1 or offsets.ndim != 1 or not ends or ends[0] != 0 or ends[-1] != len(raw):
            raise ValueError("the offsets do not span the bytes")
        if np.any(np.diff(offsets) < 0):
            raise ValueError("the offsets do not ascend")
        text = raw.tobytes()
        ids = np.empty(len(ends) - 1, object)
        ids[:] = [text[a:b].decode() for a, b in itertools.pairwise(ends)]
    except ValueError as error:  # UnicodeDecodeError among them
        raise DamagedFileError(
            f"{os.fspath(path)!r} has no usable table of {name} ids: {error}; write the file again"
        ) from error
    ids.flags.writeable = False
    return ids


def _encode(name: str, value: object) -> bytes:
    if not isinstance(value, str):
        raise InputError(f"the {name} id {value!r} cannot be stored; use integers or text as ids")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the {name} id {value!r} is not valid Unicode text (character {error.start}); rename it"
        ) from error
