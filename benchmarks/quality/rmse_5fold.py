"""RMSE of explicit ALS on MovieLens: five folds, defaults and tuned settings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; mean over the five test folds. Every test rating counts: where
its user or item is unknown to training the prediction is the mean plus the known side's bias. Predictions are kept
inside the rating scale. ``default`` is ``ts.ALS()``. ``tuned`` is chosen anew for each fold, from the grid below, on
tenths of that fold's *training* ratings: five of them on small data, one from 500,000 ratings. No test rating chooses
a setting of its own fold.

Published, same protocol but other shuffles: Surprise SVD at its defaults .934 and .873; tuned biased matrix
factorization by SGD .906 to .908 and .843 (reference: Surprise's README, gorse's benchmark page).

Run as ``python -m benchmarks.quality.rmse_5fold [ml-100k] [ml-1m] [--threads N]``.
"""

import argparse
import itertools
import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

GRID = {
    "factors": (12, 16, 32),
    "frequency_scaling": (0.4, 0.5),
    "row_penalty": (9.5, 11.0, 13.0),  # lambda of a row with 100 ratings, kept while the exponent moves
    "epochs": (6, 30),
}
BIAS_RATIO = 0.6  # of the biases' penalty to the factors', as in the defaults


def settings() -> list[dict[str, Any]]:
    """The grid as keyword arguments of ``ts.ALS``."""
    return [
        {
            "factors": factors,
            "frequency_scaling": nu,
            "regularization": round(penalty / 100**nu, 4),
            "bias_regularization": round(BIAS_RATIO * penalty / 100**nu, 4),
            "epochs": epochs,
        }
        for factors, nu, penalty, epochs in itertools.product(*GRID.values())
    ]


def errors(model: ts.FactorModel, test: ts.Interactions) -> tuple[float, float, int]:
    """Squared and absolute error over all test ratings, and how many had an unknown user or item."""
    u = model.users.find(test.users.ids)[test.user_rows()]
    i = model.items.find(test.items.ids)[test.by_user.indices]
    known = (u >= 0) & (i >= 0)
    score = np.full(len(u), model.mean, np.float64)
    score += np.where(u >= 0, model.user_bias[u], 0) + np.where(i >= 0, model.item_bias[i], 0)
    score[known] = model.score_pairs(u[known], i[known])
    residual = np.clip(score, *model.scale) - test.by_user.values
    return float(residual @ residual), float(np.abs(residual).sum()), int((~known).sum())


def tune(train: ts.Interactions, threads: int) -> dict[str, Any]:
    """The best setting on tenths of ``train``, with its mean squared error there."""
    parts = ts.split.kfold(train, k=10, seed=1)[: 5 if train.n_events < 500_000 else 1]
    events = sum(part.test.n_events for part in parts)
    tried = []
    for kw in settings():
        trainer = ts.ALS(**kw, threads=threads, progress=False)
        squared = sum(errors(trainer.fit(part.train), part.test)[0] for part in parts)
        tried.append((squared / events, kw))
    best, kw = min(tried, key=lambda pair: pair[0])
    return {"validation_rmse": round(best**0.5, 5), "settings": kw}


def measure(folds: list[ts.Split], settings: list[dict[str, Any]], threads: int) -> dict[str, Any]:
    rmse, mae, cold, seconds = [], [], 0, []
    for (train, test), kw in zip(folds, settings, strict=True):
        start = time.perf_counter()
        model = ts.ALS(**kw, threads=threads, progress=False).fit(train)
        seconds.append(round(time.perf_counter() - start, 3))
        squared, absolute, unknown = errors(model, test)
        rmse.append((squared / test.n_events) ** 0.5)
        mae.append(absolute / test.n_events)
        cold += unknown
    return {
        "rmse": round(float(np.mean(rmse)), 5),
        "mae": round(float(np.mean(mae)), 5),
        "rmse_by_fold": np.round(rmse, 5).tolist(),
        "cold_ratings": cold,
        "fit_seconds_by_fold": seconds,
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
        chosen = [tune(train, options.threads) for train, _ in folds]
        results = {
            "default": measure(folds, [{}] * len(folds), options.threads),
            "tuned": measure(folds, [row["settings"] for row in chosen], options.threads),
            "chosen_by_fold": chosen,
        }
        path = common.write(f"rmse_5fold_{name}", __doc__, results)
        for kind in ("default", "tuned"):
            print(f"{name:8} {kind:8} RMSE {results[kind]['rmse']:.4f}  MAE {results[kind]['mae']:.4f}")
        print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
