"""Online Retail as baskets: what is sold to whom when, cut in time, and two questions about the next basket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

import tastespace as ts
from benchmarks import common

#: Lines of an invoice that are no products.
CODES = (
    "POSTAGE",
    "DOTCOM POSTAGE",
    "CARRIAGE",
    "NEXT DAY CARRIAGE",
    "MANUAL",
    "BANK CHARGES",
    "PACKING CHARGE",
    "DISCOUNT",
    "SAMPLES",
    "CRUK COMMISSION",
    "AMAZON FEE",
    "ADJUST BAD DEBT",
    "HIGH RESOLUTION IMAGE",
)
#: Parameters are chosen on what is bought from the first date on and before the second; tests go from there to the end.
VALID, TEST = date(2011, 10, 1), date(2011, 11, 1)


def baskets() -> pl.DataFrame:
    """Lines of user, item, time and basket; a basket is what a customer bought in one minute."""
    frame = pl.read_parquet(common.DATA / "online-retail" / "transactions.parquet")
    name = pl.col("item").str.to_uppercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return (
        frame.drop_nulls(["user", "item"])
        .filter(pl.col("quantity") > 0)
        .with_columns(name)
        .filter(~pl.col("item").is_in(CODES))
        .select("user", "item", "timestamp", basket=pl.format("{} {}", "user", "timestamp"))
        .unique(maintain_order=True)
    )


def before(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    return frame.filter(pl.col("timestamp") < _seconds(day))


def between(frame: pl.DataFrame, since: date, until: date | None) -> pl.DataFrame:
    later = frame.filter(pl.col("timestamp") >= _seconds(since))
    return later if until is None else before(later, until)


def _seconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86400


def events(frame: pl.DataFrame, user: str) -> ts.Interactions:
    """Rows of baskets, or of customers (an item bought again counts once, at its last time)."""
    return ts.read(frame, user=user, item="item", timestamp="timestamp", duplicates="last")


@dataclass(frozen=True)
class Question:
    """Baskets to answer for.

    ``given`` are the events that a model is shown; ``hidden`` items of ``asked`` rows are to be found; ``known`` ones
    are not listed, the given ones among them.
    """

    given: ts.Interactions
    hidden: dict[str, set[str]]
    known: dict[str, set[str]]


def completion(frame: pl.DataFrame, items: set[str], seed: int = 0) -> Question:
    """One item of every basket of two known items or more is hidden; the others are given."""
    frame = frame.filter(pl.col("item").is_in(list(items)))
    frame = frame.filter(pl.len().over("basket") > 1).sort("basket", "item")
    drawn = np.random.default_rng(seed).random(len(frame))
    frame = frame.with_columns(drawn=pl.Series(drawn))
    hidden = pl.col("drawn") == pl.col("drawn").max().over("basket")
    given, out = frame.filter(~hidden), frame.filter(hidden)
    return Question(events(given, "basket"), _sets(out, "basket"), _sets(given, "basket"))


def next_basket(past: pl.DataFrame, future: pl.DataFrame, items: set[str], given: str) -> Question:
    """What a customer buys for the first time in the first basket of the future, from the past or its last basket."""
    first = future.filter(pl.col("timestamp") == pl.col("timestamp").min().over("user"))
    first = first.filter(pl.col("item").is_in(list(items))).join(past, on=["user", "item"], how="anti")
    past = past.join(first.select("user").unique(), on="user", how="semi")
    first = first.join(past.select("user").unique(), on="user", how="semi")
    shown = past
    if given == "last basket":
        shown = past.filter(pl.col("timestamp") == pl.col("timestamp").max().over("user"))
    return Question(events(shown, "user"), _sets(first, "user"), _sets(past, "user"))


def _sets(frame: pl.DataFrame, row: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, item in frame.select(pl.col(row).cast(pl.String), "item").iter_rows():
        found.setdefault(name, set()).add(item)
    return found


def answer(model: ts.FactorModel | ts.NeighbourModel, question: Question, threads: int = 2) -> np.ndarray:
    """For every basket asked about whether the list of ten has a hidden item, and NDCG@10; float64 (baskets, 2)."""
    return rate(model.fold_in_many(question.given, threads=threads), question, threads)


def rate(folded: ts.FactorModel | ts.NeighbourModel, question: Question, threads: int = 2) -> np.ndarray:
    rows = np.arange(len(folded.users), dtype=np.int32)
    most = 10 + max(len(items) for items in question.known.values())
    ranked, _ = folded.rank(rows, min(most, len(folded.items)), exclude_seen=False, threads=threads)
    return judge(folded.users.ids, ranked, folded.items.ids, question)


def judge(users: Iterable[object], ranked: np.ndarray, ids: np.ndarray, question: Question) -> np.ndarray:
    """Whether lists of ten have a hidden item, and NDCG@10, from rows of items, best first."""
    found, discount = [], 1.0 / np.log2(np.arange(2, 12))
    for name, row in zip(users, ranked, strict=True):
        hidden, known = question.hidden.get(str(name)), question.known[str(name)]
        if hidden is None:
            continue
        best: list[str] = []
        for item in row[row >= 0]:
            if ids[item] not in known:
                best.append(ids[item])
                if len(best) == 10:
                    break
        hits = np.array([item in hidden for item in best], float)
        ideal = discount[: min(len(hidden), 10)].sum()
        found.append((float(hits.any()), float(hits @ discount[: len(hits)]) / ideal))
    return np.array(found)
