"""``ts.tune`` of ``ts.ImplicitALS`` on MovieLens 1M, against its untuned defaults.

Protocol: likes are ratings of 4 and 5; a cut in time at 80 % of the likes parts training from test. 30 trials over the
default search space, judged by NDCG@10 on validation events, which a second cut in time holds out of the training side
at the same share. The chosen trainer and ``ts.ImplicitALS()`` are then fitted on the whole training side and measured
on the test side, once each; the test side chooses nothing. ``only epochs`` are the defaults with the number of epochs
that validation found best for them. Full ranking, seen items removed; cold users cannot be scored. Intervals: 95 % of
10,000 bootstrap samples of users, for each mean and for the mean of the paired differences.

Run as ``python -m benchmarks.quality.tune_ml_1m [--trials N] [--threads N]``.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib import pyplot as plt

import tastespace as ts
from benchmarks import common
from benchmarks.pictures import STYLE, _save

METRIC = "ndcg@10"
NAME = "tune_ml_1m"
PICTURE = common.ROOT / "docs" / "images" / f"{NAME}.svg"
SAMPLES = 10_000


def interval(values: np.ndarray) -> dict[str, float]:
    """The mean over users, and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(SAMPLES)])
    low, high = np.percentile(means, [2.5, 97.5])
    return {
        "mean": round(float(values.mean()), 5),
        "low": round(float(low), 5),
        "high": round(float(high), 5),
    }


def draw(tuning: ts.Tuning, path: Path) -> None:
    """Validation value over the trials, and against the parameters."""
    names = ("regularization", "unobserved_weight")
    with plt.rc_context(STYLE):
        figure, (left, *right) = plt.subplots(1, 1 + len(names), figsize=(11, 3), layout="constrained")
        tuning.plot(ax=left)
        for name, ax in zip(names, right, strict=True):
            tuning.plot_parameter(name, ax=ax)
            ax.get_legend().remove()
            ax.set_ylabel("")
        _save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    likes = ts.datasets.load("ml-1m").as_implicit(at_least=4)
    split = ts.split.by_time(likes, 0.8)
    print(split)

    start = time.perf_counter()
    tuning = ts.tune(
        ts.ImplicitALS, None, split, metric=METRIC, trials=options.trials, threads=options.threads
    )
    seconds = time.perf_counter() - start
    print(tuning, tuning.trials, sep="\n")

    untuned = ts.ImplicitALS(threads=options.threads, progress=False)
    settled = untuned.replace(
        epochs=int(tuning.trials["epochs"][0])
    )  # trial 0 is the trainer with its defaults
    reports = {
        "tuned": tuning.evaluate(metrics=METRIC, threads=options.threads),
        "untuned": ts.evaluate(untuned.fit(split.train), split, metrics=METRIC, threads=options.threads),
        "only epochs": ts.evaluate(settled.fit(split.train), split, metrics=METRIC, threads=options.threads),
    }
    users = {name: report.per_user(METRIC) for name, report in reports.items()}
    assert np.array_equal(users["tuned"]["user"], users["untuned"]["user"])
    tuned, plain, epochs = (users[name]["value"] for name in reports)
    results: dict[str, Any] = {
        "split": str(split),
        "protocol of the test": reports["tuned"].protocol,
        "users scored": len(tuned),
        "validation": {
            "untuned": round(float(tuning.trials["value"][0]), 5),
            "tuned": round(tuning.value, 5),
        },
        "chosen": tuning.params,
        "test": {
            "tuned": interval(tuned),
            "untuned": interval(plain),
            "only epochs": interval(epochs),
            "tuned - untuned": interval(tuned - plain),
            "tuned - only epochs": interval(tuned - epochs),
        },
        "search seconds": round(seconds, 1),
        "trials": list(tuning.trials.rows()),
        "curve": [round(value, 5) for value in tuning.curve.tolist()],
    }
    draw(tuning, PICTURE)
    path = common.write(NAME, __doc__, results, more_versions=common.versions("optuna"))
    for name, found in results["test"].items():
        print(f"test {METRIC} {name:20} {found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]")
    print(f"search {seconds:.1f} s; written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
