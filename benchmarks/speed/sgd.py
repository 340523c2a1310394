"""Seconds and RMSE of `FunkSVD`, 100 factors and 30 epochs on MovieLens 1M, against Surprise, cornac and LIBMF.

Protocol: a tenth of the ratings at random is the test part (seed 0); RMSE of predictions kept within 1 to 5, by one
function for every library; a user or item without training ratings has zero factors and biases. All take 100 factors
and 30 epochs. ``default`` is the library's own learning rate and penalty; ``tuned`` the best of its grid below on a
tenth of the *training* ratings (seed 1). Then all fit all training ratings in rounds that take turns.

The clock covers the whole ``fit``, from the library's own form of the ratings; ``load_seconds`` is what making that
takes. Surprise's ``SVD`` has one thread. cornac's ``MF`` is measured with one thread, where it is deterministic, and
with as many as ours, where they race. LIBMF's command-line program ``mf-train`` (its penalties and rate by AdaGrad,
no biases, built by its own Makefile with AVX) reads text, so an epoch of it is the difference of runs of 45 and 15
epochs divided by 30, and one of ours the same difference of fits.

Run as ``python -m benchmarks.speed.sgd``. ``SURPRISE_PYTHON`` and ``RANKING_PYTHON`` (cornac) name the interpreters
of the rivals, ``LIBMF`` the folder of ``mf-train`` and ``mf-predict``; what is not there is left out.
"""

import itertools
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import common
from benchmarks.speed import data
from benchmarks.speed.explicit import rmse
from benchmarks.workers import Worker, Workers

OURS, SURPRISE, CORNAC = "tastespace FunkSVD", "Surprise SVD", "cornac MF"
FIXED: dict[str, dict[str, Any]] = {
    OURS: {"factors": 100, "epochs": 30},
    SURPRISE: {"n_factors": 100, "n_epochs": 30},
    CORNAC: {"k": 100, "max_iter": 30},
}
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    OURS: {"learning_rate": (0.016, 0.02, 0.025), "regularization": (0.045, 0.05, 0.055)},
    SURPRISE: {"lr_all": (0.005, 0.01), "reg_all": (0.03, 0.05)},
    CORNAC: {"learning_rate": (0.01, 0.015, 0.02), "lambda_reg": (0.03, 0.04, 0.05)},
}


def search(worker: Worker, validation: sp.coo_matrix, file: str) -> list[dict[str, Any]]:
    """Validation RMSE of every setting of the grid."""
    grid = GRIDS[worker.name]
    tried = []
    for cell in itertools.product(*grid.values()):
        settings = dict(zip(grid, cell, strict=True))
        seconds = worker.call("fit", settings=FIXED[worker.name] | settings, threads=1, out=file)
        tried.append({"settings": settings, "rmse": rmse(file, validation), "seconds": round(seconds, 4)})
    return tried


def fits(
    workers: Workers, chosen: dict[str, dict[str, Any]], test: sp.coo_matrix, threads: int, rounds: int
) -> list[dict[str, Any]]:
    """Seconds and test RMSE of the default and the chosen setting of each library."""
    cells = [
        (name, kind, settings, used)
        for name in workers.running
        for kind, settings in (("default", {}), ("tuned", chosen[name]))
        for used in ((1, threads) if name == CORNAC else (threads,))
    ]
    seconds: list[list[float]] = [[] for _ in cells]
    errors = [0.0] * len(cells)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "factors.npz")
        for number in range(rounds):
            for place, (name, _, settings, used) in enumerate(cells):
                out = file if number == 0 else None
                whole = FIXED[name] | settings
                seconds[place].append(
                    workers.running[name].call("fit", settings=whole, threads=used, out=out)
                )
                if number == 0:
                    errors[place] = rmse(file, test)
    return [
        {"library": name, "setting": kind, "settings": settings, "threads": 1 if name == SURPRISE else used}
        | {"rmse": errors[place], "seconds": common.spread(seconds[place])}
        for place, (name, kind, settings, used) in enumerate(cells)
    ]


def epochs(
    train: sp.csr_matrix, test: sp.csr_matrix, worker: Worker, threads: int, rounds: int
) -> dict[str, Any]:
    """Seconds of one epoch of LIBMF and of ours in turns, and LIBMF's RMSE after 30."""
    program = Path(os.environ.get("LIBMF", "mf")) / "mf-train"
    if not program.exists():
        return {"skipped": "no mf-train; name its folder in LIBMF"}
    with tempfile.TemporaryDirectory() as folder:
        text, held, model, out = (str(Path(folder) / name) for name in ("train", "test", "model", "out"))
        for name, table in ((text, train.tocoo()), (held, test.tocoo())):
            np.savetxt(name, np.column_stack([table.row, table.col, table.data]), fmt="%d %d %g")

        def run(count: int) -> float:
            flags = {"-k": 100, "-t": count, "-s": threads, "-l2": 0.05, "-r": 0.1}
            command = [str(program), *itertools.chain(*flags.items()), text, model]
            start = time.perf_counter()
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            return time.perf_counter() - start

        def ours(count: int) -> float:
            settings = {"factors": 100, "epochs": count}
            return float(worker.call("fit", settings=settings, threads=threads))

        seconds: dict[str, list[float]] = {"LIBMF": [], OURS: []}
        for _ in range(rounds):
            seconds["LIBMF"].append((run(45) - run(15)) / 30)
            seconds[OURS].append((ours(45) - ours(15)) / 30)
        run(30)
        subprocess.run(
            [str(program.with_name("mf-predict")), held, model, out], check=True, capture_output=True
        )
        scores = np.clip(np.loadtxt(out), 1, 5)
    error = float(np.sqrt(np.mean((scores - test.tocoo().data) ** 2)))
    return {name: common.spread(values) for name, values in seconds.items()} | {"LIBMF rmse": round(error, 5)}


def main() -> None:
    asked = common.options(__doc__).parse_args()
    rounds = min(asked.rounds, 2) if asked.quick else asked.rounds
    results = common.Results("speed_sgd", __doc__, asked)
    train, test = data.ml_1m_ratings()
    part, validation = data.split(train, 0.1, seed=1)
    with Workers([OURS, SURPRISE, CORNAC], asked.threads) as workers, tempfile.TemporaryDirectory() as folder:
        results.versions |= workers.versions()
        results.cells |= {"threads": asked.threads, "skipped": workers.skipped}
        path = data.save(Path(folder) / "part.npz", part)
        file = str(Path(folder) / "factors.npz")
        chosen: dict[str, dict[str, Any]] = {}
        for name, worker in workers.running.items():
            if f"search {name}" not in results.cells:
                worker.call("load", path=str(path))
            tried = results.cell(
                f"search {name}", lambda worker=worker: search(worker, validation.tocoo(), file)
            )
            chosen[name] = min(tried, key=lambda row: row["rmse"])["settings"]
        loaded = workers.load(data.path("ml-1m-ratings"))
        results.cells["load_seconds"] = {name: round(value, 4) for name, value in loaded.items()}
        rows = results.cell("fits", lambda: fits(workers, chosen, test.tocoo(), asked.threads, rounds))
        epoch = results.cell(
            "epoch", lambda: epochs(train, test, workers.running[OURS], asked.threads, rounds)
        )
    for row in rows:
        print(
            f"{row['library']:19} {row['setting']:8} {row['threads']} threads  RMSE {row['rmse']:.4f}  "
            f"{row['seconds']['median']:.3f} s  {row['settings']}"
        )
    print("an epoch:", epoch)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
