"""What every benchmark needs: the data folder, and result files that say where they were measured."""

import argparse
import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tastespace as ts
import tastespace._native

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

#: Generated tables and quick runs; not tracked.
SCRATCH = ROOT / "benchmarks" / ".data"

#: One folder a data set; the same variable serves ``ts.datasets.load``.
DATA = Path(os.environ.setdefault("TASTESPACE_DATA", str(ROOT.parent / "shared" / "data")))


def machine() -> dict[str, Any]:
    """Processor, cores and memory."""
    model = platform.processor() or platform.machine()
    cpuinfo, memory = Path("/proc/cpuinfo"), None
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return {"processor": model, "cores": os.cpu_count(), "memory_gib": memory, "system": platform.system()}


def versions(*rivals: str) -> dict[str, str]:
    """Python, this library, what it computes with, and further installed packages."""
    packages = {name: version(name) for name in ("numpy", "scipy", *rivals)}
    return {"python": platform.python_version(), "tastespace": ts.__version__} | packages


def write(
    name: str,
    protocol: str,
    results: Any,
    *,
    more_versions: dict[str, str] | None = None,
    folder: Path = RESULTS,
) -> Path:
    """Write ``<name>.json``: protocol, machine, versions, raw numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "benchmark": name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "protocol": " ".join(protocol.split()),
        "machine": machine(),
        "versions": versions() | (more_versions or {}),
        "results": results,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def options(protocol: str) -> argparse.ArgumentParser:
    """The options that all speed benchmarks share."""
    parser = argparse.ArgumentParser(description=protocol.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repeats of each measurement")
    parser.add_argument("--quick", action="store_true", help="small data, three rounds, results not kept")
    parser.add_argument("--resume", action="store_true", help="keep what the last run of this build measured")
    return parser


class Results:
    """The cells of one benchmark by key, written after each one.

    With ``resume`` a cell is taken from the file where that is newer than the native module.
    """

    def __init__(self, name: str, protocol: str, chosen: argparse.Namespace) -> None:
        self.name, self.protocol = name, protocol
        self.folder = SCRATCH / "quick" if chosen.quick else RESULTS
        self.cells: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        path = self.folder / f"{name}.json"
        built = Path(tastespace._native.__file__).stat().st_mtime
        if chosen.resume and path.exists() and path.stat().st_mtime > built:
            content = json.loads(path.read_text())
            self.cells, self.versions = content["results"], content["versions"]

    def cell(self, key: str, measure: Callable[[], Any]) -> Any:
        """What ``measure`` returns, which must be plain data; or what it returned before."""
        if key not in self.cells:
            self.cells[key] = measure()
            self.write()
        return self.cells[key]

    def write(self) -> Path:
        ours = versions()
        others = {name: number for name, number in self.versions.items() if name not in ours}
        return write(self.name, self.protocol, self.cells, more_versions=others, folder=self.folder)


def median(values: list[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def spread(values: list[float]) -> dict[str, Any]:
    """Median, range and raw values of repeated seconds."""
    return {
        "median": round(median(values), 5),
        "least": round(min(values), 5),
        "most": round(max(values), 5),
        "raw": [round(value, 5) for value in values],
    }
