"""All rating models in one table: five shuffled folds at their defaults, and a cut in time, each tuned before it.

Protocol: ``folds`` is ``ts.split.kfold(ratings, k=5, seed=0)``: RMSE over all test ratings (an unknown user or item is
predicted by what is known), averaged over folds and, where a trainer draws numbers, over the seeds 0 to 2, with
the median seconds of a fit; everything at its defaults, so no split chose anything. ``time`` trains on the first 80 %
of the ratings by date: each trainer at its defaults, and tuned by ``ts.tune`` (its default space, 20 trials of Optuna's
TPE, seed 0) for RMSE on validation ratings that a second cut in time holds out of the training side. The test side
chooses nothing and is read once for each; RMSE is over test ratings whose user and item are known and over all of them,
with the paired tests of ``ts.compare`` for the tuned ones. ``TimeSVDPlusPlus`` needs times that are true, so it is
left out on MovieLens 1M, whose times give ratings away; Jester has none.

Run as ``python -m benchmarks.quality.ratings [DATA ...] [--trials N] [--threads N]``; one result file a data set.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

FOLDS = ("ml-100k", "ml-latest-small", "ml-1m")
TIMED = ("ml-100k", "movietweetings-100k")
SEEDS = (0, 1, 2)

TRAINERS = {
    "Baseline": ts.Baseline(),
    "PMF": ts.PMF(),
    "UserKNN": ts.UserKNN(),
    "ItemKNN": ts.ItemKNN(),
    "ALS": ts.ALS(),
    "FunkSVD": ts.FunkSVD(),
    "SVDPlusPlus, users": ts.SVDPlusPlus(implicit="users"),
    "SVDPlusPlus": ts.SVDPlusPlus(),
    "TimeSVDPlusPlus": ts.TimeSVDPlusPlus(),
}


def settled(name: str, threads: int, seed: int = 0) -> Any:
    """A trainer with what this run fixes, as far as it has it."""
    given = {"threads": threads, "progress": False, "seed": seed}
    known = TRAINERS[name].params()
    return TRAINERS[name].replace(**{key: value for key, value in given.items() if key in known})


def in_folds(ratings: ts.Interactions, names: list[str], threads: int) -> dict[str, Any]:
    """Defaults over five folds."""
    splits = ts.split.kfold(ratings, k=5, seed=0)
    found: dict[str, Any] = {}
    for name in names:
        seeds = SEEDS if "seed" in TRAINERS[name].params() else SEEDS[:1]
        errors, maes, seconds = [], [], []
        for seed in seeds:
            for split in splits:
                start = time.perf_counter()
                model = settled(name, threads, seed).fit(split.train)
                seconds.append(time.perf_counter() - start)
                report = ts.evaluate(model, split, metrics=["rmse", "mae"], cold="score", threads=threads)
                errors.append(report["rmse"])
                maes.append(report["mae"])
        found[name] = {
            "rmse": round(float(np.mean(errors)), 5),
            "mae": round(float(np.mean(maes)), 5),
            "rmse_by_seed_and_fold": np.round(np.reshape(errors, (len(seeds), -1)), 5).tolist(),
            "fit_seconds_median": round(float(np.median(seconds)), 3),
        }
        print(f"{name:20} {found[name]['rmse']:.4f} {found[name]['fit_seconds_median']:.3f} s", flush=True)
    return found


def in_time(ratings: ts.Interactions, names: list[str], trials: int, threads: int) -> dict[str, Any]:
    """A cut in time: defaults and tuned settings."""
    split = ts.split.by_time(ratings, 0.8)
    print(split)
    models, searches = {}, {}
    for name in names:
        trainer = settled(name, threads)
        start = time.perf_counter()
        search = ts.tune(trainer, None, split, metric="rmse", trials=trials, threads=threads, progress=False)
        searches[name] = {
            "chosen": search.params,
            "validation": round(search.value, 5),
            "default, validation": round(float(search.trials["value"][0]), 5),
            "seconds": round(time.perf_counter() - start, 1),
        }
        print(name, searches[name], flush=True)
        models[f"{name}, default"] = trainer.fit(split.train)
        models[name] = search.trainer.fit(split.train)
    found: dict[str, Any] = {"searches": searches, "default": {}}
    for name in names:
        report = ts.evaluate(models.pop(f"{name}, default"), split, metrics="rmse", threads=threads)
        found["default"][name] = round(report["rmse"], 5)
    for title, cold in (("warm", "skip"), ("all", "score")):
        comparison = ts.compare(
            models, split, metrics=["rmse", "mae"], cold=cold, slices=0, threads=threads, progress=False
        )
        print(title, comparison, sep="\n", flush=True)
        found[title] = json.loads(comparison.to_json())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=sorted({*FOLDS, *TIMED}))
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for data in options.data:
        ratings = ts.datasets.load(data)
        names = [name for name in TRAINERS if data != "ml-1m" or not name.startswith("Time")]
        results: dict[str, Any] = {"data": repr(ratings)}
        print(data)
        if data in FOLDS:
            results["folds"] = in_folds(ratings, names, options.threads)
        if data in TIMED:
            results["time"] = in_time(ratings, names, options.trials, options.threads)
        path = common.write(f"ratings_{data}", __doc__, results, more_versions=common.versions("optuna"))
        print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
