"""What cosines of factors mean: five measurements on MovieLens 1M.

Data. Ratings of 4 and 5 as likes; users and films with five or more. Models: 64 factors, all else at its default,
nothing tuned: the question is what neighbours are, not which model is best.

(a) *Rescaling.* PureSVD's U S V' written as (U S^(1 - a)) (V S^a)': the largest difference of any prediction of 200
users, and the share of the ten nearest films by cosine that stay those of a = 0. ImplicitALS with each factor
multiplied by exp(z), z standard normal (seed 0), on the side of the films, and divided on the side of the users.
(b) *Dot or cosine.* Of the lists of ten neighbours: the median popularity of the neighbours, of how many lists the
most frequent film is part, and the share of films in no list.
(c) *Chance.* Users cut in two halves at random (seed 0), a model of each: the share of ten neighbours (in either
list, of films that both halves know) that both name, by decile of popularity; and for ImplicitALS and BPR the same of
two seeds on the same data.
(d) *Later.* Models of the likes before the time by which 80 % of the ratings were given; among those after, of films
with 20 later likes or more: of the users who like a film, the share who also like its neighbour (mean of ten), the
lift (that share over the neighbour's share of all later users), and how many of the neighbours were liked by one
later user in common.

Run as ``python -m benchmarks.quality.cosine [--threads N]``.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import tastespace as ts
from benchmarks import common

K, FACTORS, LATER = 10, 64, 20

Lists = npt.NDArray[np.int32]


def trainers(threads: int, seed: int = 0) -> dict[str, Any]:
    return {
        "ImplicitALS": ts.ImplicitALS(factors=FACTORS, seed=seed, threads=threads),
        "PureSVD": ts.TruncatedSVD(factors=FACTORS, seed=seed, threads=threads),
        "BPR": ts.BPR(factors=FACTORS, seed=seed, threads=threads),
        "ItemEmbedding": ts.ItemEmbedding(factors=FACTORS, seed=seed, threads=threads),
        "ItemKNN": ts.ItemKNN(threads=threads),
    }


def nearest(model: Any, metric: str = "cosine") -> Lists:
    """Rows of the ten neighbours of every item, (items, 10), -1 where there are fewer."""
    ids = model.items.ids.tolist()
    options = {"metric": metric} if isinstance(model, ts.FactorModel) else {}
    found = model.similar_items(ids, K, **options)
    lists = np.full((len(ids), K), -1, np.int32)
    lists[model.items.rows(found["item"]), found["rank"] - 1] = model.items.rows(found["neighbour"])
    return lists


def overlap(a: Lists, b: Lists) -> npt.NDArray[np.float64]:
    """The share of the ten that both lists name, for each item."""
    both = [len(np.intersect1d(x[x >= 0], y[y >= 0])) for x, y in zip(a, b, strict=True)]
    return np.array(both) / K


def scaled(model: ts.FactorModel, by: npt.NDArray[np.float64]) -> ts.FactorModel:
    """The same scores from other factors."""
    by = by.astype(np.float32)
    return replace(
        model, user_factors=model.user_factors / by, item_factors=model.item_factors * by, solver=None
    )


def rescaling(likes: ts.Interactions, threads: int) -> dict[str, Any]:
    models = trainers(threads)
    found = {}
    svd, als = models["PureSVD"].fit(likes), models["ImplicitALS"].fit(likes)
    s = svd.solver.singular_values / svd.solver.singular_values[0]
    versions = {f"PureSVD, a = {a}": (svd, s**a) for a in (0.25, 0.5, 1.0)}
    versions["ImplicitALS, exp(z)"] = als, np.exp(np.random.default_rng(0).standard_normal(FACTORS))
    for name, (model, by) in versions.items():
        other = scaled(model, by)
        users = np.repeat(np.arange(200, dtype=np.int32), len(model.items))
        items = np.tile(np.arange(len(model.items), dtype=np.int32), 200)
        before, after = model.score_pairs(users, items), other.score_pairs(users, items)
        found[name] = {
            "largest difference of a score": float(np.abs(before - after).max()),
            "largest score": float(np.abs(before).max()),
            "neighbours that stay": round(float(overlap(nearest(model), nearest(other)).mean()), 3),
        }
    return found


def hubs(likes: ts.Interactions, threads: int) -> dict[str, Any]:
    counts, found = likes.by_item.counts(), {}
    for name, trainer in trainers(threads).items():
        model = trainer.fit(likes)
        for metric in ("cosine", "dot") if isinstance(model, ts.FactorModel) else ("cosine",):
            lists = nearest(model, metric)
            listed = np.bincount(lists[lists >= 0], minlength=len(counts))
            found[f"{name}, {metric}"] = {
                "median likes of a neighbour": float(np.median(counts[lists[lists >= 0]])),
                "most lists of one film": int(listed.max()),
                "share of films in no list": round(float((listed == 0).mean()), 3),
            }
    found["all films"] = {"median likes": float(np.median(counts)), "films": len(counts)}
    return found


def deciles(values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> list[float]:
    """Means by decile of popularity, rare items first."""
    order = np.argsort(counts, kind="stable")
    return [round(float(values[part].mean()), 3) for part in np.array_split(order, 10)]


def chance(likes: ts.Interactions, threads: int) -> dict[str, Any]:
    in_first = np.random.default_rng(0).random(likes.n_users) < 0.5
    first = in_first[likes.user_rows()]
    halves = [likes.select(first), likes.select(~first)]
    seen = [np.bincount(half.items.rows(half.items.ids)[half.by_user.indices]) for half in halves]
    ids = np.intersect1d(*[half.items.ids[count > 0] for half, count in zip(halves, seen, strict=True)])
    counts = likes.by_item.counts()[likes.items.rows(ids)]
    found: dict[str, Any] = {
        "likes, by decile": [int(np.median(part)) for part in np.array_split(np.sort(counts), 10)]
    }

    def compared(a: Any, b: Any) -> list[float]:
        return deciles(overlap(*(named(model, likes, ids) for model in (a, b))), counts)

    for name, trainer in trainers(threads).items():
        found[f"{name}, two halves"] = compared(*(trainer.fit(half) for half in halves))
    for name in ("ImplicitALS", "BPR"):
        both = (trainers(threads, seed)[name].fit(likes) for seed in (0, 1))
        found[f"{name}, two seeds"] = compared(*both)
    return found


def named(model: Any, likes: ts.Interactions, ids: Any) -> Lists:
    """Neighbours of some items, as rows of ``likes``."""
    own = nearest(model)[model.items.rows(ids)]
    rows = likes.items.rows(model.items.ids)
    return np.where(own >= 0, rows[own], -1)


def later(likes: ts.Interactions, threads: int) -> dict[str, Any]:
    split = ts.split.by_time(likes, at=0.8)
    train, test = split.train, split.test
    x = np.zeros((test.n_users, likes.n_items), np.float32)
    columns = likes.items.rows(test.items.ids)
    x[test.user_rows(), columns[test.by_user.indices]] = 1.0
    together, share = x.T @ x, x.mean(axis=0)
    counts = together.diagonal().copy()
    trained = likes.items.rows(train.items.ids)
    asked = np.flatnonzero((counts >= LATER) & np.isin(np.arange(likes.n_items), trained))
    found: dict[str, Any] = {"films": len(asked), "later users": int(x.any(axis=1).sum())}
    everything = {**trainers(threads), "Popularity": None}
    for name, trainer in everything.items():
        for metric in ("cosine",) if trainer is None or name == "ItemKNN" else ("cosine", "dot"):
            if trainer is None:
                popular = np.argsort(-np.bincount(train.by_user.indices, minlength=train.n_items))[: K + 1]
                best = likes.items.rows(train.items.ids[popular])
                lists = np.array([[j for j in best if j != i][:K] for i in asked])
            else:
                model = trainer.fit(train)
                own = nearest(model, metric)[model.items.rows(likes.items.ids[asked])]
                rows = likes.items.rows(model.items.ids)
                lists = np.where(own >= 0, rows[own], -1)
            found[name if trainer is None else f"{name}, {metric}"] = judged(lists, asked, together, share)
    return found


def judged(lists: Any, asked: Any, together: Any, share: Any) -> dict[str, float]:
    there = lists >= 0
    both = np.where(there, together[asked[:, None], lists], 0.0)
    rate = both / together[asked, asked][:, None]
    expected = np.where(there, share[lists], 0.0)
    lift = np.divide(rate, expected, out=np.zeros_like(rate), where=expected > 0)
    return {
        "share of users who like both": round(float(rate.mean()), 4),
        "lift": round(float(lift.mean()), 2),
        "neighbours with a user in common": round(float((both > 0).mean()), 3),
    }


PARTS: dict[str, Callable[[ts.Interactions, int], dict[str, Any]]] = {
    "rescaling": rescaling,
    "dot or cosine": hubs,
    "chance": chance,
    "later": later,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    ratings = ts.datasets.load("ml-1m")
    likes = ratings.as_implicit(at_least=4).filter(min_user_events=5, min_item_events=5)
    results: dict[str, Any] = {"data": str(likes)}
    for name, measure in PARTS.items():
        results[name] = measure(likes, threads)
        print(name, results[name], flush=True)
        common.write("cosine", __doc__, results)


if __name__ == "__main__":
    main()
