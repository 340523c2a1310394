"""What time is worth in predicting ratings: timeSVD++ against SVD++ of as many factors, by the same kernel.

Protocol: MovieTweetings and MovieLens 100K, trained on the first 80 % of the ratings by date and tested on later
ones; and MovieLens 100K in five shuffled folds (seed 0). ``SVD++`` is ``TimeSVDPlusPlus`` with every term of time
off; both have 32 factors. Settings are chosen inside the training side of every split: on its last 15 % by date for
the cuts by time, on a random tenth for the folds. First those of SVD++ by random search, its defaults and 11 more
points; then, with these, those of the terms of time, the defaults and 11 more points. Means of three seeds. RMSE is
over test ratings whose user and item are known, each predicted at its own time, and over all of them (a cold side
adds nothing). ``terms`` adds single terms to SVD++, at the defaults, with one seed.

The paired test flips the signs of the differences of the users' sums of squared errors (10,000 draws, two-sided,
errors averaged over seeds); the interval of the gain is a bootstrap over users. MovieLens 1M is left out: its imputed
times give ratings away.

Run as ``python -m benchmarks.quality.timesvd [--threads N] [--seeds N]``.
"""

import argparse
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

DATA = ("movietweetings-100k, by time", "ml-100k, by time", "ml-100k, five folds")
OFF = {"bins": 1, "trend": False, "drift": "none", "days": "none"}
TERMS: dict[str, dict[str, Any]] = {
    "item bins": {"bins": 30},
    "item trend": {"trend": True},
    "bias drift": {"drift": "bias"},
    "factor drift": {"drift": "factors"},
    "days": {"days": "bias"},
    "factors by day": {"days": "factors"},
}
POINTS, DRAWS = 12, 10_000


def parts(name: str) -> list[ts.Split]:
    data, how = name.split(", ")
    ratings = ts.datasets.load(data)
    return [ts.split.by_time(ratings, 0.8)] if how == "by time" else ts.split.kfold(ratings, k=5, seed=0)


def shared_points() -> list[dict[str, Any]]:
    """Settings of what both models have."""
    rng = np.random.default_rng(1)
    found: list[dict[str, Any]] = [{}]
    while len(found) < POINTS:
        found.append(
            {
                "epochs": int(rng.choice([15, 25, 35])),
                "learning_rate": spread(rng, 0.015, 0.06),
                "regularization": spread(rng, 0.05, 0.1),
                "bias_learning_rate": spread(rng, 0.003, 0.012),
                "bias_regularization": spread(rng, 0.02, 0.12),
                "implicit_learning_rate": spread(rng, 0.004, 0.015),
                "implicit_regularization": spread(rng, 0.003, 0.015),
            }
        )
    return found


def time_points() -> list[dict[str, Any]]:
    """Settings of what depends on time."""
    rng = np.random.default_rng(2)
    found: list[dict[str, Any]] = [{}]
    while len(found) < POINTS:
        found.append(
            {
                "bins": int(rng.choice([1, 10, 30])),
                "trend": bool(rng.integers(2)),
                "drift": str(rng.choice(["none", "bias", "factors"])),
                "days": str(rng.choice(["none", "bias"])),
                "item_time_learning_rate": spread(rng, 0.0005, 0.004),
                "item_time_regularization": spread(rng, 0.05, 0.4),
                "user_time_learning_rate": spread(rng, 0.001, 0.008),
                "drift_learning_rate": spread(rng, 0.002, 0.01),
            }
        )
    return found


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.3g}")


def choose(
    inner: ts.Split, points: list[dict[str, Any]], given: dict[str, Any], threads: int
) -> dict[str, Any]:
    """The point of least RMSE on the inner validation side."""
    tried = []
    for number, point in enumerate(points):
        trainer = ts.TimeSVDPlusPlus(**given | point, threads=threads, progress=False)
        tried.append((ts.evaluate(trainer.fit(inner.train), inner.test, metrics="rmse")["rmse"], number))
    value, number = min(tried)
    return {"validation_rmse": round(value, 5), "settings": points[number]}


def squared_errors(trainer: Any, split: ts.Split) -> tuple[np.ndarray, np.ndarray, float]:
    """Users and squared errors of the test ratings that are warm, and the RMSE over all."""
    model, test = trainer.fit(split.train), split.test
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
    beyond = 0
    for _ in range(10):  # a tenth at a time, for the memory
        signs = rng.integers(0, 2, (DRAWS // 10, len(n))) * 2 - 1
        beyond += int(np.sum(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9))
    gains = []
    for _ in range(1000):
        drawn = rng.integers(0, len(n), len(n))
        gains.append(np.sqrt(a[drawn].sum() / n[drawn].sum()) - np.sqrt(b[drawn].sum() / n[drawn].sum()))
    return {
        "gain": round(float(np.sqrt(plain.mean()) - np.sqrt(timed.mean())), 5),
        "gain_95": np.round(np.quantile(gains, [0.025, 0.975]), 5).tolist(),
        "p": round((1 + beyond) / (DRAWS + 1), 5),
        "users_better": round(float((difference > 0).mean()), 4),
    }


def measure(name: str, seeds: int, threads: int) -> dict[str, Any]:
    chosen, users = [], []
    errors: dict[str, list[list[np.ndarray]]] = {"SVD++": [], "timeSVD++": []}
    cold: dict[str, list[float]] = {"SVD++": [], "timeSVD++": []}
    single: dict[str, list[np.ndarray]] = {term: [] for term in TERMS}
    for split in parts(name):
        by_time = name.endswith("by time")
        inner = (
            ts.split.by_time(split.train, 0.85) if by_time else ts.split.random(split.train, test=0.1, seed=1)
        )
        shared = choose(inner, shared_points(), OFF, threads)
        timed = choose(inner, time_points(), shared["settings"], threads)
        chosen.append({"SVD++": shared, "timeSVD++": timed})
        for model, settings in (
            ("SVD++", shared["settings"] | OFF),
            ("timeSVD++", shared["settings"] | timed["settings"]),
        ):
            by_seed = []
            for seed in range(seeds):
                trainer = ts.TimeSVDPlusPlus(**settings, seed=seed, threads=threads, progress=False)
                who, squared, everything = squared_errors(trainer, split)
                by_seed.append(squared)
                cold[model].append(everything)
            errors[model].append(by_seed)
        users.append(who)
        for term, settings in TERMS.items():
            trainer = ts.TimeSVDPlusPlus(
                **shared["settings"] | OFF | settings, threads=threads, progress=False
            )
            single[term].append(squared_errors(trainer, split)[1])
        print(name, chosen[-1], flush=True)

    of = np.concatenate(users)
    joined = {
        model: [np.concatenate([fold[seed] for fold in folds]) for seed in range(seeds)]
        for model, folds in errors.items()
    }
    results: dict[str, Any] = {
        "users": len(np.unique(of)),
        "ratings": len(of),
        "chosen": chosen,
        "models": {},
    }
    for model, by_seed in joined.items():
        rmse = [float(np.sqrt(squared.mean())) for squared in by_seed]
        results["models"][model] = {
            "rmse": round(float(np.mean(rmse)), 5),
            "rmse_by_seed": np.round(rmse, 5).tolist(),
            "rmse_with_cold": round(float(np.mean(cold[model])), 5),
        }
    plain, timed_errors = (np.mean(joined[model], axis=0) for model in ("SVD++", "timeSVD++"))
    results["paired"] = compared(of, plain, timed_errors)
    results["terms"] = {
        term: compared(of, joined["SVD++"][0], np.concatenate(squared)) for term, squared in single.items()
    }
    print(name, results["models"], results["paired"], *results["terms"].items(), sep="\n", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=list(DATA))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    for name in options.data:
        results = measure(name, options.seeds, options.threads)
        path = common.write("timesvd_" + name.replace(", ", "_").replace(" ", "_"), __doc__, results)
        print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
