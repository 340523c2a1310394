"""The four data sets of implicit feedback, split into train and test events with values."""

from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp

from benchmarks import common


class Events(NamedTuple):
    """Parallel columns: users, items, and counts, hours or 1."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray

    def take(self, rows: np.ndarray) -> "Events":
        return Events(*(column[rows] for column in self))


class Task(NamedTuple):
    """Training tables and what to find.

    ``train`` is (users, items) with values. ``test`` is (users, items + 1): its last column counts, for each user, the
    test items that training does not know. They can never be found, and count in the ideal list.
    """

    train: sp.csr_matrix
    test: sp.csr_matrix


#: Name: file, value column. Gowalla has a split of its own.
SOURCES = {
    "gowalla": (None, None),
    "steam-200k": ("play.parquet", "hours"),
    "hetrec-lastfm": ("plays.parquet", "plays"),
    "ml-1m": ("ratings.parquet", None),
}


def hold_out(events: Events, share: float, seed: int) -> tuple[Events, Events]:
    """``share`` of the events at random, and the others first."""
    order = np.random.default_rng(seed).permutation(len(events.users))
    held = round(share * len(order))
    return events.take(np.sort(order[held:])), events.take(np.sort(order[:held]))


def load(name: str) -> tuple[Events, Events]:
    """Train and test: the data set's own, or 80/20 per event (seed 0). Repeated pairs are summed before."""
    folder = common.DATA / name
    file, value = SOURCES[name]
    if file is None:
        return _events(folder / "train.parquet", None), _events(folder / "test.parquet", None)
    return hold_out(_events(folder / file, value), 0.2, seed=0)


def _events(path: object, value: str | None) -> Events:
    column = pl.lit(1.0) if value is None else pl.col(value).cast(pl.Float64)
    frame = (
        pl.read_parquet(path)
        .with_columns(value=column)
        .group_by("user", "item", maintain_order=True)
        .agg(pl.col("value").sum() if value else pl.col("value").first())
    )
    return Events(frame["user"].to_numpy(), frame["item"].to_numpy(), frame["value"].to_numpy())


def task(train: Events, test: Events) -> Task:
    """Dense rows for the ids of ``train``; test events of users without training events are left out."""
    users, user_rows = np.unique(train.users, return_inverse=True)
    items, item_rows = np.unique(train.items, return_inverse=True)
    shape = (len(users), len(items))
    table = sp.csr_matrix((train.values.astype(np.float32), (user_rows, item_rows)), shape=shape)
    warm = test.take(np.isin(test.users, users))
    column = np.searchsorted(items, warm.items).clip(max=len(items) - 1)
    column = np.where(items[column] == warm.items, column, len(items))
    ones = np.ones(len(column), np.float32)
    held = sp.csr_matrix((ones, (np.searchsorted(users, warm.users), column)), shape=(shape[0], shape[1] + 1))
    table.sort_indices()
    held.sort_indices()
    return Task(table, held)


def ndcg(users: np.ndarray, items: np.ndarray, task: Task, k: int = 20, sample: int | None = None) -> float:
    """NDCG@k over all unseen items, mean over the users with test events (or over ``sample`` of them)."""
    rows = np.flatnonzero(np.diff(task.test.indptr))
    if sample is not None and sample < len(rows):
        rows = np.sort(np.random.default_rng(0).choice(rows, sample, replace=False))
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    total = 0.0
    for start in range(0, len(rows), 512):
        block = rows[start : start + 512]
        scores = users[block] @ items.T
        seen = task.train[block]
        scores[np.repeat(np.arange(len(block)), np.diff(seen.indptr)), seen.indices] = -np.inf
        best = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        wanted = task.test[block].toarray()
        hits = np.take_along_axis(wanted, best, axis=1) > 0
        count = np.minimum(wanted.sum(axis=1), k).astype(int)
        total += float((hits @ discount / ideal[count]).sum())
    return total / len(rows)
