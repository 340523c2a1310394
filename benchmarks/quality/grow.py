"""High-dimensional ``ts.ImplicitALS`` in one call: factors doubled for as long as validation improves.

``ts.tune(ts.ImplicitALS(factors=...), {}, split, grow=1024)`` fits the trainer, then doubles its factors, each time
from the model before and with its penalty or twice that. Two tasks on MovieLens 1M. *In time*: likes (ratings of 4
and 5), cut in time at 80 %, validation by a second cut at the same share of the training side; NDCG@10 over all items
on the test side. *Leave one out*: the NCF split of He et al. 2017, every rating an event of weight 1; validation is
the latest training event of each user, ranked over all items; the grown trainer is fitted on all of train and its
test events are ranked among the published negatives. The test side chooses nothing. Beside: the published setting of
192 factors (Rendle et al. 2021, chosen on a validation part of their own) for the second task.

Run as ``python -m benchmarks.quality.grow [--threads N] [--widest N]``.
"""

import argparse
import time
from typing import Any

import polars as pl

import tastespace as ts
from benchmarks import common
from benchmarks.quality import ncf_ml_1m

METRIC = "ndcg@10"


def grown(
    trainer: ts.ImplicitALS,
    split: ts.Split | ts.Interactions,
    widest: int,
    valid: ts.Interactions | None = None,
) -> tuple[ts.Tuning, dict[str, Any]]:
    """The growth, and what it tried."""
    start = time.perf_counter()
    found = ts.tune(
        trainer,
        {},
        split,
        metric=METRIC,
        grow=widest,
        valid=valid,
        threads=trainer.threads,
        progress=False,
    )
    tried = found.trials
    return found, {
        "seconds": round(time.perf_counter() - start, 1),
        "chosen": found.params,
        "penalties": [stage.regularization for stage in found.stages],
        "validation": [
            {"factors": int(factors), "epochs": int(epochs), "value": round(float(value), 5)}
            for factors, epochs, value in zip(tried["factors"], tried["epochs"], tried["value"], strict=True)
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--widest", type=int, default=1024)
    options = parser.parse_args()
    results: dict[str, Any] = {"in time": {}, "leave one out": {}}

    likes = ts.datasets.load("ml-1m").as_implicit(at_least=4)
    split = ts.split.by_time(likes, 0.8)
    for start in (16, 64):
        found, told = grown(
            ts.ImplicitALS(factors=start, threads=options.threads, progress=False), split, options.widest
        )
        told["test"] = round(found.evaluate(metrics=METRIC, threads=options.threads)[METRIC], 5)
        results["in time"][f"from {start}"] = told
        print(f"in time, from {start}: {told}")

    folder = common.DATA / "ncf-ml-1m"
    train = ts.read(folder / "train.parquet", user="user", item="item", timestamp="timestamp")
    test = pl.read_parquet(folder / "test.parquet")
    inner = ts.split.last_out(train.as_implicit(), n=1)
    found, told = grown(
        ts.ImplicitALS(factors=64, threads=options.threads, progress=False),
        inner.train,
        options.widest,
        inner.test,
    )
    model = None
    for stage in found.stages:  # as found.fit() does, here with the validation events
        model = stage.replace(init=model).fit(train)
    assert model is not None
    told["test"] = ncf_ml_1m.score(model, test)
    results["leave one out"]["from 64"] = told
    print(f"leave one out, from 64: {told}")
    plain = ts.ImplicitALS(factors=64, threads=options.threads, progress=False)
    results["leave one out"]["64 factors, untuned"] = ncf_ml_1m.score(plain.fit(train), test)
    published = ts.ImplicitALS(**ncf_ml_1m.SETTINGS, threads=options.threads, progress=False)
    results["leave one out"]["192 factors as published"] = ncf_ml_1m.score(published.fit(train), test)
    print(results["leave one out"])
    path = common.write("grow", __doc__, results, more_versions=common.versions("optuna"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
