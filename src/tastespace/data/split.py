"""Splits into training and test events."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from tastespace.data.filters import Moment, unix_seconds
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, ParameterError


@dataclass(frozen=True)
class SplitCounts:
    """What of the test events the training events know.

    A user or item is warm when it occurs in training, else cold. An event is warm when both its user and its
    item are.

    Attributes
    ----------
    warm_users, cold_users, warm_items, cold_items, warm_events, cold_events
        Numbers in the test events.
    """

    warm_users: int
    cold_users: int
    warm_items: int
    cold_items: int
    warm_events: int
    cold_events: int


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training and test events; frozen, and unpacks into the two.

    Attributes
    ----------
    train, test
        Disjoint events; each holds only the ids that occur in it.
    how
        How it was made, in words.
    known
        For splits that hold whole users out: the events by which those users are known when they are tested.
    """

    train: Interactions
    test: Interactions
    how: str
    known: Interactions | None = None

    def __iter__(self) -> Iterator[Interactions]:
        yield self.train
        yield self.test

    def counts(self) -> SplitCounts:
        """Count the users, items and events of the test side that training knows."""
        users = _known(self.test.users, self.train.users)
        items = _known(self.test.items, self.train.items)
        warm = int(np.count_nonzero(users[self.test.user_rows()] & items[self.test.by_user.indices]))
        return SplitCounts(
            warm_users=int(users.sum()),
            cold_users=int((~users).sum()),
            warm_items=int(items.sum()),
            cold_items=int((~items).sum()),
            warm_events=warm,
            cold_events=self.test.n_events - warm,
        )

    def __repr__(self) -> str:
        n = self.counts()
        return (
            f"{self.how}: {self.train.n_events:,} train and {self.test.n_events:,} test events, the latter with "
            f"users {n.warm_users:,} warm, {n.cold_users:,} cold; "
            f"items {n.warm_items:,} warm, {n.cold_items:,} cold; "
            f"events {n.warm_events:,} warm, {n.cold_events:,} cold"
        )


def random(ratings: Interactions, test: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share of the events.

    Every event is as likely to be held out as any other, whoever its user is. The draw is one permutation by
    NumPy's PCG64 of the events in ``by_user`` order.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    test
        Share of the events that are held out, above 0 and below 1; their number is rounded to the nearest.
    seed
        Whole number >= 0; the same seed gives the same split.

    Raises
    ------
    ParameterError
        If ``test`` or ``seed`` are out of range.
    EmptyError
        If one side would be empty.
    """
    if not _is_number(test) or not 0 < test < 1:
        raise ParameterError(f"test must be a share of the events above 0 and below 1; got {test!r}")
    n = ratings.n_events
    held = np.zeros(n, dtype=bool)
    held[_generator(seed).permutation(n)[: round(n * test)]] = True
    return _split(ratings, held, f"random, {test:.4g} of the events, seed {seed}")


def kfold(ratings: Interactions, k: int = 5, seed: int = 0) -> list[Split]:
    """Shuffle the events and cut them into `k` parts; each is the test side of one split.

    Sizes of the parts differ by one event at most. The shuffle is one permutation by NumPy's PCG64 of the
    events in ``by_user`` order.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    k
        Number of folds, from 2 to the number of events.
    seed
        Whole number >= 0; the same seed gives the same folds.

    Raises
    ------
    ParameterError
        If ``k`` or ``seed`` are out of range.
    """
    n = ratings.n_events
    if not _is_whole(k) or not 2 <= k <= n:
        raise ParameterError(f"k must be a whole number from 2 to the number of events ({n:,}); got {k!r}")
    splits = []
    for fold, part in enumerate(np.array_split(_generator(seed).permutation(n), k), start=1):
        held = np.zeros(n, dtype=bool)
        held[part] = True
        splits.append(_split(ratings, held, f"fold {fold} of {k}, seed {seed}"))
    return splits


def by_time(ratings: Interactions, at: Moment) -> Split:
    """Train on what came before a moment, test on what came at it or later.

    Events of one second stay on one side.

    Parameters
    ----------
    ratings
        Events with times.
    at
        A number above 0 and below 1: the moment before which this share of the events lies, counting none of
        the events of the cutting second. Otherwise a date, a datetime, ISO text or Unix seconds; UTC unless
        it names a time zone.

    Raises
    ------
    InputError
        If the events have no times.
    ParameterError
        If ``at`` cannot be understood.
    EmptyError
        If one side would be empty.
    """
    times = _times(ratings, "by_time")
    if _is_number(at) and 0 <= at <= 1:
        if at in (0, 1):
            raise ParameterError(
                f"at must be a share of the events above 0 and below 1, or a date; got {at!r}"
            )
        position = int(len(times) * at)
        moment = int(np.partition(times, position)[position])
        asked = f" ({at:.4g} of the events)"
    else:
        moment, asked = unix_seconds(at, "at"), ""
    return _split(ratings, times >= moment, f"by time at {_written(moment)}{asked}")


def last_out(ratings: Interactions, n: int = 1) -> Split:
    """Hold out the last `n` events of each user.

    Users with `n` events or fewer stay wholly in training. Among events of one user in the same second, the one
    whose item stands later in ``ratings.items`` counts as later: that is the item that was first seen later
    when the data was read.

    Parameters
    ----------
    ratings
        Events with times.
    n
        How many events of each user, at least 1.

    Raises
    ------
    InputError
        If the events have no times.
    ParameterError
        If ``n`` is not a whole number of at least 1.
    EmptyError
        If no user has more than ``n`` events.
    """
    if not _is_whole(n) or n < 1:
        raise ParameterError(f"n must be a whole number of at least 1; got {n!r}")
    times = _times(ratings, "last_out")
    counts = ratings.by_user.counts()
    if counts.max() <= n:
        raise EmptyError(
            f"no user has more than {n} events, so none can be held out; the most is {counts.max():,}"
        )
    order = np.argsort(_user_then_time(ratings, times), kind="stable")  # one second: the order of items stays
    left = np.repeat(ratings.by_user.indptr[1:], counts) - np.arange(ratings.n_events)  # n to 1 within a user
    held = np.zeros(ratings.n_events, dtype=bool)
    held[order] = (left <= n) & np.repeat(counts > n, counts)
    whole = int(np.count_nonzero(counts <= n))
    kept = f", users with too few, wholly in train {whole:,}" if whole else ""
    return _split(ratings, held, f"last {n} of each user{kept}")


def _split(ratings: Interactions, held: NDArray[np.bool_], how: str) -> Split:
    for side, mask in (("train", ~held), ("test", held)):
        if not mask.any():
            raise EmptyError(
                f"the split ({how}) leaves the {side} side empty: all {ratings.n_events:,} events are on the other"
            )
    users = ratings.user_rows()
    trained = np.bincount(users[~held], minlength=ratings.n_users) > 0
    untrained = ratings.n_users - int(trained.sum())
    if untrained:
        how += f", users left without training events {untrained:,}"
    return Split(ratings.select(~held), ratings.select(held), how)


def _times(ratings: Interactions, what: str) -> NDArray[np.int64]:
    times = ratings.by_user.times
    if times is None:
        raise InputError(f"{what} needs the times of events; name their column: read(..., timestamp=)")
    return times


def _user_then_time(ratings: Interactions, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number per event that sorts by user, then time; several times faster to sort than two."""
    first, last = int(times.min()), int(times.max())
    if (last - first + 1) * ratings.n_users < 2**63:
        offset, span = times - first, last - first + 1
    else:
        seconds, offset = np.unique(times, return_inverse=True)
        span = len(seconds)
    return ratings.user_rows().astype(np.int64) * span + offset


def _known(ids: Vocabulary, among: Vocabulary) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = among.find(ids) >= 0
    return known


def _generator(seed: int) -> np.random.Generator:
    if not _is_whole(seed) or seed < 0:
        raise ParameterError(f"seed must be a whole number >= 0; got {seed!r}")
    return np.random.Generator(np.random.PCG64(seed))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _written(seconds: int) -> str:
    moment = str(np.datetime64(seconds, "s")).replace("T", " ")
    return moment.removesuffix(" 00:00:00")
