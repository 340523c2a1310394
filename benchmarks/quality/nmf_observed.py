"""The penalty of ``NMF(observed_only=True)`` where none is given, chosen on validation ratings; then its test error.

Protocol. The default is a share of the mean rating, one for all tables and widths. Of each data set the first of
``ts.split.kfold(ratings, k=5, seed=0)`` is cut off; of its training side a random fifth (seed 1) is validation. Every
width of factors is fitted with every share below, and the excess of a cell is its validation RMSE over that of the best
share for its data and width. The share with the least mean excess over data and widths is chosen; the default of the
library is that. Only then are all training ratings fitted with the chosen share, and the test fold is read once for
each width. ``folds`` are five folds of the finished default with 32 factors, in the manner of ``ratings.py``, whose
table they stand in: there what trains one fold tests another, as it does for the other trainers' defaults. RMSE is over
ratings whose user and item are known: without a mean and biases, others are predicted the lowest rating. ``folds``
score all, as that table does. Seconds are for orientation: other programs were running.

Run as ``python -m benchmarks.quality.nmf_observed [DATA ...] [--threads N]``, and, when the default is what that chose,
again with ``--test``.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

DATA = ("ml-100k", "ml-latest-small", "movietweetings-100k", "ml-1m")
WIDTHS = (8, 16, 32)
SHARES = (0.0125, 0.0177, 0.025, 0.0354, 0.05, 0.0707)


def rmse(trainer: ts.NMF, train: ts.Interactions, test: ts.Interactions, threads: int) -> float:
    model = trainer.replace(threads=threads, progress=False).fit(train)
    report = ts.evaluate(model, test, metrics="rmse", threads=threads)
    return round(float(report["rmse"]), 5)


def trainer(k: int, share: float, train: ts.Interactions) -> ts.NMF:
    mean = float(train.by_user.filled_values().mean(dtype=np.float64))
    return ts.NMF(factors=k, observed_only=True, l2=share * mean)


def validation(ratings: ts.Interactions, threads: int) -> dict[str, dict[str, float]]:
    """RMSE on validation ratings by width and share."""
    train = ts.split.kfold(ratings, k=5, seed=0)[0].train
    part, valid = ts.split.random(train, test=0.2, seed=1)
    found: dict[str, dict[str, float]] = {}
    for k in WIDTHS:
        found[str(k)] = {str(share): rmse(trainer(k, share, part), part, valid, threads) for share in SHARES}
        print(f"{k:3} factors {found[str(k)]}", flush=True)
    return found


def choose(tables: dict[str, dict[str, dict[str, float]]]) -> tuple[str, dict[str, float]]:
    """The share with the least mean excess, and the excess of each."""
    cells = [cell for table in tables.values() for cell in table.values()]
    excess = {
        share: round(float(np.mean([cell[share] - min(cell.values()) for cell in cells])), 5)
        for share in map(str, SHARES)
    }
    return min(excess, key=lambda share: excess[share]), excess


def tested(ratings: ts.Interactions, share: float, threads: int) -> dict[str, Any]:
    """RMSE on the first fold by width, and over five folds with 32 factors."""
    folds = ts.split.kfold(ratings, k=5, seed=0)
    train, test = folds[0]
    found: dict[str, Any] = {
        "first fold": {str(k): rmse(trainer(k, share, train), train, test, threads) for k in WIDTHS}
    }
    errors, seconds = [], []
    for split in folds:
        start = time.perf_counter()
        model = ts.NMF(observed_only=True, threads=threads, progress=False).fit(split.train)
        seconds.append(time.perf_counter() - start)
        errors.append(ts.evaluate(model, split, metrics="rmse", cold="score", threads=threads)["rmse"])
    found["folds"] = {
        "rmse": round(float(np.mean(errors)), 5),
        "by_fold": np.round(errors, 5).tolist(),
        "fit_seconds_median": round(float(np.median(seconds)), 3),
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=list(DATA))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--test", action="store_true", help="choose from the file's validation, and read the tests"
    )
    options = parser.parse_args()
    path = common.RESULTS / "nmf_observed.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    if not options.test:
        for data in options.data:
            print(data)
            tables = results.setdefault("validation", {})
            tables[data] = validation(ts.datasets.load(data), options.threads)
            common.write("nmf_observed", __doc__, results)
        return
    results["chosen"], results["mean_excess"] = choose(results["validation"])
    print("chosen", results["chosen"], results["mean_excess"])
    results.setdefault("test", {})
    for data in options.data:
        results["test"][data] = tested(ts.datasets.load(data), float(results["chosen"]), options.threads)
        print(data, results["test"][data], flush=True)
    print(f"written to {common.write('nmf_observed', __doc__, results).relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
