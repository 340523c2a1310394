"""The tables of the speed benchmarks, as compressed rows in files that every interpreter reads.

``ml-20m-shaped`` is generated. It has the users, items and number of events of MovieLens 20M, and its long tails:
events per user and per item follow that set's least, quartiles and most, with a tail between the third quartile and
the most that is bent until the sum fits. User u has item i with probability 1 - exp(-t a_u b_i), independently, with
t = 8.5 where the two share one of 16 tastes and 0.5 elsewhere, so that there is something to learn; activities a and
popularities b are solved for, so that rows and columns have the wanted sums on average.

``ml-1m`` is MovieLens 1M, every rating an event of weight 1; four fifths of each user's at random, the rest for
testing. ``ml-1m-ratings`` is nine tenths of its ratings at random. ``gowalla`` is the training file of LightGCN's
split.

Run as ``python -m benchmarks.speed.data`` to generate the table and print its shape.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from benchmarks import common

USERS, ITEMS, EVENTS = 138_493, 26_744, 20_000_263

#: Least, quartiles and most events of a user and of an item in MovieLens 20M.
USER_EVENTS, ITEM_EVENTS = (20, 35, 68, 155, 9_254), (1, 3, 18, 205, 67_310)

TASTES = 16
#: How much a shared taste and another one raise and lower the rate of a pair; the mean over tastes is 1.
SHARED, OTHER = 0.5 + 0.5 * TASTES, 0.5


def generate(seed: int = 0) -> sp.csr_matrix:
    """The generated table of ones; 20.0 M events to within a few thousand."""
    rng = np.random.default_rng(seed)
    activity, popularity = _rates(_counts(USER_EVENTS, USERS), _counts(ITEM_EVENTS, ITEMS))
    activity = rng.permutation(activity)  # rows and columns are not stored by size
    name = rng.permutation(ITEMS)
    taste_of_user, taste_of_item = rng.integers(0, TASTES, USERS), np.arange(ITEMS) % TASTES
    keys = []
    for taste in range(TASTES):
        users = np.flatnonzero(taste_of_user == taste)
        until = np.cumsum(popularity * np.where(taste_of_item == taste, SHARED, OTHER))
        # A Poisson number of draws with repeats, each item once: just the probabilities above.
        rows = np.repeat(users, rng.poisson(activity[users] * until[-1]))
        drawn = np.searchsorted(until, rng.random(len(rows)) * until[-1]).clip(max=ITEMS - 1)
        keys.append(_distinct(rows * ITEMS + name[drawn]))
    seen = sum(np.bincount(key % ITEMS, minlength=ITEMS) for key in keys)
    missing = np.flatnonzero(seen == 0)
    keys.append(rng.integers(0, USERS, len(missing)) * ITEMS + missing)  # no item without events
    pairs = np.sort(np.concatenate(keys))
    indptr = np.searchsorted(pairs, np.arange(USERS + 1) * ITEMS)
    indices = (pairs % ITEMS).astype(np.int32)
    return sp.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=(USERS, ITEMS))


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys.sort()  # many times faster than np.unique, which hashes
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])]


def _counts(quartiles: tuple[int, ...], rows: int) -> np.ndarray:
    """Wanted events of each row, falling: through the quartiles, and EVENTS in all."""
    share = (np.arange(rows) + 0.5) / rows
    body = np.exp(np.interp(share, np.linspace(0, 0.75, 4), np.log(quartiles[:4])))
    depth = np.log(0.25 / np.minimum(1 - share, 0.25)) / np.log(
        0.25 * 2 * rows
    )  # 0 at the quartile, 1 at the top

    def counts(bend: float) -> np.ndarray:
        tail = quartiles[3] * (quartiles[4] / quartiles[3]) ** depth**bend
        return np.where(share > 0.75, tail, body)

    low, high = 0.1, 10.0  # the sum falls as the bend grows
    for _ in range(50):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if counts(middle).sum() > EVENTS else (low, middle)
    return counts(low)[::-1]


def _rates(by_user: np.ndarray, by_item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activities and popularities whose expected row and column sums are the wanted counts, in turns."""
    a, b = by_user / EVENTS**0.5, by_item / EVENTS**0.5
    for _ in range(12):
        a = _solve(by_user, b)
        b = _solve(by_item, a)
    return _solve(by_user, b), b


def _solve(wanted: np.ndarray, other: np.ndarray, points: int = 400) -> np.ndarray:
    """For each wanted sum the x with ``sum over y of the probability of x y`` equal to it, by interpolation."""
    groups = np.array_split(other, points)  # other is sorted: neighbours are much alike
    y, weight = np.array([group.mean() for group in groups]), np.array([len(group) for group in groups])
    x = np.geomspace(wanted.min() / other.sum() / 10, 100 * wanted.max() / other.sum(), points)
    rate = np.outer(x, y)
    seen = 1 - (np.exp(-SHARED * rate) + (TASTES - 1) * np.exp(-OTHER * rate)) / TASTES
    return np.exp(np.interp(np.log(wanted), np.log(seen @ weight), np.log(x)))


def shape(table: sp.csr_matrix) -> dict[str, Any]:
    """Size and quantiles of events per user and per item."""
    quantiles = (0, 0.25, 0.5, 0.75, 0.9, 0.99, 1)
    counts = np.diff(table.indptr), np.bincount(table.indices, minlength=table.shape[1])
    return {
        "users": table.shape[0],
        "items": table.shape[1],
        "events": int(table.nnz),
        "quantiles": list(quantiles),
        "events_per_user": [int(value) for value in np.quantile(counts[0], quantiles)],
        "events_per_item": [int(value) for value in np.quantile(counts[1], quantiles)],
    }


def path(name: str) -> Path:
    """The file of a table, made the first time: ``indptr``, ``indices``, ``shape`` and, for ratings, ``values``."""
    makers: dict[str, Callable[[], sp.csr_matrix]] = {
        "ml-20m-shaped": generate,
        "ml-1m": lambda: ml_1m()[0],
        "ml-1m-ratings": lambda: ml_1m_ratings()[0],
        "gowalla": gowalla,
    }
    file = common.SCRATCH / f"{name}.npz"
    if not file.exists():
        save(file, makers[name]())
    return file


def load(name: str) -> sp.csr_matrix:
    """A table of ones, or of ratings."""
    with np.load(path(name)) as arrays:
        values = arrays["values"] if "values" in arrays else np.ones(len(arrays["indices"]), np.float32)
        return sp.csr_matrix((values, arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"]))


def save(file: Path, table: sp.csr_matrix) -> Path:
    """Writes a table so that it appears whole or not at all."""
    table.sort_indices()
    arrays = {"indptr": table.indptr, "indices": table.indices, "shape": np.array(table.shape)}
    if not (table.data == 1).all():
        arrays["values"] = table.data.astype(np.float32)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)
    return file


def thin(table: sp.csr_matrix, share: float, seed: int = 0) -> sp.csr_matrix:
    """The same users and items with a share of the events, at random."""
    return _kept(table, np.random.default_rng(seed).random(table.nnz) < share)


def ml_1m() -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Train and test: four fifths and one fifth of each user's events."""
    table = _ml_1m()
    table.data = np.ones_like(table.data)
    return split_users(table, 0.2, seed=0)


def ml_1m_ratings() -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Train and test: nine tenths and one tenth of the ratings."""
    return split(_ml_1m(), 0.1, seed=0)


def gowalla() -> sp.csr_matrix:
    """The training file of LightGCN's split."""
    frame = pl.read_parquet(common.DATA / "gowalla" / "train.parquet")
    ones = np.ones(len(frame), np.float32)
    return sp.csr_matrix((ones, (frame["user"].to_numpy(), frame["item"].to_numpy())))


def split_users(table: sp.csr_matrix, share: float, seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """A share of each user's events at random, rounded, and the others first."""
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    order = np.lexsort((np.random.default_rng(seed).random(table.nnz), rows))
    place = np.empty(table.nnz, np.int64)
    place[order] = np.arange(table.nnz) - table.indptr[rows]
    held = place < np.rint(share * np.diff(table.indptr))[rows]
    return _kept(table, ~held), _kept(table, held)


def split(table: sp.csr_matrix, share: float, seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """A share of all events at random, and the others first."""
    held = np.zeros(table.nnz, bool)
    held[np.random.default_rng(seed).permutation(table.nnz)[: round(share * table.nnz)]] = True
    return _kept(table, ~held), _kept(table, held)


def _kept(table: sp.csr_matrix, mask: np.ndarray) -> sp.csr_matrix:
    until = np.concatenate([[0], np.cumsum(mask)])
    return sp.csr_matrix((table.data[mask], table.indices[mask], until[table.indptr]), shape=table.shape)


def _ml_1m() -> sp.csr_matrix:
    frame = pl.read_parquet(common.DATA / "ml-1m" / "ratings.parquet")
    users, rows = np.unique(frame["user"].to_numpy(), return_inverse=True)
    items, columns = np.unique(frame["item"].to_numpy(), return_inverse=True)
    ratings = frame["rating"].to_numpy().astype(np.float32)
    table = sp.csr_matrix((ratings, (rows, columns)), shape=(len(users), len(items)))
    table.sort_indices()
    return table


def main() -> None:
    start = time.perf_counter()
    table = generate()
    print(f"generated in {time.perf_counter() - start:.1f} s")
    save(common.SCRATCH / "ml-20m-shaped.npz", table)
    for name, value in shape(table).items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
