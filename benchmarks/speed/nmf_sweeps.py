"""Seconds to an objective by the number of sweeps for each sum over a row's cells, ``NMF(sweeps=...)``.

Protocol. The tables and widths of ``benchmarks/speed/nmf.py``, from scikit-learn's ``nndsvda`` and from two of its
random starts. The target is the objective after 100 passes of one sweep (50 for a divergence); each number of sweeps
goes on until it is at the target or below, at most twice as many passes (``passes`` is null where it is not). Seconds
are those of the half-epochs alone, without the looks at the objective between them. Numbers of sweeps take turns.
``ratio`` is the geometric mean of the seconds against the fastest number of sweeps, over the tables and starts where
all reach the target: with more sweeps the descent may end at another minimum.

Run as ``python -m benchmarks.speed.nmf_sweeps``; ``--only`` names one cell, such as ``frobenius-20newsgroups``.
"""

import itertools
import json
import time
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import common
from benchmarks.speed import nmf
from tastespace.models.nmf_rows import Loss, NmfRows
from tastespace.models.padding import pad
from tastespace.sklearn.nmf import _table
from tastespace.trainers.nmf_descent import Descent

SWEEPS = {"frobenius": (1, 2, 3, 4, 8), "kullback-leibler": (1, 2)}


def measure(loss: Loss, name: str, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds and passes to the target for each number of sweeps, from each start."""
    X, k = nmf.table(name, loss), nmf.FACTORS[name]
    return {
        title: from_start(loss, X, given, threads, rounds)
        for title, given in {
            "nndsvda": nmf.start(X, k),
            "random, seed 0": nmf.start(X, k, "random", 0),
            "random, seed 1": nmf.start(X, k, "random", 1),
        }.items()
    }


def from_start(
    loss: Loss, X: sp.csr_matrix, given: dict[str, np.ndarray], threads: int, rounds: int
) -> dict[str, Any]:
    """The same from one start."""
    table = _table(X)
    turned, k = table.transpose(), len(given["H"])

    def run(sweeps: int, passes: int, target: float) -> tuple[int, float, float]:
        """Passes, seconds, and the objective at the end."""
        p, q = (pad(x.astype(np.float32)).copy() for x in (given["W"], given["H"].T))
        rows = NmfRows(loss, (0.0, 0.0), (0.0, 0.0))
        descent, spent = Descent(table, turned, rows, p, q, k, sweeps, threads), 0.0
        for number in itertools.count(1):
            begin = time.perf_counter()
            descent.half_epoch("user")
            descent.half_epoch("item")
            spent += time.perf_counter() - begin
            now = descent.objective()
            if now <= target or number == passes:
                return number, spent, now

    passes = nmf.PASSES[loss]
    target = run(1, passes, -np.inf)[2]
    seconds: dict[int, list[float]] = {sweeps: [] for sweeps in SWEEPS[loss]}
    needed: dict[int, int | None] = {}
    for _ in range(rounds):
        for sweeps in SWEEPS[loss]:
            number, spent, now = run(sweeps, 2 * passes, target)
            needed[sweeps] = number if now <= target else None
            seconds[sweeps].append(spent)
    return {
        "target": target,
        "sweeps": {
            str(sweeps): {"passes": needed[sweeps], "seconds": common.spread(seconds[sweeps])}
            for sweeps in SWEEPS[loss]
        },
    }


def ratios(results: dict[str, Any], loss: str) -> dict[str, float] | None:
    """Geometric mean of the seconds against the fastest number of sweeps, where all reach the target."""
    runs = [
        run["sweeps"]
        for key, cell in results.items()
        if key.startswith(loss)
        for run in cell.values()
        if all(at["passes"] for at in run["sweeps"].values())
    ]
    if not runs:
        return None
    logs = [[np.log(run[str(s)]["seconds"]["median"]) for s in SWEEPS[loss]] for run in runs]
    means = np.exp(np.mean([np.subtract(row, min(row)) for row in logs], axis=0))
    return {str(s): round(float(mean), 3) for s, mean in zip(SWEEPS[loss], means, strict=True)}


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--only", help="measure this cell alone")
    parser.set_defaults(rounds=3)
    chosen = parser.parse_args()
    results = common.Results("speed_nmf_sweeps", __doc__, chosen)
    results.cells |= {"threads": chosen.threads}
    results.versions |= common.versions("scikit-learn")
    for loss in nmf.SOLVERS:
        for name in nmf.FACTORS:
            key = f"{loss}-{name}"
            if chosen.only not in (None, key) or (chosen.quick and name != "ml-1m"):
                continue
            cell = results.cell(
                key, lambda loss=loss, name=name: measure(loss, name, chosen.threads, chosen.rounds)
            )
            for title, run in cell.items():
                shown = {s: (at["passes"], at["seconds"]["median"]) for s, at in run["sweeps"].items()}
                print(key, title, json.dumps(shown), flush=True)
        if any(key.startswith(loss) for key in results.cells):
            results.cells.setdefault("ratio", {})[loss] = ratios(results.cells, loss)
            print(loss, results.cells["ratio"][loss])
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
