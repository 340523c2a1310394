"""The NCF table of MovieLens 1M twice: with the published 99 negatives, and by full ranking.

Protocol: He et al. 2017. Every rating is an event of weight 1; each of 6,040 users' latest event is the test event.
Sampled: it is ranked among the published negatives (``ts.Candidates``; 156 rows list the test item itself, which
counts once). Full: among all items that the user has not seen. Does the order of the models change?

The models are those of this library, several of them with other settings than one would choose, because the question
is about the order of models and not about the best. Nothing is tuned here. Kendall's tau compares the two orders;
pairs that swap are listed with the paired difference in each protocol and its 95 % interval (2,000 bootstrap
resamples of users), so that a swap inside the noise shows as such.

Run as ``python -m benchmarks.quality.sampled_or_full [--threads N]``.
"""

import argparse
import itertools
import time
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import kendalltau

import tastespace as ts
from benchmarks import common

METRICS = ("hit_rate@10", "ndcg@10", "auc")


def trainers(threads: int) -> dict[str, Any]:
    """The models of the table by name."""
    als = ts.ImplicitALS(threads=threads, progress=False)
    published = als.replace(
        factors=192, unobserved_weight=0.3, regularization=0.007, frequency_scaling=1.0, epochs=12
    )
    return {
        "Popularity": ts.Popularity(),
        "ImplicitALS k=8": als.replace(factors=8),
        "ImplicitALS k=32": als.replace(factors=32),
        "ImplicitALS k=64": als.replace(factors=64),
        "ImplicitALS k=192": als.replace(factors=192),
        "ImplicitALS k=192, published": published,
        "ImplicitALS k=192, a0=.01": published.replace(unobserved_weight=0.01),
        "ImplicitALS k=192, a0=.03": published.replace(unobserved_weight=0.03),
        "ImplicitALS k=192, a0=1": published.replace(unobserved_weight=1.0),
        "ImplicitALS k=192, weak penalty": published.replace(regularization=0.0007),
        "ImplicitALS k=16, strong penalty": published.replace(factors=16, regularization=0.03),
        "ImplicitALS k=64, alpha=40": als.replace(
            factors=64, alpha=40.0, regularization=0.1, frequency_scaling=0
        ),
    }


def interval(difference: np.ndarray, resamples: int = 2000) -> list[float]:
    """Mean and 95 % bootstrap interval of a paired difference."""
    draws = np.random.default_rng(0).integers(0, len(difference), (resamples, len(difference)))
    means = difference[draws].mean(axis=1)
    return [round(float(value), 5) for value in (difference.mean(), *np.quantile(means, [0.025, 0.975]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = common.DATA / "ncf-ml-1m"
    train = ts.read(folder / "train.parquet", user="user", item="item")
    held = pl.read_parquet(folder / "test.parquet")
    test = ts.read(held.select("user", "item"), user="user", item="item")
    lists = {
        user: list(dict.fromkeys([item, *negatives]))
        for user, item, negatives in held.select("user", "item", "negatives").iter_rows()
    }
    protocols = {"sampled": ts.Candidates(lists), "full": None}
    rows: dict[str, dict[str, Any]] = {}
    values: dict[tuple[str, str], np.ndarray] = {}
    for name, trainer in trainers(options.threads).items():
        start = time.perf_counter()
        model = trainer.fit(train)
        rows[name] = {"fit_seconds": round(time.perf_counter() - start, 2)}
        for protocol, candidates in protocols.items():
            start = time.perf_counter()
            report = ts.evaluate(
                model, test, k=10, metrics=METRICS, candidates=candidates, threads=options.threads
            )
            rows[name][protocol] = {metric: round(report[metric], 5) for metric in METRICS} | {
                "seconds": round(time.perf_counter() - start, 2)
            }
            values[name, protocol] = np.asarray(report.per_user("ndcg@10")["value"])
    results: dict[str, Any] = {"models": rows, "order": {}, "swaps": []}
    for metric in ("hit_rate@10", "ndcg@10"):
        pair = [[row[protocol][metric] for row in rows.values()] for protocol in protocols]
        results["order"][metric] = {
            "kendall_tau": round(float(kendalltau(*pair).statistic), 4),
            "rank_sampled": ranks(pair[0], rows),
            "rank_full": ranks(pair[1], rows),
        }
    for first, second in itertools.combinations(rows, 2):
        gaps = {
            protocol: interval(values[first, protocol] - values[second, protocol]) for protocol in protocols
        }
        if gaps["sampled"][0] * gaps["full"][0] < 0:
            results["swaps"].append({"models": [first, second], "ndcg@10": gaps})
    path = common.write("sampled_or_full", __doc__, results)
    show(results)
    print(f"written to {path.relative_to(common.ROOT)}")


def ranks(scores: list[float], names: Any) -> dict[str, int]:
    """Place of each model, from 1."""
    order = np.argsort(-np.array(scores), kind="stable")
    return {list(names)[model]: place for place, model in enumerate(order.tolist(), start=1)}


def show(results: dict[str, Any]) -> None:
    order = results["order"]["ndcg@10"]
    print(f"{'':34}{'sampled':>24}{'full':>24}")
    print(f"{'':34}" + f"{'HR@10':>8}{'NDCG@10':>9}{'place':>7}" * 2)
    for name, row in results["models"].items():
        cells = ""
        for protocol in ("sampled", "full"):
            cells += f"{row[protocol]['hit_rate@10']:8.4f}{row[protocol]['ndcg@10']:9.4f}"
            cells += f"{order[f'rank_{protocol}'][name]:7}"
        print(f"{name:34}{cells}")
    taus = ", ".join(f"{metric} {row['kendall_tau']:.3f}" for metric, row in results["order"].items())
    print(f"Kendall's tau between the two orders: {taus}; pairs that swap: {len(results['swaps'])}")
    for swap in results["swaps"]:
        gaps = ", ".join(
            f"{protocol} {mean:+.4f} ({low:+.4f} to {high:+.4f})"
            for protocol, (mean, low, high) in swap["ndcg@10"].items()
        )
        print(f"  {swap['models'][0]} minus {swap['models'][1]}: {gaps}")


if __name__ == "__main__":
    main()
