"""Seconds and memory of ten ranking metrics at four cut-offs over a full ranking, against libraries for it.

Protocol: a fifth of every user's events is held out (seed 0) and ``ImplicitALS`` learns 64 factors from the others.
Every library starts from the same NumPy and SciPy arrays: float32 factors, CSR histories, CSR held-out events. The
clock runs until the numbers are there, through whatever form the library wants its data in; for ours through making
the model and the test set as well. Seen items stay out of the lists, of 50 items for the cut-offs 5, 10, 20 and 50.
A library computes those of the ten metrics that it has; recometrics all cut-offs in one call with ``cumulative``. ranx
makes no lists: implicit's kernel makes them for it, in batches of 1,000 users, and its seconds are given with and
without that. LensKit, and with it all others, is measured on the first users only, because it would take half an hour.

Libraries take turns, each in a process of its own that has imported everything, compiled (ranx) and loaded the arrays.
The peak is that process's largest resident size from the start of the clock, arrays included. Values are compared:
where two libraries define a metric alike, they may differ by rounding at near-ties alone. Average precision of ranx and
RecTools is divided by |R|, ours and the others' by min(k, |R|). recometrics' NDCG with ``cumulative`` is not the one
that it gives for one k at a time, which is ours; asking for that would take it four calls.

Run as ``python -m benchmarks.speed.evaluation [--users N] [--libraries NAME ...]``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data
from benchmarks.workers import Workers

FACTORS, CUTOFFS = 64, [5, 10, 20, 50]
METRICS = [
    *("precision", "recall", "recall_capped", "ndcg", "map", "mrr", "hit_rate"),
    *("coverage", "novelty", "popularity"),
]
OURS = "tastespace evaluate"
RIVALS = ["recometrics", "ranx", "RecTools", "LensKit"]

#: Library: metrics of that name that it defines otherwise.
OTHERWISE = {"recometrics": {"ndcg"}, "ranx": {"map"}, "RecTools": {"map"}}

#: Libraries that are measured on the first users alone.
PATIENT = {"LensKit"}


def path(name: str, threads: int) -> Path:
    """The file of factors, histories and held-out events of a table, made the first time."""
    file = common.SCRATCH / f"evaluation-{name}.npz"
    if file.exists():
        return file
    train, test = data.split_users(data.load(name), 0.2, seed=0)
    events = ts.read(train, users=np.arange(train.shape[0]), items=np.arange(train.shape[1]))
    model = ts.ImplicitALS(factors=FACTORS, epochs=5, progress=False, threads=threads).fit(events)
    users, items = model.users.ids, model.items.ids
    arrays = {
        "users": np.ascontiguousarray(model.user_factors),
        "items": np.ascontiguousarray(model.item_factors),
    }
    for side, table in (("seen", train), ("test", test)):
        table = sp.csr_matrix(table[users][:, items])
        table.sort_indices()
        arrays |= {f"{side}_indptr": table.indptr.astype(np.int32), f"{side}_indices": table.indices}
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    return part.replace(file)


def measure(file: Path, users: int, names: list[str], rounds: int, threads: int) -> dict[str, Any]:
    """Seconds by library, in turns, for the first ``users`` users."""
    runs: dict[str, list[dict[str, Any]]] = {}
    with Workers(names, threads) as workers:
        for worker in workers.running.values():
            worker.call("load", path=str(file), users=users)
        for _ in range(rounds):
            for name, worker in workers.running.items():
                more = {"metrics": METRICS} if name == OURS else {}
                found = worker.call("evaluate", cutoffs=CUTOFFS, threads=threads, **more)
                runs.setdefault(name, []).append(found)
                print(f"  {users:,} users  {name:20} {sum(found['seconds'].values()):8.2f} s", flush=True)
        versions, skipped = workers.versions(), workers.skipped
    ours = runs[OURS][0]["values"]
    return {
        "users": users,
        "versions": versions,
        "skipped": skipped,
        "libraries": {name: summary(name, found, ours) for name, found in runs.items()},
    }


def summary(name: str, found: list[dict[str, Any]], ours: dict[str, float]) -> dict[str, Any]:
    """Median and range of the seconds, in all and by part; peak; which metrics, and how far from ours."""
    values = found[0]["values"]
    has = [metric for metric in METRICS if f"{metric}@{CUTOFFS[0]}" in values]
    alike = [f"{metric}@{k}" for metric in has if metric not in OTHERWISE.get(name, ()) for k in CUTOFFS]
    return {
        "seconds": common.spread([sum(one["seconds"].values()) for one in found]),
        "parts": {
            part: round(common.median([one["seconds"][part] for one in found]), 4)
            for part in found[0]["seconds"]
        },
        "peak_mb": round(max(one["peak_mb"] for one in found)),
        "before_mb": round(found[0]["before_mb"]),
        "metrics": has,
        "largest_difference": max(abs(values[one] - ours[one]) / max(1, abs(ours[one])) for one in alike),
        "values": values,
    }


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--users", type=int, default=5_000, help="the first so many, for all libraries")
    parser.add_argument("--libraries", nargs="+", choices=RIVALS, default=RIVALS)
    chosen = parser.parse_args()
    name = "ml-1m" if chosen.quick else "ml-20m-shaped"
    results = common.Results("speed_evaluation", __doc__, chosen)
    results.cells |= {"threads": chosen.threads, "cutoffs": CUTOFFS, "metrics": METRICS}
    file = path(name, chosen.threads)
    with np.load(file) as arrays:
        everyone = len(arrays["users"])
    rounds = min(chosen.rounds, 3) if chosen.quick else chosen.rounds
    for users in (min(chosen.users, 1_000) if chosen.quick else chosen.users, everyone):
        names = [one for one in chosen.libraries if users < everyone or one not in PATIENT]
        cell = results.cell(
            f"{name} users={users}",
            lambda users=users, names=names: measure(file, users, [OURS, *names], rounds, chosen.threads),
        )
        results.versions |= cell["versions"]
        results.cells.setdefault("skipped", {}).update(cell["skipped"])
        for library, found in cell["libraries"].items():
            print(
                f"{users:8,} users  {library:20} {found['seconds']['median']:8.2f} s  {found['peak_mb']:7,} MB  "
                f"{len(found['metrics']):2} metrics, off by {found['largest_difference']:.1e}",
                flush=True,
            )
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
