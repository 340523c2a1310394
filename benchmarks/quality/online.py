"""Ratings that arrive day by day: a model that takes them in, one that is fitted again, one that stays as it was.

Protocol: MovieTweetings, by date. A model is fitted on all ratings before the last ``--days`` days that have any.
Then, day by day, its predictions for the ratings of the day are measured before it sees them, and the day is taken
in: by ``model.update`` (``update``), by a fit of all ratings so far (``refit``), or not at all (``none``). RMSE is
over all ratings of these days whose user and item are known to the model, over those that all three know, and over
all (mean and known biases where a side is cold). Seconds are those of taking a day in, on the machine and the threads
named in the result file, alone on it or not as that file says. ``refit`` after every day is the best that can be had
at any price; what matters is how near ``update`` comes, and for what.

Run as ``python -m benchmarks.quality.online [--trainer ALS] [--set factors=16] [--days 60] [--threads N]``; any
trainer whose models have ``update``.
"""

import argparse
import ast
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common

DAY = 86_400


def predictions(model: Any, day: ts.Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Ratings that the model predicts for a day, and which of them it knows user and item of."""
    table = day.by_user
    u, i = model.users.find(day.users.ids)[day.user_rows()], model.items.find(day.items.ids)[table.indices]
    known = (u >= 0) & (i >= 0)
    score = np.full(len(u), model.mean, np.float64)
    score += np.where(u >= 0, model.user_bias[u], 0) + np.where(i >= 0, model.item_bias[i], 0)
    if known.any():
        score[known] = model.score_pairs(u[known], i[known])
    return np.clip(score, *model.scale), known


def days_of(ratings: ts.Interactions, count: int) -> tuple[ts.Interactions, list[ts.Interactions]]:
    """The ratings before the last days, and those of each of them."""
    days = ratings.by_user.times // DAY
    last = np.unique(days)[-count:]
    return ratings.select(days < last[0]), [ratings.select(days == day) for day in last]


def follow(
    model: Any, days: list[ts.Interactions], take: Callable[[Any, ts.Interactions], Any]
) -> dict[str, Any]:
    """Measure each day, then take it in."""
    errors, known, seconds = [], [], []
    for day in days:
        predicted, seen = predictions(model, day)
        errors.append((predicted - day.by_user.filled_values()) ** 2)
        known.append(seen)
        start = time.perf_counter()
        model = take(model, day)
        seconds.append(time.perf_counter() - start)
    return {"squared": np.concatenate(errors), "known": np.concatenate(known), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainer", default="ALS", help="a name in tastespace")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of it")
    parser.add_argument("--data", default="movietweetings-100k")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    settings = {name: ast.literal_eval(value) for name, value in (pair.split("=") for pair in options.set)}
    trainer = getattr(ts, options.trainer)(**settings)
    for name, value in (("threads", options.threads), ("progress", False)):
        if hasattr(trainer, name):
            trainer = trainer.replace(**{name: value})

    ratings = ts.datasets.load(options.data)
    before, days = days_of(ratings, options.days)
    start = time.perf_counter()
    model = trainer.fit(before)
    first = time.perf_counter() - start
    so_far = before

    def refit(_: Any, day: ts.Interactions) -> Any:
        nonlocal so_far
        so_far = so_far.merge(day)
        return trainer.fit(so_far)

    found = {
        "none": follow(model, days, lambda model, day: model),
        "update": follow(model, days, lambda model, day: model.update(day)),
        "refit": follow(model, days, refit),
    }
    shared = np.logical_and.reduce([row["known"] for row in found.values()])
    results: dict[str, Any] = {
        "trainer": repr(trainer),
        "days": len(days),
        "ratings_before": before.n_events,
        "ratings_after": len(shared),
        "known_to_all": int(shared.sum()),
        "threads": options.threads,
        "first_fit_seconds": round(first, 4),
        "ways": {},
    }
    for way, row in found.items():
        results["ways"][way] = {
            "rmse_known": round(float(np.sqrt(row["squared"][row["known"]].mean())), 5),
            "known": int(row["known"].sum()),
            "rmse_known_to_all": round(float(np.sqrt(row["squared"][shared].mean())), 5),
            "rmse_all": round(float(np.sqrt(row["squared"].mean())), 5),
            "seconds_a_day_median": round(float(np.median(row["seconds"])), 4),
            "seconds_a_day": np.round(row["seconds"], 4).tolist(),
        }
        shown = {key: value for key, value in results["ways"][way].items() if key != "seconds_a_day"}
        print(f"{options.trainer} {way:7} {shown}")
    path = common.write(f"online_{options.trainer.lower()}", __doc__, results)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
