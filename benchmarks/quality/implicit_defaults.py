"""Untuned ``ts.ImplicitALS`` against implicit and irspack, untuned and tuned, on four data sets.

Protocol: 80/20 per event at random (seed 0; Gowalla: its own split); every library trains on the same table with
128 factors and is judged by one function, NDCG@20 over all unseen items, mean over users with test events. ``own``:
the library's defaults but for the factors, on the raw values. ``tuned``: the best of a 5 x 5 grid, for counts once on
zeros and ones and once on log2(1 + count), on a tenth of the *training* events (seed 1), then refitted on all of
them. Test events choose nothing. Ours is ``ts.ImplicitALS()``: no grid, the values as they are.

The rules behind our defaults were chosen on validation parts of these same four training sets, never on test events.

Run as ``python -m benchmarks.quality.implicit_defaults [DATA ...] [--threads N] [--keep-rivals]``. The rivals'
environment is described in ``benchmarks/rivals/README.md``; ``--keep-rivals`` takes their numbers from the last
result file, since they do not depend on this library.
"""

import argparse
import itertools
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.quality import events as ev

FACTORS = 128
RIVALS = common.ROOT / "benchmarks" / "rivals"
PYTHON = os.environ.get(
    "RIVALS_PYTHON", str(common.ROOT / "benchmarks" / ".envs" / "rivals" / "bin" / "python")
)
VALIDATION_USERS = 5000

#: alpha and lambda of implicit cover the same ground as alpha0 and reg of irspack: alpha = 1 + 1 / alpha0.
GRIDS = {
    "implicit": {
        "alpha": (3.0, 10.0, 30.0, 100.0, 300.0),
        "regularization": (10.0, 30.0, 100.0, 300.0, 1000.0),
    },
    "irspack": {"alpha0": (0.003, 0.01, 0.03, 0.1, 0.3), "reg": (0.001, 0.003, 0.01, 0.03, 0.1)},
}
FIXED = {
    "implicit": {"factors": FACTORS, "random_state": 0},
    "irspack": {"n_components": FACTORS, "random_seed": 0},
}
TRANSFORMS = {"raw": lambda r: r, "binary": np.ones_like, "log": lambda r: np.log2(1 + r)}


class Rival:
    """One library in its own interpreter."""

    def __init__(self, library: str, threads: int, scratch: Path) -> None:
        self.library, self.scratch, self.version = library, scratch, ""
        self.threads = {"implicit": "num_threads", "irspack": "n_threads"}[library], threads

    def fit(
        self, train: sp.csr_matrix, values: str, settings: dict[str, Any]
    ) -> tuple[np.ndarray, np.ndarray]:
        table, factors = self.scratch / "table.npz", self.scratch / "factors.npz"
        weighted = train.copy()
        weighted.data = TRANSFORMS[values](weighted.data)
        sp.save_npz(table, weighted, compressed=False)
        name, threads = self.threads
        keywords = json.dumps(FIXED[self.library] | {name: threads} | settings)
        command = [PYTHON, str(RIVALS / "factorize.py"), self.library, str(table), str(factors), keywords]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        with np.load(factors) as arrays:
            self.version = str(arrays["version"])
            return arrays["users"], arrays["items"]

    def compare(self, search: ev.Task, final: ev.Task) -> dict[str, Any]:
        own = ev.ndcg(*self.fit(final.train, "raw", {}), final)
        grid = GRIDS[self.library]
        inputs = ("binary", "log") if final.train.data.max() > 1 else ("binary",)
        tried = []
        for values, *cell in itertools.product(inputs, *grid.values()):
            settings = dict(zip(grid, cell, strict=True))
            factors = self.fit(search.train, values, settings)
            validation = ev.ndcg(*factors, search, sample=VALIDATION_USERS)
            tried.append({"values": values, "settings": settings, "validation": round(validation, 5)})
        best = max(tried, key=lambda row: row["validation"])
        tuned = ev.ndcg(*self.fit(final.train, best["values"], best["settings"]), final)
        return {"own": round(own, 5), "tuned": round(tuned, 5), "best": best, "search": tried}


def ours(task: ev.Task, threads: int) -> dict[str, Any]:
    rows = np.repeat(np.arange(task.train.shape[0]), np.diff(task.train.indptr))
    events = ts.Interactions.from_events(
        ts.Vocabulary(np.arange(task.train.shape[0]), noun="user"),
        ts.Vocabulary(np.arange(task.train.shape[1]), noun="item"),
        rows.astype(np.int32),
        task.train.indices.astype(np.int32),
        values=task.train.data,
        explicit=False,
    )
    start = time.perf_counter()
    model = ts.ImplicitALS(threads=threads, progress=False).fit(events)
    seconds = round(time.perf_counter() - start, 2)
    value = ev.ndcg(model.user_factors, model.item_factors, task)
    params = {key: value for key, value in model.info.params.items() if key not in ("threads", "progress")}
    return {"own": round(value, 5), "fit_seconds": seconds, "params": params}


def rivals(train: ev.Events, final: ev.Task, threads: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Every rival's numbers, and their versions."""
    search = ev.task(*ev.hold_out(train, 0.1, seed=1))
    results, versions = {}, {}
    for library in GRIDS:
        with tempfile.TemporaryDirectory() as scratch:
            rival = Rival(library, threads, Path(scratch))
            results[library] = rival.compare(search, final)
            versions[library] = rival.version
    return results, versions


def last(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What :func:`rivals` returned when the result file was written."""
    content = json.loads((common.RESULTS / f"{name}.json").read_text())
    return tuple({library: content[part][library] for library in GRIDS} for part in ("results", "versions"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=list(ev.SOURCES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep-rivals", action="store_true")
    options = parser.parse_args()
    for data in options.data:
        name = f"implicit_defaults_{data}"
        train, test = ev.load(data)
        final = ev.task(train, test)
        theirs, versions = last(name) if options.keep_rivals else rivals(train, final, options.threads)
        results = {"tastespace": ours(final, options.threads)} | theirs
        best = max(theirs[library]["tuned"] for library in GRIDS)
        results["share_of_best_tuned_rival"] = round(results["tastespace"]["own"] / best, 4)
        path = common.write(name, __doc__, results, more_versions=versions)
        for library in ("tastespace", *GRIDS):
            row = results[library]
            tuned = f"  tuned {row['tuned']:.4f}" if "tuned" in row else ""
            print(f"{data:14} {library:10} own {row['own']:.4f}{tuned}")
        print(f"untuned tastespace / best tuned rival: {results['share_of_best_tuned_rival']:.1%}")
        print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
