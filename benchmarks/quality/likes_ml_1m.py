"""All rankings on MovieLens 1M in one table, each tuned on validation events, with intervals and paired tests.

Protocol: likes are ratings of 4 and 5; a cut in time at 80 % of the likes parts training from test. Each trainer is
tuned by ``ts.tune`` over its default space (20 trials of Optuna's TPE, seed 0) for NDCG@10 on validation events, which
a second cut in time holds out of the training side at the same share; what has nothing to tune stays as it is. All are
then fitted on the whole training side and compared on the test side, which chooses nothing: full ranking, items that
the user liked in training removed, warm users; once more with cold users, who count 0. 95 % intervals and paired
permutation tests with Holm's correction, as ``ts.compare`` makes them.

Run as ``python -m benchmarks.quality.likes_ml_1m [--trials N] [--threads N]``.
"""

import argparse
import json
import time
from typing import Any

import tastespace as ts
from benchmarks import common

NAME = "likes_ml_1m"
METRIC = "ndcg@10"

TRAINERS = {
    "Popularity": ts.Popularity(),
    "Popularity, half-life": ts.Popularity(half_life="30d"),
    "ItemKNN": ts.ItemKNN(),
    "UserKNN": ts.UserKNN(),
    "EASE": ts.EASE(),
    "EASE, sparse": ts.EASE(sparse=True),
    "BPR": ts.BPR(),
    "WARP": ts.WARP(),
    "LogisticMF": ts.LogisticMF(),
    "ImplicitALS": ts.ImplicitALS(),
}
UNTUNED = {"Popularity"}


def tuned(
    name: str, split: ts.Split, trials: int, threads: int, storage: str | None
) -> tuple[Any, dict[str, Any]]:
    """The trainer as validation events chose it, and what was found."""
    trainer = TRAINERS[name]
    if name in UNTUNED:
        return trainer, {}
    start = time.perf_counter()
    found = ts.tune(
        trainer, None, split, metric=METRIC, trials=trials, threads=threads, progress=False, storage=storage
    )
    return found.trainer, {
        "chosen": found.params,
        "validation": round(found.value, 5),
        "untuned, validation": round(float(found.trials["value"][0]), 5),
        "search seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--storage", help="a folder that keeps the trials, to go on from")
    options = parser.parse_args()
    split = ts.split.by_time(ts.datasets.load("ml-1m").as_implicit(at_least=4), 0.8)
    print(split)
    trainers, searches = {}, {}
    for name in TRAINERS:
        storage = f"{options.storage}/{name}.log" if options.storage else None
        trainers[name], searches[name] = tuned(name, split, options.trials, options.threads, storage)
        print(name, searches[name], flush=True)
    models = {name: trainer.fit(split.train) for name, trainer in trainers.items()}
    results: dict[str, Any] = {"searches": searches}
    for title, cold in (("warm users", "skip"), ("everyone", "score")):
        comparison = ts.compare(
            models,
            split,
            k=10,
            metrics=["ndcg", "recall", "hit_rate", "coverage", "popularity"],
            cold=cold,
            slices=0,
            threads=options.threads,
            progress=False,
        )
        print(title, comparison, sep="\n")
        results[title] = json.loads(comparison.to_json())
    path = common.write(NAME, __doc__, results, more_versions=common.versions("optuna"))
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
