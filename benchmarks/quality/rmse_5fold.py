"""RMSE of explicit ALS on MovieLens: five folds, defaults and tuned settings.

Protocol: ``ts.split.kfold(ratings, k=5, seed=0)``; mean over the five test folds. Every test rating counts: where
its user or item is unknown to training the prediction is the mean plus the known side's bias. Predictions are kept
inside the rating scale. ``default`` is ``ts.ALS()``. ``tuned`` is the best of the grid below on a tenth of the
*training* ratings of the first fold, and then the same for all five; no test rating chooses anything.

Published, same protocol but other shuffles: Surprise SVD at its defaults .934 and .873; tuned biased matrix
factorization by SGD .906 to .908 and .843 (reference: Surprise's README, gorse's benchmark page).

Run as ``python benchmarks/quality/rmse_5fold.py [ml-100k] [ml-1m] [--threads N]``.
"""

import argparse
import itertools
import time
from typing import Any

import common
import numpy as np

import tastespace as ts

GRID = {
    "factors": (16, 20, 32, 64),
    "frequency_scaling": (0.4, 0.5, 0.6),
    # lambda of a row with 100 ratings; the search keeps it while the exponent moves
    "row_penalty": (9.0, 11.0, 13.0),
    "bias_ratio": (0.5, 1.0),
}
EPOCHS = 15


def settings() -> list[dict[str, Any]]:
    """The grid as keyword arguments of ``ts.ALS``."""
    return [
        {
            "factors": k,
            "frequency_scaling": nu,
            "regularization": round(penalty / 100**nu, 4),
            "bias_regularization": round(ratio * penalty / 100**nu, 4),
        }
        for k, nu, penalty, ratio in itertools.product(*GRID.values())
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


def rmse(trainer: ts.ALS, split: ts.Split) -> float:
    train, test = split
    return (errors(trainer.fit(train), test)[0] / test.n_events) ** 0.5


def tune(train: ts.Interactions, threads: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The best setting on a tenth of ``train``, and every setting tried."""
    inner = ts.split.random(train, test=0.1, seed=1)
    tried = []
    for kw in settings():
        trainer = ts.ALS(**kw, epochs=EPOCHS, threads=threads, progress=False)
        tried.append(kw | {"validation_rmse": round(rmse(trainer, inner), 5)})
    tried.sort(key=lambda row: row["validation_rmse"])
    best = {key: tried[0][key] for key in settings()[0]}
    return best | {"epochs": EPOCHS}, tried


def measure(folds: list[ts.Split], kw: dict[str, Any], threads: int) -> dict[str, Any]:
    trainer = ts.ALS(**kw, threads=threads, progress=False)
    by_fold, seconds, params = [], [], {}
    for train, test in folds:
        start = time.perf_counter()
        model = trainer.fit(train)
        seconds.append(time.perf_counter() - start)
        squared, absolute, cold = errors(model, test)
        by_fold.append(((squared / test.n_events) ** 0.5, absolute / test.n_events, cold))
        params = model.info.params
    table = np.array(by_fold)
    return {
        "rmse": round(table[:, 0].mean(), 5),
        "mae": round(table[:, 1].mean(), 5),
        "rmse_by_fold": table[:, 0].round(5).tolist(),
        "cold_ratings": int(table[:, 2].sum()),
        "fit_seconds": round(float(np.mean(seconds)), 2),
        "threads": threads,
        "params": {key: value for key, value in params.items() if key not in ("threads", "progress")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=["ml-100k", "ml-1m"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for name in options.data:
        folds = ts.split.kfold(ts.datasets.load(name), k=5, seed=0)
        tuned, tried = tune(folds[0].train, options.threads)
        results = {
            "default": measure(folds, {}, options.threads),
            "tuned": measure(folds, tuned, options.threads),
            "search": tried,
        }
        path = common.write(f"rmse_5fold_{name}", __doc__, results)
        for kind in ("default", "tuned"):
            print(f"{name:8} {kind:8} RMSE {results[kind]['rmse']:.4f}  MAE {results[kind]['mae']:.4f}")
        print(f"tuned: {tuned}; written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
