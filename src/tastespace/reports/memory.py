"""How much memory a fit takes, where the system can tell, and a model's arrays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tastespace.data.csr import Csr

Result = TypeVar("Result")
_STATUS = Path("/proc/self/status")
_EVERY = 0.01  # seconds between two looks, each of some 50 microseconds


def with_peak(work: Callable[[], Result]) -> tuple[Result, int | None]:
    """The result of `work`, and by how many bytes resident memory grew at its peak.

    None where the system cannot tell: it takes Linux's ``/proc``. A thread looks every 10 ms and touches nothing, so
    the number is a lower bound of what was needed: memory that the process had before and did not give back is used
    again without growth, and a peak between two looks is missed, unless it is the highest of the process so far, which
    Linux keeps.
    """
    before = _resident()
    if before is None:
        return work(), None
    watch = _Watch()
    try:
        result = work()
    finally:
        seen = watch.stop()
    after = _resident()
    peak = max(seen, before["VmRSS"])
    if after is not None:
        peak = max(peak, after["VmRSS"])
        if after["VmHWM"] > before["VmHWM"]:
            peak = max(peak, after["VmHWM"])
    return result, peak - before["VmRSS"]


def model_bytes(model: object) -> int | None:
    """Bytes of the arrays of a model, sparse ones too, its history not among them; None where it shows none."""
    names = [f.name for f in fields(model)] if is_dataclass(model) else list(getattr(model, "__dict__", ()))
    parts: list[Any] = [
        getattr(model, name, None) for name in names if not name.startswith("_") and name != "history"
    ]
    arrays = [array for part in parts for array in (_columns(part) if isinstance(part, Csr) else [part])]
    sizes = [array.nbytes for array in arrays if isinstance(array, np.ndarray)]
    return sum(sizes) if sizes else None


def _columns(table: Csr) -> list[Any]:
    return [table.indptr, table.indices, table.values, table.times, table.weights]


class _Watch:
    """A thread that keeps the highest resident memory that it sees."""

    def __init__(self) -> None:
        self._highest = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory of a fit", daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._highest

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            now = _resident()
            if now is not None:
                self._highest = max(self._highest, now["VmRSS"])


def _resident() -> dict[str, int] | None:
    """Bytes that are resident now (VmRSS) and were at most so far (VmHWM)."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = {line.split(":")[0]: line.split() for line in lines if line.startswith(("VmRSS:", "VmHWM:"))}
    return {name: int(words[1]) * 1024 for name, words in found.items()} if len(found) == 2 else None
