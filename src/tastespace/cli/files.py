"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tastespace.errors import FileError


def replace_file(path: Path, save: Callable[[BinaryIO], object]) -> Path:
    """Write `path` by way of a temporary file beside it, so that it is never half written.

    Parameters
    ----------
    path
        The file; its folder must exist.
    save
        Writes to the binary file that it is given.

    Returns
    -------
    Path
        `path`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            save(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def check_writable(output: str, option: str = "--output") -> None:
    """Refuse an output that cannot be written before hours of work, not after; `option` named it."""
    folder = os.path.dirname(output) or "."
    if not os.path.isdir(folder):
        raise FileError(
            f"{output} cannot be written: there is no folder {folder}; create it or change {option}"
        )
    if os.path.isdir(output):
        raise FileError(f"{output} cannot be written: it is a folder; give {option} a file name")
    if not os.access(folder, os.W_OK):
        raise FileError(f"{output} cannot be written: no permission to write in {folder}; change {option}")
