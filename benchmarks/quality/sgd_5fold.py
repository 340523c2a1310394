"""RMSE of FunkSVD and PMF on MovieLens: five folds, three seeds, defaults and tuned settings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; mean over the five test folds and the trainer's seeds 0, 1, 2.
Every test rating counts (``ts.evaluate(..., cold="score")``): where its user or item is unknown to training the
prediction is the mean plus the known side's bias. Predictions are kept inside the rating scale. ``default`` is
``ts.FunkSVD()`` and ``ts.PMF()``. ``tuned`` is chosen anew for each fold, from the grid below, on a tenth of that
fold's *training* ratings (``ts.split.kfold(train, k=10, seed=1)[0]``), with seed 0. No test rating chooses a setting
of its own fold. Seconds are not measured here.

Published, same protocol but other shuffles: Surprise SVD at its defaults .934 and .873; tuned biased matrix
factorization by SGD .906 to .908 and .843 (reference: Surprise's README, gorse's benchmark page).

Run as ``python -m benchmarks.quality.sgd_5fold [ml-100k] [ml-1m] [--threads N]``.
"""

import argparse
import itertools
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from tastespace.trainers.sgd import SgdTrainer

SEEDS = (0, 1, 2)

#: Epochs, factors, and what the default penalties of factors and biases are multiplied by.
GRID: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]] = {
    "FunkSVD": ((30, 60), (64, 200), (0.85, 1.0, 1.2)),
    "PMF": ((20, 40), (64, 200), (0.7, 1.0, 1.4)),
}
TRAINERS: dict[str, SgdTrainer] = {"FunkSVD": ts.FunkSVD(progress=False), "PMF": ts.PMF(progress=False)}


def rmse(model: ts.FactorModel, test: ts.Interactions) -> float:
    return float(ts.evaluate(model, test, metrics=["rmse"], cold="score")["rmse"])


def settings(trainer: SgdTrainer, train: ts.Interactions) -> list[dict[str, Any]]:
    """The grid as settings; penalties are those of ``train``, times a number."""
    settled = trainer.settled(train)
    penalties = {
        name: getattr(settled, name)
        for name in ("regularization", "bias_regularization")
        if hasattr(settled, name)
    }
    return [
        {"epochs": epochs, "factors": factors} | {name: times * value for name, value in penalties.items()}
        for epochs, factors, times in itertools.product(*GRID[type(trainer).__name__])
    ]


def tune(trainer: SgdTrainer, train: ts.Interactions) -> dict[str, Any]:
    """The best setting on a tenth of ``train``, with its error there."""
    part, validation = ts.split.kfold(train, k=10, seed=1)[0]
    tried = []
    for number, found in enumerate(settings(trainer, part)):
        tried.append((rmse(trainer.replace(**found).fit(part), validation), number))
    error, best = min(tried)
    return {"validation_rmse": round(error, 5), "settings": settings(trainer, train)[best]}


def measure(folds: list[ts.Split], trainers: list[SgdTrainer]) -> dict[str, Any]:
    by_seed = [
        [
            rmse(trainer.replace(seed=seed).fit(train), test)
            for (train, test), trainer in zip(folds, trainers, strict=True)
        ]
        for seed in SEEDS
    ]
    return {"rmse": round(float(np.mean(by_seed)), 5), "rmse_by_seed_and_fold": np.round(by_seed, 5).tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=["ml-100k", "ml-1m"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for name in options.data:
        folds = ts.split.kfold(ts.datasets.load(name), k=5, seed=0)
        results: dict[str, Any] = {}
        for kind, plain in TRAINERS.items():
            trainer = plain.replace(threads=options.threads)
            chosen = [tune(trainer, train) for train, _ in folds]
            results[kind] = {
                "default": measure(folds, [trainer] * len(folds)),
                "tuned": measure(folds, [trainer.replace(**row["settings"]) for row in chosen]),
                "chosen_by_fold": chosen,
                "default_of_last_fold": trainer.settled(folds[-1].train).params(),
            }
            for way in ("default", "tuned"):
                print(f"{name:8} {kind:8} {way:8} RMSE {results[kind][way]['rmse']:.4f}", flush=True)
        path = common.write(f"sgd_5fold_{name}", __doc__, results)
        print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
