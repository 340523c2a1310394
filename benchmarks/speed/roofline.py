"""What an epoch of ``ImplicitALS`` would take at this machine's peaks, beside what it takes.

Protocol: ``crates/kernels/examples/peaks.rs`` measures fused multiply-adds, reading from each level of memory, and
gathering rows of factors by rising lists of 500 of 26,744 and of 5,000 of 138,493; best of five, on one thread and on
all. The work of an epoch is counted as follows, for a half-epoch with E events that solves X rows against F fixed
ones, t steps, rows padded to s floats. A part takes the longer of its operations at the peak and its bytes at the
bandwidth of where they come from; parts follow each other.

gram: F s^2 operations (half of a symmetric product), 4 F s bytes from memory.
basis: 9 k^3 operations in double precision on one thread.
rotation: 2 (F + X) s^2 operations, 8 (F + X) s bytes from memory and back.
gather: 4 E s operations (a product with each touched row and its addition to the residual) for the events of short
rows, 4 E s bytes of scattered rows: near where the fixed side fits the second level, else at the rate of the gather
whose rows lie in the same level. Short is a row that touches at most 196,608 floats.
steps: 4 E s operations for each of their steps but the last, 2 E s for the last, which only asks for the curvature;
4 E s bytes each from the second level.
walk: the same operations for the events of long rows, 4 (1 + t) E s bytes from the second level.
blocks: 4 (1 + t) F s bytes from memory for every group of long rows, 131,072 floats of them, that walks the fixed side
together.
vectors: 10 (t + 1) X s operations on the row's own vectors.

Seconds of epochs are those of ``speed_epochs.json``.

Run as ``python -m benchmarks.speed.roofline``, after ``benchmarks.speed.epochs``.
"""

import json
import subprocess
from typing import Any

import numpy as np
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data

WIDTHS = (64, 128, 256)
STEPS = ts.ImplicitALS().cg_steps
SHORT, GROUP = 192 * 1024, 128 * 1024  # floats; as in crates/kernels/src/gradient_rows.rs
#: Bytes of factors that the second and the third level hold; a larger fixed side is gathered from memory.
SECOND, THIRD = 2 << 20, 28 << 20

Peaks = dict[str, float]


def measure_peaks(threads: int) -> dict[str, Peaks]:
    """GFLOP/s and GB/s by name, for one thread and for all."""
    build = ["cargo", "run", "--release", "--locked", "--quiet", "--package", "tastespace-kernels"]
    command = [*build, "--example", "peaks", "--", str(threads)]
    done = subprocess.run(command, cwd=common.ROOT, check=True, capture_output=True, text=True)
    peaks: dict[str, Peaks] = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        peaks.setdefault(str(row["threads"]), {})[row["what"]] = row.get("gflops") or row["gbytes"]
    return peaks


def flops(peaks: Peaks) -> float:
    """Peak operations a second, in 10^9."""
    return max(value for name, value in peaks.items() if name.startswith("fma"))


def half_epoch(counts: np.ndarray, fixed: int, k: int) -> dict[str, tuple[float, float, str]]:
    """Operations, bytes and where the bytes come from, by part; ``counts`` are events of the rows solved."""
    s, rows, events = -(-k // 16) * 16, len(counts), float(counts.sum())
    walking = counts * s > SHORT
    long, groups = float(counts[walking].sum()), -(-int(walking.sum()) * s // GROUP)
    short = events - long
    stepping = 4.0 * (STEPS - 1) + 2.0
    size = 4 * fixed * s
    near = "read L3" if size <= SECOND else f"gather {'items' if size <= THIRD else 'users'} k={k}"
    return {
        "gram": (fixed * s * s, 4 * fixed * s, "read memory"),
        "basis": (9.0 * k**3, 0.0, "read L2"),
        "rotation": (2.0 * (fixed + rows) * s * s, 8.0 * (fixed + rows) * s, "read memory"),
        "gather": (4.0 * s * short, 4.0 * s * short, near),
        "steps": (stepping * s * short, 4.0 * STEPS * s * short, "read L2"),
        "walk": ((4.0 + stepping) * s * long, 4.0 * (1 + STEPS) * s * long, "read L2"),
        "blocks": (0.0, 4.0 * (1 + STEPS) * groups * fixed * s, "read memory"),
        "vectors": (10.0 * (STEPS + 1) * s * rows, 0.0, "read L2"),
    }


def place(
    table: sp.csr_matrix, k: int, peaks: dict[str, Peaks], threads: int, seconds: float
) -> dict[str, Any]:
    """An epoch's work, its seconds at the peaks by part, and its share of them."""
    all_threads, one = peaks[str(threads)], peaks["1"]
    by_user = np.diff(table.indptr)
    by_item = np.bincount(table.indices, minlength=table.shape[1])
    halves = half_epoch(by_user, table.shape[1], k), half_epoch(by_item, table.shape[0], k)
    parts: dict[str, float] = {}
    work = scattered = 0.0
    for half in halves:
        for name, (operations, touched, source) in half.items():
            rate = flops(one) / 2 if name == "basis" else flops(all_threads)  # doubles: half as many lanes
            ideal = max(operations / rate, touched / all_threads[source]) / 1e9
            parts[name] = parts.get(name, 0.0) + ideal
            work += operations
            scattered += touched if name in ("gather", "steps", "walk") else 0.0
    ideal = sum(parts.values())
    return {
        "gflop": round(work / 1e9, 3),
        "gathered_gbytes": round(scattered / 1e9, 3),
        "seconds": seconds,
        "gflops": round(work / seconds / 1e9, 1),
        "intensity": round(work / scattered, 3),
        "share_of_peak": round(work / seconds / 1e9 / flops(all_threads), 3),
        "model_seconds": round(ideal, 4),
        "model_share": round(ideal / seconds, 3),
        "model_parts": {name: round(value, 4) for name, value in parts.items()},
    }


def main() -> None:
    parser = common.options(__doc__)
    chosen = parser.parse_args()
    results = common.Results("speed_roofline", __doc__, chosen)
    results.cells |= {"threads": chosen.threads, "steps": STEPS}
    peaks = results.cell("peaks", lambda: measure_peaks(chosen.threads))
    for threads, rates in peaks.items():
        print(f"threads {threads}: " + ", ".join(f"{name} {value:g}" for name, value in rates.items()))
    epochs = json.loads((results.folder / "speed_epochs.json").read_text())["results"]
    for name in ("ml-1m", "ml-20m-shaped"):
        cells = {k: epochs[f"{name} k={k}"] for k in WIDTHS if f"{name} k={k}" in epochs}
        table = data.load(name) if cells else None
        for k, cell in cells.items():
            row = place(table, k, peaks, chosen.threads, cell["tastespace"]["median"])
            results.cells[f"{name} k={k}"] = row
            print(
                f"{name:14} k={k:<4} {row['gflops']:6.1f} GFLOP/s, {row['share_of_peak']:.0%} of the peak; "
                f"{row['seconds']:.3f} s, {row['model_seconds']:.3f} s by the model {row['model_parts']}"
            )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
