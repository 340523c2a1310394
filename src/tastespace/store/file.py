"""Arrays and metadata to a file and back, whole or not at all; the layout is described in `header`."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import DamagedFileError, FileError, MissingFileError, NewerFormatError
from tastespace.store import header
from tastespace.store.metadata import Json, plain

__all__ = ["read", "write"]

_Path: TypeAlias = str | os.PathLike[str]

_BLOCK = 1 << 23  # bytes hashed and written at once
_REMEDIES = {
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of the path is not a folder; check the path",
    errno.EISDIR: "it is a folder; give the path of a file",
    errno.EACCES: "permission denied; choose another place or change the permissions",
    errno.EPERM: "not permitted; choose another place or change the permissions",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "it would exceed the largest file allowed here; raise the limit (ulimit -f) or move elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def write(path: _Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Json]) -> None:
    """Write arrays and metadata to a file.

    The bytes go to a temporary file in the same folder, which is synced and then renamed to `path`: whatever
    happens, `path` holds the old file or the new one, and a map of the old file stays valid. A symbolic link
    is followed. Arrays are streamed: no second copy of them is held.

    Parameters
    ----------
    path : path of the file
        Its folder must exist.
    arrays : mapping of str to array
        Integers of 8 to 64 bits or floats of 16 to 64 bits, any shape.
    metadata : mapping of str to JSON value
        Tuples become lists, and NumPy scalars plain numbers.

    Raises
    ------
    InputError
        An array has another type or an unusable name, or the metadata are not plain JSON (NaN and infinity
        are not).
    FileError
        The file cannot be written: no folder, no permission, a full disk.
    """
    placed = header.place(arrays)
    metadata_json = plain(dict(metadata), "metadata")
    head = header.encode(placed, metadata_json, header.NO_DIGEST)
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    digest = hashlib.sha256(head)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():
            raise FileError(
                f"cannot write {os.fspath(path)!r}: it is a device or a pipe; name a regular file"
            )
        try:
            with open(part, "xb") as file:
                file.write(head)
                for entry in placed:
                    for block in _blocks(arrays[entry.name], header.DTYPES[entry.dtype]):
                        digest.update(block)
                        file.write(block)
                file.seek(0)
                file.write(header.encode(placed, metadata_json, digest.hexdigest()))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        except BaseException:  # Ctrl-C too
            part.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise _unusable("write", path, error) from error


def read(path: _Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a file that `write` has written.

    The whole file is read once to verify its checksum; the arrays are read-only views of a memory map of it.

    Parameters
    ----------
    path : path of the file

    Returns
    -------
    arrays : dict of str to array
    metadata : dict of str to JSON value

    Raises
    ------
    MissingFileError
        There is no such file.
    DamagedFileError
        The file is truncated, changed since it was written, or not of this format.
    NewerFormatError
        A later release of tastespace wrote the file.
    FileError
        The file cannot be read: it is a folder, no permission.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = _read_head(file, size, path)
            unchanged = _digest(file, head) == head[header.DIGEST].decode("latin-1")
            raw = np.asarray(np.memmap(file, np.uint8, "r", shape=(size,)))
    except FileNotFoundError as error:
        raise MissingFileError(
            f"there is no file {os.fspath(path)!r} (working folder: {os.getcwd()!r}); check the path"
        ) from error
    except OSError as error:
        raise _unusable("read", path, error) from error
    if not unchanged:
        declared = header.declared_size(head[8:])
        if declared is not None and declared != size:
            raise _damaged(path, f"it has {size:,} bytes and should have {declared:,}")
        raise _damaged(path, "its contents do not match its checksum")
    try:
        content = header.decode(head[8:])
        if content.format > header.FORMAT:
            raise NewerFormatError(
                f"{os.fspath(path)!r} has format {content.format}, written by a later release of tastespace; "
                f"this one reads formats up to {header.FORMAT}: pip install --upgrade tastespace"
            )
        data = raw[len(head) :]
        arrays = {
            entry.name: data[entry.begin : entry.end].view(header.DTYPES[entry.dtype]).reshape(entry.shape)
            for entry in header.entries(content, len(head), len(data))
        }
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    return arrays, content.metadata


def _blocks(array: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[memoryview]:
    """Yield the bytes of an array in C order, little-endian; contiguous arrays are not copied."""
    if array.size == 0:
        return
    array = np.atleast_1d(array)
    rows = max(1, _BLOCK // array[0].nbytes)
    for start in range(0, len(array), rows):
        yield np.ascontiguousarray(array[start : start + rows], dtype).data.cast("B")


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a loss of power."""
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_head(file: BufferedReader, size: int, path: _Path) -> bytes:
    """Return the length and the header."""
    start = file.read(header.DIGEST.stop)
    if len(start) < header.DIGEST.stop or start[8 : header.DIGEST.start] != header.PREFIX:
        raise DamagedFileError(
            f"{os.fspath(path)!r} ({size:,} bytes) does not begin like a file written by tastespace; "
            "check the path, or copy the file again from its source"
        )
    length = int.from_bytes(start[:8], "little")
    if not len(start) <= 8 + length <= size or length > header.LARGEST:
        raise _damaged(path, f"its header should have {length:,} bytes and the file has {size:,}")
    return start + file.read(8 + length - len(start))


def _digest(file: BufferedReader, head: bytes) -> str:
    """Return the checksum of a file that stands after its header."""
    zeroed = bytearray(head)
    zeroed[header.DIGEST] = header.NO_DIGEST.encode()
    return hashlib.file_digest(file, lambda: hashlib.sha256(zeroed)).hexdigest()


def _unusable(action: str, path: _Path, error: OSError) -> FileError:
    remedy = _REMEDIES.get(error.errno or 0, error.strerror or str(error))
    return FileError(f"cannot {action} {os.fspath(path)!r}: {remedy}")


def _damaged(path: _Path, reason: str) -> DamagedFileError:
    return DamagedFileError(
        f"{os.fspath(path)!r} is damaged: {reason}; copy it again from its source, or write it again"
    )
