"""Seconds to an objective by the number of sweeps for each sum over a row's cells, ``NMF(sweeps=...)``.

Protocol. The tables, widths and starts of ``benchmarks/speed/nmf.py``. The target is the objective after 100 passes of
one sweep (50 for a divergence); each number of sweeps goes on until it is at the target or below, at most twice as many
passes. Seconds are those of the half-epochs alone, without the looks at the objective between them. Numbers of sweeps
take turns. The best on average over both tables of a loss is the default.

Run as ``python -m benchmarks.speed.nmf_sweeps``; ``--only`` names one cell, such as ``frobenius-20newsgroups``.
"""

import itertools
import json
import time
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.speed import nmf
from tastespace.models.nmf_rows import Loss, NmfRows
from tastespace.models.padding import pad
from tastespace.sklearn.nmf import _table
from tastespace.trainers.nmf_descent import Descent

SWEEPS = (1, 2, 3, 4, 6, 8)


def measure(loss: Loss, name: str, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds and passes to the target for each number of sweeps."""
    X, k = nmf.table(name, loss), nmf.FACTORS[name]
    given = nmf.start(X, k)
    table = _table(X)
    turned = table.transpose()

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
    seconds: dict[int, list[float]] = {sweeps: [] for sweeps in SWEEPS}
    needed: dict[int, int] = {}
    for _ in range(rounds):
        for sweeps in SWEEPS:
            needed[sweeps], spent, now = run(sweeps, 2 * passes, target)
            seconds[sweeps].append(spent if now <= target else float("inf"))
    return {
        "target": target,
        "sweeps": {
            str(sweeps): {"passes": needed[sweeps], "seconds": common.spread(seconds[sweeps])}
            if np.isfinite(seconds[sweeps]).all()
            else "not reached"
            for sweeps in SWEEPS
        },
    }


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
            print(key, json.dumps(cell), flush=True)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
