"""What every quality benchmark needs: the data folder, and a result file that says where it was measured."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tastespace as ts

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"

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


def write(name: str, protocol: str, results: Any, *, more_versions: dict[str, str] | None = None) -> Path:
    """Write ``benchmarks/results/<name>.json``: protocol, machine, versions, raw numbers."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
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
