"""Seconds until implicit ALS ranks nearly as well as the best rival in the end, MovieLens 1M.

Protocol: every rating is an event of weight 1; a fifth of each user's at random is the test part (seed 0); NDCG@10 over
all unseen items, mean over the users with test events, by one function for every library. implicit and irspack are
tuned per width on the grids below: a tenth of each user's *training* events (seed 1) chooses, test events never do;
then they learn all training events for 16 epochs. The target is 99 % of the best rival's NDCG@10 after those.

The clock starts with ``fit`` and stops when the factors are there: for n epochs of implicit and irspack after the
n-th epoch of one fit, everything before it included and saving the factors excluded; ours is timed as whole calls of
``fit`` with ``epochs=n``, the final exact solve of the users and the making of the model included, and what is judged
is the model that ``fit`` returns. Ours starts from ``Interactions``, which hold the events in both orders;
``load_seconds`` is what making them takes, and the rivals transpose inside ``fit``. Rounds take turns; curves are
medians over rounds.

Ours runs at its defaults but for the width; ``tuned`` appears where the defaults do not reach the target,
and is chosen by the same part of train on irspack's grid, whose model it is.

Run as ``python -m benchmarks.speed.quality_at [--factors K ...]``.
"""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import common
from benchmarks.quality import events as ev
from benchmarks.speed import data
from benchmarks.workers import Worker, Workers

FACTORS = (64, 128)
EPOCHS = 16
OURS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
SHARE = 0.99

FIXED = {"implicit": {}, "irspack": {"nu": 1.0, "solver_type": "CG"}, "tastespace": {}}
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "implicit": {"alpha": (2.0, 3.0, 5.0, 10.0), "regularization": (15.0, 30.0, 60.0, 100.0)},
    "irspack": {"alpha0": (0.1, 0.2, 0.3, 0.5), "reg": (0.003, 0.006, 0.01, 0.02)},
    "tastespace": {"unobserved_weight": (0.1, 0.2, 0.3, 0.5), "regularization": (0.003, 0.006, 0.01, 0.02)},
}
WIDTH = {"implicit": "factors", "irspack": "n_components", "tastespace": "factors"}
LENGTH = {"implicit": "iterations", "irspack": "train_epochs", "tastespace": "epochs"}


class Judge:
    """NDCG@10 of saved factors."""

    def __init__(self, train: sp.csr_matrix, test: sp.csr_matrix) -> None:
        self.task = ev.Task(train, test)

    def __call__(self, file: str) -> float:
        with np.load(file) as arrays:
            return round(ev.ndcg(arrays["users"], arrays["items"], self.task, k=10), 5)


def tune(
    worker: Worker, factors: int, judge: Judge, threads: int, scratch: Path, quick: bool
) -> dict[str, Any]:
    """The setting with the best NDCG@10 on the validation part, and all that were tried."""
    grid, name = GRIDS[worker.name], str(scratch / "tune.npz")
    if quick:
        grid = {parameter: values[1:2] for parameter, values in grid.items()}
    tried = []
    for cell in itertools.product(*grid.values()):
        settings = dict(zip(grid, cell, strict=True))
        whole = FIXED[worker.name] | {WIDTH[worker.name]: factors, LENGTH[worker.name]: EPOCHS} | settings
        worker.call("fit", settings=whole, threads=threads, out=name)
        tried.append({"settings": settings, "ndcg@10": judge(name)})
    return max(tried, key=lambda row: row["ndcg@10"]) | {"tried": tried}


class Curve:
    """NDCG@10 against seconds since ``fit`` of one library, a round at a time."""

    def __init__(self, worker: Worker, settings: dict[str, Any], judge: Judge, threads: int) -> None:
        self.worker, self.settings, self.judge, self.threads = worker, settings, judge, threads
        self.seconds: dict[int, list[float]] = {}
        self.ndcg: dict[int, float] = {}

    def round(self, scratch: Path) -> None:
        first = not self.ndcg
        runs = (
            self._ours(scratch, first) if self.worker.name == "tastespace" else self._theirs(scratch, first)
        )
        for epochs, seconds in runs.items():
            self.seconds.setdefault(epochs, []).append(seconds)
            if first:
                self.ndcg[epochs] = self.judge(str(scratch / f"{epochs}.npz"))

    def _ours(self, scratch: Path, keep: bool) -> dict[int, float]:
        found = {}
        for epochs in OURS:
            out = str(scratch / f"{epochs}.npz") if keep else None
            settings = self.settings | {"epochs": epochs}
            found[epochs] = self.worker.call("fit", settings=settings, threads=self.threads, out=out)
        return found

    def _theirs(self, scratch: Path, keep: bool) -> dict[int, float]:
        out = str(scratch / "{n}.npz") if keep else None
        steps = self.worker.steps(
            "epochs", settings=self.settings, threads=self.threads, epochs=EPOCHS, out=out
        )
        return dict(enumerate(itertools.accumulate(steps), start=1))

    def rows(self) -> list[dict[str, Any]]:
        """One row for each number of epochs."""
        return [
            {"epochs": epochs, "ndcg@10": self.ndcg[epochs], "seconds": common.spread(seconds)}
            for epochs, seconds in sorted(self.seconds.items())
        ]


def reach(rows: list[dict[str, Any]], target: float) -> dict[str, Any] | None:
    """The first row at or above the target."""
    for row in rows:
        if row["ndcg@10"] >= target:
            return {"epochs": row["epochs"], "seconds": row["seconds"]["median"], "ndcg@10": row["ndcg@10"]}
    return None


def measure(workers: Workers, factors: int, chosen: Any, rounds: int) -> dict[str, Any]:
    """Tuned settings, curves, the target and when each library reaches it."""
    running, threads = workers.running, chosen.threads
    train, test = data.ml_1m()
    part, validation = data.split_users(train, 0.1, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        search = Judge(part, validation)
        workers.load(data.save(scratch / "part.npz", part))
        rivals = {name: worker for name, worker in running.items() if name != "tastespace"}
        tuned = {
            name: tune(worker, factors, search, threads, scratch, chosen.quick)
            for name, worker in rivals.items()
        }
        loaded = workers.load(data.path("ml-1m"))
        judge = Judge(train, test)

        def start(name: str, settings: dict[str, Any]) -> Curve:
            return Curve(running[name], FIXED[name] | {WIDTH[name]: factors} | settings, judge, threads)

        curves = {"tastespace": start("tastespace", {})}
        curves |= {name: start(name, tuned[name]["settings"]) for name in rivals}
        run(curves, rounds, scratch)
        final = {name: curves[name].ndcg[EPOCHS] for name in rivals}
        target = SHARE * max(final.values(), default=1.0)
        if reach(curves["tastespace"].rows(), target) is None and rivals:
            running["tastespace"].call("load", path=str(scratch / "part.npz"))
            tuned["tastespace"] = tune(running["tastespace"], factors, search, threads, scratch, chosen.quick)
            running["tastespace"].call("load", path=str(data.path("ml-1m")))
            more = {"tastespace tuned": start("tastespace", tuned["tastespace"]["settings"])}
            run(more, rounds, scratch)
            curves |= more
    rows = {name: one.rows() for name, one in curves.items()}
    return {
        "target": round(target, 5),
        "tuned": tuned,
        "load_seconds": round(loaded["tastespace"], 4),
        "reached": {name: reach(one, target) for name, one in rows.items()},
        "curves": rows,
    }


def run(curves: dict[str, Curve], rounds: int, scratch: Path) -> None:
    for _ in range(rounds):
        for one in curves.values():
            one.round(scratch)


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--factors", type=int, nargs="+", default=list(FACTORS))
    chosen = parser.parse_args()
    rounds = min(chosen.rounds, 3) if chosen.quick else chosen.rounds
    results = common.Results("speed_quality_at", __doc__, chosen)
    with Workers(["tastespace", "implicit", "irspack"], chosen.threads) as workers:
        results.versions |= workers.versions()
        results.cells |= {"threads": chosen.threads, "skipped": workers.skipped}
        for factors in chosen.factors[: 1 if chosen.quick else None]:
            cell = results.cell(
                f"k={factors}", lambda factors=factors: measure(workers, factors, chosen, rounds)
            )
            print(f"k={factors}: target {cell['target']:.4f}")
            for name, at in cell["reached"].items():
                best = max(row["ndcg@10"] for row in cell["curves"][name])
                when = "never" if at is None else f"{at['seconds']:.3f} s, {at['epochs']} epochs"
                print(f"  {name:17} {when:22} best {best:.4f}", flush=True)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
