"""What time is worth in predicting ratings: timeSVD++ against SVD++ of as many factors, by the same kernel.

Protocol: MovieTweetings and MovieLens 100K, trained on the first 80 % of the ratings by date and tested on later ones; and
MovieLens 100K in five shuffled folds (seed 0). Both models have 32 factors, the same rates and penalties for what they
share, and three seeds; ``SVD++`` is ``TimeSVDPlusPlus`` with every term of time off. The settings below were chosen
inside the training part alone: for the cuts by time on the last 15 % by date of it, for the folds on a tenth of the training part
of the first fold (which is part of the test sides of the others; the three sets of settings differ little from the defaults, which the
column ``default`` shows). RMSE is over test ratings whose user and item are known, each predicted at its own time; for the cuts by time also over all
of them, where a cold side adds nothing. Single terms are added to SVD++ one at a time.

The paired test permutes the signs of the differences of the users' sums of squared errors (10,000 draws, two-sided, errors averaged
over seeds), so a user counts with all ratings; the interval of the gain is a bootstrap over users. MovieLens 1M is left out: its
imputed times give ratings away.

Run as ``python -m benchmarks.quality.time [--threads N] [--seeds N]``.
"""

import argparse
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

OFF = {"bins": 1, "trend": False, "drift": "none", "days": "none"}

#: What is added to SVD++.
TERMS: dict[str, dict[str, Any]] = {
    "SVD++": OFF,
    "+ item bins": OFF | {"bins": 30},
    "+ item trend": OFF | {"trend": True},
    "+ bias drift": OFF | {"drift": "bias"},
    "+ factor drift": OFF | {"drift": "factors"},
    "+ days": OFF | {"days": "bias"},
    "timeSVD++": {},
    "timeSVD++, factors by day": {"days": "factors"},
}

#: What was chosen inside training, beside the defaults.
CHOSEN: dict[str, dict[str, Any]] = {
    "ml-100k, five folds": {},
    "ml-100k, by time": {},
    "movietweetings-100k, by time": {"learning_rate": 0.02, "bias_learning_rate": 0.01, "bias_regularization": 0.03},
}
DRAWS = 10_000


def parts(name: str) -> list[ts.Split]:
    data, how = name.split(", ")
    ratings = ts.datasets.load(data)
    return [ts.split.by_time(ratings, 0.8)] if how == "by time" else ts.split.kfold(ratings, k=5, seed=0)


def squared_errors(model: Any, test: ts.Interactions) -> tuple[np.ndarray, np.ndarray, float]:
    """Users and squared errors of the test ratings that are warm, and the RMSE over all."""
    table = test.by_user
    users, items = test.users.ids[test.user_rows()], test.items.ids[table.indices]
    known = (model.users.find(users) >= 0) & (model.items.find(items) >= 0)
    predicted = model.predict(users[known].tolist(), items[known].tolist(), at=table.times[known])
    everything = ts.evaluate(model, test, metrics="rmse", cold="score")["rmse"]
    return users[known], (predicted.astype(float) - table.filled_values()[known]) ** 2, everything


def compared(users: np.ndarray, plain: np.ndarray, timed: np.ndarray) -> dict[str, Any]:
    """Gain in RMSE, its interval and the p-value, by users."""
    _, of = np.unique(users, return_inverse=True)
    a, b, n = np.bincount(of, plain), np.bincount(of, timed), np.bincount(of)
    rng = np.random.default_rng(0)
    difference = a - b
    signs = rng.integers(0, 2, (DRAWS, len(n))) * 2 - 1
    p = (1 + np.sum(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9)) / (DRAWS + 1)
    gains = []
    for _ in range(1000):
        drawn = rng.integers(0, len(n), len(n))
        gains.append(np.sqrt(a[drawn].sum() / n[drawn].sum()) - np.sqrt(b[drawn].sum() / n[drawn].sum()))
    return {
        "gain": round(float(np.sqrt(plain.mean()) - np.sqrt(timed.mean())), 5),
        "gain_95": np.round(np.quantile(gains, [0.025, 0.975]), 5).tolist(),
        "p": round(float(p), 5),
    }


def measure(name: str, seeds: int, threads: int) -> dict[str, Any]:
    errors: dict[str, list[np.ndarray]] = {term: [] for term in TERMS}
    everything: dict[str, list[float]] = {term: [] for term in TERMS}
    users = np.zeros(0)
    for seed in range(seeds):
        each: dict[str, list[np.ndarray]] = {term: [] for term in TERMS}
        who = []
        for train, test in parts(name):
            for term, settings in TERMS.items():
                trainer = ts.TimeSVDPlusPlus(**CHOSEN[name] | settings, seed=seed, threads=threads, progress=False)
                found, squared, rmse = squared_errors(trainer.fit(train), test)
                each[term].append(squared)
                everything[term].append(rmse)
            who.append(found)
        users = np.concatenate(who)
        for term in TERMS:
            errors[term].append(np.concatenate(each[term]))
    results: dict[str, Any] = {"users": len(np.unique(users)), "ratings": len(users), "models": {}}
    for term in TERMS:
        by_seed = [float(np.sqrt(squared.mean())) for squared in errors[term]]
        row = {
            "rmse": round(float(np.mean(by_seed)), 5),
            "rmse_by_seed": np.round(by_seed, 5).tolist(),
            "rmse_with_cold": round(float(np.mean(everything[term])), 5),
        }
        if term != "SVD++":
            row |= compared(users, np.mean(errors["SVD++"], axis=0), np.mean(errors[term], axis=0))
        results["models"][term] = row
        print(f"{name:30} {term:26} {row}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=list(CHOSEN))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    results = {name: measure(name, options.seeds, options.threads) for name in options.data}
    path = common.write("time", __doc__, {"chosen": CHOSEN} | results)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
