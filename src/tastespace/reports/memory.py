"""How much memory a fit takes, where the system can tell, and a model's arrays."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")
_PROCESS = Path("/proc/self")


def with_peak(work: Callable[[], Result]) -> tuple[Result, int | None]:
    """The result of `work`, and by how many bytes resident memory grew at its peak.

    None where the system cannot tell: it takes Linux's resettable high-water mark. Memory that the process took before
    and cannot give back is used again without growth, so the number is a lower bound of what was needed.
    """
    _give_back()
    before = _resident("VmRSS") if _reset_peak() else None
    result = work()
    peak = None if before is None else _resident("VmHWM")
    return result, None if before is None or peak is None else max(0, peak - before)


def model_bytes(model: object) -> int | None:
    """Bytes of the arrays of a model, its history not among them; None where it shows none."""
    names = [f.name for f in fields(model)] if is_dataclass(model) else list(getattr(model, "__dict__", ()))
    arrays: list[Any] = [getattr(model, name, None) for name in names if not name.startswith("_")]
    sizes = [array.nbytes for array in arrays if isinstance(array, np.ndarray)]
    return sum(sizes) if sizes else None


def _give_back() -> None:
    """Hand unused memory back to the system, where the C library can (glibc), so that using it again counts."""
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):  # other systems have no such function
        ctypes.CDLL(None).malloc_trim(0)


def _reset_peak() -> bool:
    try:
        (_PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(field: str) -> int | None:
    try:
        status = (_PROCESS / "status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None
