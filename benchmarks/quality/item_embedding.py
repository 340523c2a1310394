"""ItemEmbedding on Online Retail: what the rest of a basket is, what the next one brings, and what is near what.

Data. UCI Online Retail without customers or descriptions that are null, without returns (quantities of 0 or less) and
without lines that are no products (``retail.CODES``); descriptions in capitals, single spaces. The copy has no invoice
numbers: a basket is what a customer bought in one minute. Cut in time: training before 2011-10-01, settings chosen on
October, by NDCG@10 of each question by itself; then fitted anew on all before 2011-11-01 and tested on what follows
to 2011-12-09, once.

Questions, each among all products of the training part. *Completion*: one product of every test basket of two or
more is hidden (drawn, seed 0), the others are given. *Next basket*: what each customer of the training part buys for
the first time in the first test basket, from the whole history, or from the last basket alone; products bought before
are not listed. Hit rate: the share of lists of ten with at least one such product. 95 % intervals: 10,000 bootstrap
samples of baskets.

Models learn from rows of baskets, or of customers; ItemEmbedding from baskets, from customers' last purchases of each
product at most 30 days apart, and from customers' whole histories. Every model searches a grid of its own; the number
of its points is told. Neighbours: the products at the popularity ranks 1, 2, 5, 10, 20, 50, 100, 200, 500 and 1000 of
the training part, ranks fixed in advance; the settings are those that completion chose for baskets.

Run as ``python -m benchmarks.quality.item_embedding [--threads N]``.
"""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import tastespace as ts
from benchmarks import common
from benchmarks.quality import retail
from benchmarks.quality.tune_ml_1m import interval

RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
QUESTIONS = ("completion", "next basket from history", "next basket from last basket")
EMBEDDINGS = {
    "ItemEmbedding, baskets": ("basket", None),
    "ItemEmbedding, 30 days": ("user", "30d"),
    "ItemEmbedding, histories": ("user", None),
}
OTHERS = ("Popularity", "ItemKNN", "EASE", "ImplicitALS")


def candidates(name: str, threads: int) -> Iterator[tuple[str, Any]]:
    """Rows to learn from, and a trainer."""
    if name in EMBEDDINGS:
        rows, window = EMBEDDINGS[name]
        for shrinkage in (10.0, 30.0, 100.0):
            for factors in (128, 256, 512):
                for scaling in (0.0, 1.0):
                    yield (
                        rows,
                        ts.ItemEmbedding(
                            window=window,
                            shrinkage=shrinkage,
                            factors=factors,
                            pair_scaling=scaling,
                            threads=threads,
                        ),
                    )
        return
    for rows in ("basket", "user"):
        if name == "Popularity":
            for half_life in (None, "90d", "30d", "14d"):
                yield rows, ts.Popularity(half_life=half_life)
        elif name == "ItemKNN":
            for neighbours in (50, 200, 1000):
                for shrinkage in (3.0, 30.0, 100.0):
                    yield rows, ts.ItemKNN(neighbours=neighbours, shrinkage=shrinkage, threads=threads)
        elif name == "EASE":
            for regularization in (100.0, 300.0, 1000.0):
                yield rows, ts.EASE(regularization=regularization, threads=threads)
        else:
            for factors in (64, 128, 256):
                for weight in (0.3, 1.0):
                    base = ts.ImplicitALS(factors=factors, epochs=8, threads=threads)
                    yield rows, Multiplied(base, weight)


class Multiplied:
    """ImplicitALS with the weight of unobserved cells that it would choose, times a factor."""

    def __init__(self, trainer: ts.ImplicitALS, factor: float) -> None:
        self.trainer, self.factor = trainer, factor

    def fit(self, train: ts.Interactions) -> ts.FactorModel:
        settled = self.trainer.settled(train)
        weight = self.factor * settled.unobserved_weight
        return self.trainer.replace(unobserved_weight=weight).fit(train)

    def __repr__(self) -> str:
        return f"{self.trainer!r} with {self.factor} of the default unobserved_weight"


def questions(past: Any, future: Any) -> dict[str, retail.Question]:
    items = set(past["item"].to_list())
    return {
        "completion": retail.completion(future, items),
        "next basket from history": retail.next_basket(past, future, items, "history"),
        "next basket from last basket": retail.next_basket(past, future, items, "last basket"),
    }


def tables(past: Any) -> dict[str, ts.Interactions]:
    return {rows: retail.events(past, rows) for rows in ("basket", "user")}


def chosen(name: str, train: dict[str, ts.Interactions], asked: Any, threads: int) -> dict[str, Any]:
    """For each question the candidate with the best NDCG@10."""
    best: dict[str, Any] = dict.fromkeys(asked, (-1.0, None))
    count = 0
    for rows, trainer in candidates(name, threads):
        model, count = trainer.fit(train[rows]), count + 1
        for question, what in asked.items():
            value = float(retail.answer(model, what, threads)[:, 1].mean())
            if value > best[question][0]:
                best[question] = value, (rows, trainer)
    return {"points": count, "best": best}


def neighbours(model: ts.FactorModel, counts: np.ndarray) -> list[dict[str, Any]]:
    """Five neighbours of the items at fixed ranks of popularity."""
    order = np.argsort(-counts, kind="stable")
    rows = order[[rank - 1 for rank in RANKS]]
    found = []
    for rank, row in zip(RANKS, rows, strict=True):
        item = model.items.ids[row]
        near = model.similar_items(item, 5)
        found.append(
            {
                "rank": rank,
                "item": item,
                "baskets": int(counts[row]),
                "neighbours": near["neighbour"].tolist(),
                "cosines": [round(float(score), 3) for score in near["score"]],
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="keep the models that the result file has")
    options = parser.parse_args()
    threads = options.threads
    lines = retail.baskets()
    early, october = retail.before(lines, retail.VALID), retail.between(lines, retail.VALID, retail.TEST)
    late, rest = retail.before(lines, retail.TEST), retail.between(lines, retail.TEST, None)
    train, asked = tables(early), questions(early, october)
    final, tested = tables(late), questions(late, rest)
    results: dict[str, Any] = {
        "data": {
            "lines": len(lines),
            "baskets": lines["basket"].n_unique(),
            "customers": lines["user"].n_unique(),
            "products": lines["item"].n_unique(),
            "asked in validation": {name: len(question.hidden) for name, question in asked.items()},
            "asked in test": {name: len(question.hidden) for name, question in tested.items()},
        },
        "models": {},
    }
    print(results["data"], flush=True)
    path = common.RESULTS / "item_embedding.json"
    if options.resume and path.exists():
        results = json.loads(path.read_text())["results"]
    for name in (*OTHERS, *EMBEDDINGS):
        if name in results["models"]:
            continue
        start = time.perf_counter()
        found = chosen(name, train, asked, threads)
        shown: dict[str, Any] = {"points": found["points"], "seconds": 0.0}
        for question, (value, (rows, trainer)) in found["best"].items():
            values = retail.answer(trainer.fit(final[rows]), tested[question], threads)
            shown[question] = {
                "rows": rows,
                "trainer": repr(trainer),
                "validation ndcg@10": round(value, 4),
                "hit rate@10": interval(values[:, 0]),
                "ndcg@10": interval(values[:, 1]),
            }
        shown["seconds"] = round(time.perf_counter() - start, 1)
        results["models"][name] = shown
        print(
            name,
            {q: (shown[q]["hit rate@10"]["mean"], shown[q]["ndcg@10"]["mean"]) for q in QUESTIONS},
            flush=True,
        )
        if name == "ItemEmbedding, baskets":
            _, (rows, trainer) = found["best"]["completion"]
            model = trainer.fit(final[rows])
            results["neighbours"] = neighbours(model, final["basket"].by_item.counts())
        common.write("item_embedding", __doc__, results)
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
