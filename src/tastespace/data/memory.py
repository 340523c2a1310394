"""What a call will take, said before it starts, and refused where it would not fit."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tastespace.errors import TooLargeError

_LOG = logging.getLogger("tastespace")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def announce(what: str, need: int, remedy: str) -> str:
    """Log what a call takes, at level INFO of the logger ``tastespace``, and return it as text.

    Raises
    ------
    TooLargeError
        If that is more than is free; ends with the remedy.
    """
    text = f"{what} takes {size(need)} of memory"
    free = available()
    if free is not None and need > free:
        raise TooLargeError(f"{text}, and {size(free)} are free; {remedy}")
    _LOG.info("%s", text)
    return text


def available() -> int | None:
    """Bytes that can be used without swapping, within the limit of a container; None where the system cannot tell."""
    found = [free for free in (_free(), _left()) if free is not None]
    return min(found) if found else None


def size(n: int) -> str:
    """Bytes as text, such as ``6.7 GB``."""
    value, units = float(n), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    for larger in units:
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


def beside_sparse(array: npt.NDArray[Any]) -> str:
    """A dense array in words, with its size and that of a sparse table."""
    cells = int(np.count_nonzero(array))
    return (
        f"an array {array.shape}, which takes {size(array.nbytes)} of memory where a sparse table takes "
        f"{size(16 * cells)}, 16 bytes for each of {cells:,} cells that are not 0"
    )


def _free() -> int | None:
    with suppress(OSError):
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    try:  # other systems tell the memory that they have, not what is free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _left() -> int | None:
    """What a container may still take; files that it has read can be dropped."""
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        if limit == "max":
            return None
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return int(limit) - int(used) + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
