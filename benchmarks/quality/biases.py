"""How much of the error biases save: mean, Baseline, PMF and FunkSVD on every data set of ratings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; RMSE over all test ratings, kept inside the scale, as in
``rmse_5fold.py``; ratings by a user or of an item that training does not know are predicted by what is known. Factor
models are fitted with three seeds, and errors are averaged over folds and seeds. Each takes the best of the grid
below on a tenth of the first fold's *training* ratings (seed 1), for all folds: its default learning rate and
penalty, or 0.7 or 1.4 times the latter, with 16 or 64 factors. ``FunkSVD without biases`` is ``FunkSVD`` with
``bias_learning_rate=0``, tuned likewise: the same objective without the two sums.

Run as ``python -m benchmarks.quality.biases [DATA ...]``; writes one file for all.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.quality.rmse_5fold import errors
from tastespace.trainers.sgd import SgdTrainer

DATA = ["ml-100k", "ml-1m", "ml-latest-small", "movietweetings-100k", "jester-1"]
SEEDS = (0, 1, 2)
FACTORS, PENALTIES = (16, 64), (0.7, 1.0, 1.4)
MODELS: dict[str, SgdTrainer] = {
    "PMF": ts.PMF(progress=False),
    "FunkSVD without biases": ts.FunkSVD(bias_learning_rate=0.0, progress=False),
    "FunkSVD": ts.FunkSVD(progress=False),
}


def rmse(model: ts.FactorModel, test: ts.Interactions) -> float:
    return float((errors(model, test)[0] / test.n_events) ** 0.5)


def mean_only(train: ts.Interactions) -> ts.FactorModel:
    """Every prediction is the mean rating."""
    return ts.Baseline(regularization=1e12).fit(train)


def tuned(trainer: SgdTrainer, train: ts.Interactions) -> tuple[SgdTrainer, float]:
    """The best of the grid on a tenth of the training ratings, and its error there."""
    part, validation = ts.split.kfold(train, k=10, seed=1)[0]
    tried: list[tuple[float, SgdTrainer]] = []
    for factors in FACTORS:
        settled = trainer.settled(part)
        for times in PENALTIES:
            changes: dict[str, Any] = {"factors": factors, "regularization": settled.regularization * times}
            if isinstance(settled, ts.FunkSVD):
                changes["bias_regularization"] = settled.bias_regularization * times
            candidate = trainer.replace(**changes)
            tried.append((rmse(candidate.fit(part), validation), candidate))
    error, best = min(tried, key=lambda pair: pair[0])
    return best, error


def over_folds(folds: list[ts.Split], fit: Callable[[ts.Interactions], ts.FactorModel]) -> list[float]:
    return [rmse(fit(train), test) for train, test in folds]


def measure(ratings: ts.Interactions, jobs: list[str]) -> dict[str, Any]:
    """Errors by model, with what was chosen."""
    folds = ts.split.kfold(ratings, k=5, seed=0)
    found: dict[str, Any] = {"data": repr(ratings)}
    for name, fit in (("mean", mean_only), ("Baseline", ts.Baseline().fit)):
        found[name] = {"rmse_by_fold": np.round(over_folds(folds, fit), 5).tolist()}
    for name in jobs:
        start = time.perf_counter()
        trainer, validation = tuned(MODELS[name], folds[0].train)
        by_seed = [over_folds(folds, trainer.replace(seed=seed).fit) for seed in SEEDS]
        found[name] = {
            "rmse_by_seed_and_fold": np.round(by_seed, 5).tolist(),
            "validation_rmse": round(validation, 5),
            "factors": trainer.factors,
            "regularization": trainer.regularization,
            "seconds": round(time.perf_counter() - start, 1),
        }
    for row in found.values():
        if isinstance(row, dict):
            values = next(value for key, value in row.items() if key.startswith("rmse_by"))
            row["rmse"] = round(float(np.mean(values)), 5)
    plain, biased = found["FunkSVD without biases"]["rmse"], found["FunkSVD"]["rmse"]
    found["biases_save_percent"] = round(100 * (1 - biased / plain), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=DATA)
    chosen = parser.parse_args()
    path = common.RESULTS / "biases.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    for name in chosen.data:
        results[name] = measure(ts.datasets.load(name), list(MODELS))
        common.write("biases", __doc__, results)
        row = results[name]
        parts = [f"{model} {row[model]['rmse']:.4f}" for model in ("mean", "Baseline", *MODELS)]
        print(f"{name:20}", "  ".join(parts), f"  biases save {row['biases_save_percent']} %", flush=True)


if __name__ == "__main__":
    main()
