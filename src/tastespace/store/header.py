r"""The first part of a file: which arrays it holds, where they lie, and the metadata.

The layout is that of safetensors, so any safetensors reader opens the file::

    8 bytes     length of the header, unsigned, little-endian
    header      {"__metadata__":{"sha256":"<64 hex digits>","tastespace":"<JSON text>"},
                 "<name>":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}, ...}   padded with spaces
    data        the arrays in C order, little-endian, one after the other without gaps

Wider types come first, so every array is aligned to its own item size. The JSON text is
``{"format":1,"metadata":{...}}``. The checksum is the SHA-256 of the whole file with 64 zeros (the character
``0``) in place of its digits, which always start at byte 35; this rule holds for every format number to come.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import InputError
from tastespace.store.metadata import Json, dump, load

__all__ = [
    "DIGEST",
    "DTYPES",
    "FORMAT",
    "LARGEST",
    "NO_DIGEST",
    "PREFIX",
    "Content",
    "Entry",
    "declared_size",
    "decode",
    "encode",
    "entries",
    "place",
]

FORMAT = 1

PREFIX = b'{"__metadata__":{"sha256":"'
DIGEST = slice(8 + len(PREFIX), 8 + len(PREFIX) + 64)  # bytes of the file
NO_DIGEST = "0" * 64
LARGEST = 100_000_000  # bytes, the limit of the safetensors library
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_ALIGNMENT = 64  # of the first array, in bytes: one cache line


class Entry(NamedTuple):
    """Where one array lies: the bytes from `begin` to `end` of the data."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Content(NamedTuple):
    """What a header says, its arrays not yet checked."""

    format: int
    metadata: dict[str, Any]
    fields: dict[str, Any]


def place(arrays: Mapping[str, NDArray[Any]]) -> list[Entry]:
    """Lay arrays out, wider types first, then by name.

    Raises
    ------
    InputError
        An array has a type that cannot be stored, or an unusable name.
    """
    found = []
    for name, array in arrays.items():
        if not isinstance(name, str) or not name or name == "__metadata__" or not _is_unicode(name):
            raise InputError(
                f"{name!r} cannot name an array in a file; use text that is not empty and not '__metadata__'"
            )
        dtype = _NAMES.get(array.dtype.newbyteorder("<"))
        if dtype is None:
            raise InputError(
                f"array {name!r} of type {array.dtype} cannot be stored; convert it to integers or floats"
            )
        found.append((-array.dtype.itemsize, name, dtype, array))
    placed = []
    begin = 0
    for _, name, dtype, array in sorted(found, key=lambda item: item[:2]):
        placed.append(Entry(name, dtype, array.shape, begin, begin + array.nbytes))
        begin += array.nbytes
    return placed


def encode(placed: Sequence[Entry], metadata: Json, digest: str) -> bytes:
    """Return the length and the header; `metadata` is plain JSON.

    Raises
    ------
    InputError
        The header would be larger than readers accept.
    """
    content = dump({"format": FORMAT, "metadata": metadata})
    fields: dict[str, Json] = {"__metadata__": {"sha256": digest, "tastespace": content}}
    for entry in placed:
        fields[entry.name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": [entry.begin, entry.end],
        }
    text = dump(fields).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    if len(text) > LARGEST:
        raise InputError(
            f"names and metadata take {len(text):,} bytes, and the header of a file holds {LARGEST:,}; "
            "store long lists as arrays"
        )
    return len(text).to_bytes(8, "little") + text


def decode(header: bytes) -> Content:
    """Read a header, given without its length.

    Raises
    ------
    ValueError
        It is not one; the message says why.
    """
    fields = load(header.decode())
    content = load(_member(_member(fields, "__metadata__", dict), "tastespace", str))
    del fields["__metadata__"]
    return Content(_member(content, "format", int), _member(content, "metadata", dict), fields)


def entries(content: Content, start: int, size: int) -> list[Entry]:
    """Check that the arrays fill the data: in order, without overlap, gap or rest.

    Parameters
    ----------
    content : Content
    start : int
        Where the data begin in the file, in bytes.
    size : int
        Length of the data, in bytes.

    Raises
    ------
    ValueError
        They do not; the message says which.
    """
    checked = []
    at = 0
    for name, field in content.fields.items():
        if not isinstance(field, dict) or field.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"the entry of array {name!r} is malformed")
        dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise ValueError(f"array {name!r} has the unknown type {dtype!r}")
        if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"array {name!r} has the shape {shape!r} and the offsets {offsets!r}")
        begin, end = offsets
        width = DTYPES[dtype].itemsize
        if begin != at or end > size or end - begin != math.prod(shape) * width or (start + begin) % width:
            raise ValueError(f"array {name!r} cannot lie at bytes {begin:,} to {end:,} of {size:,}")
        checked.append(Entry(name, dtype, tuple(shape), begin, end))
        at = end
    if at != size:
        raise ValueError(f"{size - at:,} bytes at its end belong to no array")
    return checked


def declared_size(header: bytes) -> int | None:
    """Return the length that the header of a damaged file gives to the file, or None if it cannot be read."""
    try:
        fields = json.loads(header)
        del fields["__metadata__"]
        return 8 + len(header) + max((int(field["data_offsets"][1]) for field in fields.values()), default=0)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _member(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if type(value) is not kind:
        raise ValueError(f"its header has no usable {name!r}")
    return value


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
