"""Seconds of one epoch of implicit ALS, both sides, against implicit, irspack and cmfrec.

Protocol: every library learns the same table of ones, each in a process of its own that waits while the others run.
A round is one epoch of each, in turn; the first epoch warms up and is not counted; medians and ranges are over the
further rounds. Timed is one pass over both sides, everything in it: ours, ``Epoch.seconds`` of the callbacks, which
is the epoch without the objective (two steps of preconditioned conjugate gradients a row, with the Gram matrix, its
eigenbasis and the rotation); implicit, between two calls of its ``callback`` (CG, three steps); irspack, ``run_epoch``
(CG, three steps; on MovieLens 1M its other solvers too); cmfrec, between two lines "Completed ALS iteration" of one
fit (CG, three steps), which runs alone before the rounds. Not timed: reading the table, transposing it, and our exact
solve of the users at the end of a fit. Penalties are each library's form of about the same model; they do not change
the work. All on the same number of threads; the BLAS of implicit and irspack on one, as both advise.

Run as ``python -m benchmarks.speed.epochs [--table NAME] [--factors K ...]``.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks import common
from benchmarks.speed import data
from benchmarks.workers import FailedError, Workers

TABLES = ("ml-1m", "ml-20m-shaped")
FACTORS = (64, 128, 256)
LIBRARIES = ("tastespace", "implicit", "irspack", "cmfrec")


def settings(library: str, factors: int) -> dict[str, Any]:
    """About the same model in each library's words."""
    return {
        "tastespace": {"factors": factors},
        "implicit": {"factors": factors, "alpha": 10.0, "regularization": 10.0},
        "irspack": {"n_components": factors, "alpha0": 0.1, "reg": 0.003, "nu": 1.0},
        "cmfrec": {"k": factors, "alpha": 10.0, "lambda_": 10.0},
    }[library]


def variants(table: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is measured beside ours, by name: the library, and its solver."""
    found = {"implicit": ("implicit", {}), "irspack": ("irspack", {"solver_type": "CG"})}
    if table == "ml-1m":
        found["irspack iALS++"] = ("irspack", {"solver_type": "IALSPP"})
        found["irspack Cholesky"] = ("irspack", {"solver_type": "CHOLESKY"})
    return found


def measure(workers: Workers, table: str, factors: int, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds of an epoch by name."""
    seconds: dict[str, list[float]] = {}
    if "cmfrec" in workers.running:
        seconds["cmfrec"] = printed(workers, factors, threads, rounds)
    # A library with several solvers runs one fit at a time, so its variants make groups that follow each other.
    groups: list[dict[str, tuple[str, dict[str, Any]]]] = [{}]
    for name, (library, solver) in variants(table).items():
        if library not in workers.running:
            continue
        group = next((group for group in groups if library not in [lib for lib, _ in group.values()]), None)
        if group is None:
            groups.append(group := {})
        group[name] = (library, solver)
    for group in groups:
        running: dict[str, Iterator[float]] = {}
        for name, (library, solver) in {"tastespace": ("tastespace", {}), **group}.items():
            chosen = settings(library, factors) | solver
            running[name] = workers.running[library].steps(
                "epochs", settings=chosen, threads=threads, epochs=rounds + 1
            )
        for number in range(rounds + 1):
            for name, epochs in running.items():
                value = next(epochs)
                if number:
                    seconds.setdefault(name, []).append(value)
        for epochs in running.values():
            epochs.close()
    return {name: common.spread(values) for name, values in seconds.items()}


def printed(workers: Workers, factors: int, threads: int, rounds: int) -> list[float]:
    """Seconds between the lines that cmfrec prints."""
    worker = workers.running["cmfrec"]
    worker.printed.clear()
    try:
        worker.call("print_epochs", settings=settings("cmfrec", factors), threads=threads, epochs=rounds + 1)
    except FailedError as why:
        print(f"cmfrec failed: {why}")
    times = [at for at, line in list(worker.printed) if "Completed ALS iteration" in line]
    return [after - before for before, after in itertools.pairwise(times)]


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--table", choices=TABLES, action="append")
    parser.add_argument("--factors", type=int, nargs="+", default=list(FACTORS))
    chosen = parser.parse_args()
    tables = chosen.table or (TABLES[:1] if chosen.quick else TABLES)
    rounds = min(chosen.rounds, 3) if chosen.quick else chosen.rounds
    results = common.Results("speed_epochs", __doc__, chosen)
    with Workers(list(LIBRARIES), chosen.threads) as workers:
        results.versions |= workers.versions()
        results.cells |= {"threads": chosen.threads, "skipped": workers.skipped}
        for table in tables:
            results.cell(f"{table} shape", lambda table=table: data.shape(data.load(table)))
            loaded = False
            for factors in chosen.factors:
                key = f"{table} k={factors}"
                if key not in results.cells and not loaded:
                    workers.load(data.path(table))
                    loaded = True
                cell = results.cell(
                    key,
                    lambda table=table, factors=factors: measure(
                        workers, table, factors, chosen.threads, rounds
                    ),
                )
                show(key, cell)
    print(f"written to {results.write().relative_to(common.ROOT)}")


def show(key: str, cell: dict[str, Any]) -> None:
    ours = cell["tastespace"]["median"]
    print(key)
    for name, value in cell.items():
        times = "" if name == "tastespace" else f"{value['median'] / ours:6.2f} times ours"
        print(
            f"  {name:17} {value['median']:8.3f} s  ({value['least']:.3f} to {value['most']:.3f}) {times}",
            flush=True,
        )


if __name__ == "__main__":
    main()
