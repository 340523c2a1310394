"""RMSE of SVD++ on MovieLens: five folds, either side of implicit vectors and both, defaults and tuned settings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; mean over the five test folds, and over seeds 0 to 2 of the trainer
(seed 0 alone for one side). Every test rating counts: where its user or item is unknown to training the prediction is
the mean plus the known side's bias. Predictions are kept inside the rating scale. The implicit sets hold training
ratings alone. ``default`` is ``ts.SVDPlusPlus()`` and with ``implicit="users"`` and ``"items"``. ``tuned`` has both
sides and is chosen anew for each fold, from the grid below, on a tenth of that fold's *training* ratings. No test
rating chooses a setting of its own fold.

Published, same protocol but other shuffles: SVD++ .9038 to .9048 and .8419 to .8485, with both sides .8933 and .8367
(gorse's benchmark page, tf-recsys).

Run as ``python -m benchmarks.quality.svdpp_5fold [ml-100k] [ml-1m] [--threads N]``.
"""

import argparse
import itertools
import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.quality.rmse_5fold import errors

SEEDS = (0, 1, 2)
GRID = {
    "regularization": (0.05, 0.07, 0.1),
    "implicit_times": (0.5, 1.0, 2.0),  # of the default implicit_regularization
}


def tune(train: ts.Interactions, threads: int) -> dict[str, Any]:
    """The best setting on a tenth of ``train``, with its RMSE there."""
    part = ts.split.kfold(train, k=10, seed=1)[0]
    tried = []
    for cell in itertools.product(*GRID.values()):
        usual = ts.SVDPlusPlus().settled(part.train).implicit_regularization
        kw = {"regularization": cell[0], "implicit_regularization": round(cell[1] * usual, 7)}
        model = ts.SVDPlusPlus(**kw, threads=threads, progress=False).fit(part.train)
        tried.append(((errors(model, part.test)[0] / part.test.n_events) ** 0.5, kw))
    best, kw = min(tried, key=lambda pair: pair[0])
    return {"validation_rmse": round(best, 5), "settings": kw}


def measure(
    folds: list[ts.Split], settings: list[dict[str, Any]], seeds: tuple[int, ...], threads: int
) -> dict[str, Any]:
    """Errors of every fold and seed, and seconds of fits."""
    rmse, mae, seconds = [], [], []
    for seed in seeds:
        of_folds = []
        for (train, test), kw in zip(folds, settings, strict=True):
            start = time.perf_counter()
            model = ts.SVDPlusPlus(**kw, seed=seed, threads=threads, progress=False).fit(train)
            seconds.append(round(time.perf_counter() - start, 3))
            squared, absolute, _ = errors(model, test)
            of_folds.append((squared / test.n_events) ** 0.5)
            mae.append(absolute / test.n_events)
        rmse.append(of_folds)
    return {
        "rmse": round(float(np.mean(rmse)), 5),
        "mae": round(float(np.mean(mae)), 5),
        "rmse_by_seed": np.mean(rmse, axis=1).round(5).tolist(),
        "rmse_by_seed_and_fold": np.round(rmse, 5).tolist(),
        "fit_seconds": seconds,
        "threads": threads,
        "params_of_last_fold": model.info.params,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=["ml-100k", "ml-1m"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for name in options.data:
        folds = ts.split.kfold(ts.datasets.load(name), k=5, seed=0)
        results: dict[str, Any] = {}

        def done(
            kind: str, found: dict[str, Any], name: str = name, results: dict[str, Any] = results
        ) -> None:
            results[kind] = found
            common.write(f"svdpp_5fold_{name}", __doc__, results)  # what is measured is kept
            print(f"{name:8} {kind:16} RMSE {found['rmse']:.4f}  MAE {found['mae']:.4f}", flush=True)

        for implicit, seeds in (("both", SEEDS), ("users", SEEDS[:1]), ("items", SEEDS[:1])):
            given = [{"implicit": implicit}] * len(folds)
            done(f"default, {implicit}", measure(folds, given, seeds, options.threads))
        results["chosen_by_fold"] = [tune(train, options.threads) for train, _ in folds]
        chosen = [row["settings"] for row in results["chosen_by_fold"]]
        done("tuned, both", measure(folds, chosen, SEEDS, options.threads))


if __name__ == "__main__":
    main()
