"""A blend of four spaces on MovieLens 1M, weights chosen on validation events.

Protocol: likes are ratings of 4 and 5; all ratings are cut in time at 80 %, and the training side again at 80 % for
validation. On the inner training side are fitted: ``likes``, ``ts.ImplicitALS`` with the tuned settings of
``tune_ml_1m``; ``stars``, ``ts.ALS`` of all ratings; ``seen``, ``ts.ImplicitALS`` of what was rated at all, low or
high; ``recent``, ``ts.Popularity`` of likes with a half-life of 60 days. ``ts.tune_blend`` chooses weights by NDCG@10
of the validation likes; the four are fitted again on the whole training side, blended with these weights, and measured
once on the likes of the test side, over all items, rated ones removed. Intervals: 95 % of 10,000 bootstrap samples of
users.

Run as ``python -m benchmarks.quality.blend_ml_1m [--threads N]``.
"""

import argparse
import time
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.quality.tune_ml_1m import METRIC, interval


def learned(train: ts.Interactions, threads: int) -> dict[str, Any]:
    """The four models."""
    likes = train.as_implicit(at_least=4)
    tuned = ts.ImplicitALS(
        factors=64,
        unobserved_weight=0.39,
        regularization=0.015,
        epochs=2,
        threads=threads,
        progress=False,
    )
    return {
        "likes": tuned.fit(likes),
        "stars": ts.ALS(factors=32, threads=threads, progress=False).fit(train),
        "seen": tuned.fit(train.as_implicit()),
        "recent": ts.Popularity(half_life="60d").fit(likes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    ratings = ts.datasets.load("ml-1m")
    outer = ts.split.by_time(ratings, 0.8)
    inner = ts.split.by_time(outer.train, 0.8)
    models = learned(inner.train, options.threads)
    start = time.perf_counter()
    chosen = ts.tune_blend(models, inner.test, metric=METRIC, relevant=4, threads=options.threads)
    seconds = time.perf_counter() - start
    print(chosen, chosen.info.metrics)

    models = learned(outer.train, options.threads)
    asked = {
        "tuned": ts.Blend(models, chosen.weights),
        "equal weights": ts.Blend(models),
        "equal weights of likes and recent": ts.Blend({name: models[name] for name in ("likes", "recent")}),
    }
    # What users rated low is no part of the histories of those that learn likes; all leave out the same.
    alone = {name: ts.Blend(models, {other: float(other == name) for other in models}) for name in models}
    users = {}
    for name, model in (asked | alone).items():
        report = ts.evaluate(model, outer, metrics=METRIC, relevant=4, threads=options.threads)
        users[name] = report.per_user(METRIC)["value"]
    best = max(alone, key=lambda name: chosen.info.metrics["alone"][name])
    results = {
        "protocol of the test": report.protocol,
        "weights": dict(chosen.weights or {}),
        "validation": chosen.info.metrics,
        "users scored": len(users["tuned"]),
        "test": {name: interval(np.asarray(values)) for name, values in users.items()}
        | {f"tuned - {best}": interval(users["tuned"] - users[best])},
        "seconds of choosing": round(seconds, 2),
    }
    for name, found in results["test"].items():
        print(f"test {METRIC} {name:36} {found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]")
    path = common.write("blend_ml_1m", __doc__, results)
    print(f"choosing took {seconds:.1f} s; written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
