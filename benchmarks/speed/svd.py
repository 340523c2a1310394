"""Truncated SVD with k = 64 of the generated table in the shape of MovieLens 20M, against scikit-learn and SciPy.

Protocol: a table of ones in compressed rows, float32, the same for all. In turns, a process of its own for each fit:
``tastespace TruncatedSVD`` with its defaults, from events to a finished model; ``tastespace.sklearn.TruncatedSVD``,
scikit-learn's ``TruncatedSVD`` (its default solver, ``randomized``, five iterations) and SciPy's ``svds`` (its default
solver, ARPACK, to the precision of the type), from the matrix to right vectors. All may use two threads. Seconds are
those of the call. Memory is the most that the process held, less what it held before the call. The error is
``|A - A V V'|`` over ``|A|``, computed in double precision from the right vectors by the benchmark, after the clock.

Run as ``python -m benchmarks.speed.svd [--rounds 3] [--more]``; ``--more`` adds its rounds to those of the result file.
scikit-learn comes with the development tools.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import common
from benchmarks.speed import data

FACTORS = 64
ENTRIES = ("tastespace", "tastespace.sklearn", "scikit-learn", "scipy svds")


def held() -> int:
    """Bytes that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def watched(found: dict[str, Any]) -> Iterator[None]:
    """Seconds of the block, and the most that it held beyond what was held before."""
    before, most, done = held(), [held()], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    yield
    found["seconds"] = time.perf_counter() - start
    done.set()
    watcher.join()
    found["peak_bytes"] = max(most[0], held()) - before


def one(entry: str, name: str, factors: int, threads: int) -> dict[str, Any]:
    """One fit, in this process."""
    table = data.load(name)
    table.data = table.data.astype(np.float32)
    found: dict[str, Any] = {}
    if entry == "tastespace":
        import tastespace as ts

        events = ts.read(table)
        trainer = ts.TruncatedSVD(factors=factors, threads=threads, progress=False)
        with watched(found):
            model = trainer.fit(events)
        v = np.zeros((table.shape[1], factors))
        v[np.asarray(model.items.ids)] = model.item_factors
        found["metrics"] = model.info.metrics
    elif entry == "tastespace.sklearn":
        from tastespace.sklearn import TruncatedSVD as Ours

        ours = Ours(factors, random_state=0, threads=threads)
        with watched(found):
            ours.fit(table)
        v = ours.components_.T.astype(np.float64)
    elif entry == "scikit-learn":
        from sklearn.decomposition import TruncatedSVD as Theirs

        theirs = Theirs(factors, random_state=0)
        with watched(found):
            theirs.fit(table)
        v = theirs.components_.T.astype(np.float64)
    else:
        from scipy.sparse.linalg import svds

        with watched(found):
            _, _, turned = svds(table, factors, rng=0)
        v = turned.T.astype(np.float64)
    found["error"] = error(table, v)
    return found


def error(table: sp.csr_matrix, v: np.ndarray) -> float:
    """``|A - A V V'| / |A|``; V need not be exactly orthonormal."""
    v = np.linalg.qr(v)[0]
    total, kept = float(np.square(table.data, dtype=np.float64).sum()), 0.0
    for start in range(0, table.shape[0], 10_000):
        kept += float(np.square(table[start : start + 10_000].astype(np.float64) @ v).sum())
    return float(np.sqrt((total - kept) / total))


def apart(entry: str, name: str, factors: int, threads: int) -> dict[str, Any]:
    """One fit, in a process of its own with so many threads."""
    variables = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [sys.executable, "-m", "benchmarks.speed.svd", "--one", entry, name, str(factors)]
    done = subprocess.run(
        [*command, "--threads", str(threads)],
        env=os.environ | variables,
        cwd=common.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def earlier(cell: dict[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """The runs that a cell of the result file is made of."""
    runs: dict[str, list[dict[str, Any]]] = {entry: [] for entry in ENTRIES}
    for entry, found in (cell or {}).items():
        for seconds, wrong in zip(found["seconds"]["raw"], found["relative_error"], strict=True):
            run = {"seconds": seconds, "peak_bytes": found["peak_bytes"], "error": wrong}
            runs[entry].append(run | {name: found[name] for name in ("metrics",) if name in found})
    return runs


def measure(
    name: str, factors: int, rounds: int, threads: int, before: dict[str, Any] | None
) -> dict[str, Any]:
    """All entries in turns."""
    runs = earlier(before)
    for _ in range(rounds):
        for entry in ENTRIES:
            runs[entry].append(apart(entry, name, factors, threads))
            print(f"{entry:20} {runs[entry][-1]}", flush=True)
    return {
        entry: {
            "seconds": common.spread([run["seconds"] for run in found]),
            "peak_bytes": max(run["peak_bytes"] for run in found),
            "relative_error": [run["error"] for run in found],
        }
        | ({"metrics": found[0]["metrics"]} if "metrics" in found[0] else {})
        for entry, found in runs.items()
    }


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--one", nargs=3, metavar=("ENTRY", "TABLE", "FACTORS"), help="a single fit, as JSON")
    parser.add_argument("--more", action="store_true", help="add to the rounds of the result file")
    parser.set_defaults(rounds=3)
    chosen = parser.parse_args()
    if chosen.one:
        entry, name, factors = chosen.one
        print(json.dumps(one(entry, name, int(factors), chosen.threads)))
        return
    results = common.Results("speed_svd", __doc__, chosen)
    results.versions = {"scikit-learn": version("scikit-learn")}
    results.cells["threads"] = chosen.threads
    name = "ml-1m" if chosen.quick else "ml-20m-shaped"
    path, before = results.folder / "speed_svd.json", None
    if chosen.more and path.exists():
        before = json.loads(path.read_text())["results"].get(name)
    cell = results.cell(name, lambda: measure(name, FACTORS, chosen.rounds, chosen.threads, before))
    ours = cell["tastespace"]["seconds"]["median"]
    for entry in ENTRIES:
        seconds = cell[entry]["seconds"]["median"]
        print(
            f"{entry:20} {seconds:7.2f} s, {seconds / ours:5.1f} x, {cell[entry]['peak_bytes'] / 1e9:.2f} GB, "
            f"error {cell[entry]['relative_error'][0]:.8f}"
        )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
