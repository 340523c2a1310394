"""Splits: disjoint, complete, seeded, and honest about what they leave out."""

import dataclasses
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tastespace.data import split
from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, ParameterError


def ratings_of(cells, times=None, users=None, items=None):
    """Ratings of (user row, item row) pairs, each cell with a value of its own."""
    rows = np.array(cells).reshape(-1, 2)
    return Interactions.from_events(
        Vocabulary(range(rows[:, 0].max() + 1) if users is None else users, noun="user"),
        Vocabulary(range(rows[:, 1].max() + 1) if items is None else items, noun="item"),
        rows[:, 0],
        rows[:, 1],
        values=rows[:, 0] * 100 + rows[:, 1],
        times=times,
        explicit=True,
    )


@st.composite
def ratings(draw, timed=False, min_size=2):
    cells = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), min_size=min_size, unique=True))
    # Few distinct times, so that many events share a second.
    times = draw(st.lists(st.integers(0, 6), min_size=len(cells), max_size=len(cells))) if timed else None
    return ratings_of(cells, times)


def rows(interactions):
    return set(interactions.to_polars().rows())


def check(whole, parts):
    """Both sides together are the whole, nothing is in both, and each holds only ids that occur."""
    assert len(parts.train) + len(parts.test) == len(whole)
    assert rows(parts.train) | rows(parts.test) == rows(whole)
    for side in parts:
        assert (side.by_user.counts() > 0).all()
        assert (side.by_item.counts() > 0).all()
        assert side.scale == whole.scale
        assert side.has_times == whole.has_times


# --- the four ways ----------------------------------------------------------------------------------------------


@given(ratings(), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_random(whole, share, seed):
    assume(0 < round(len(whole) * share) < len(whole))
    parts = split.random(whole, test=share, seed=seed)
    check(whole, parts)
    assert len(parts.test) == round(len(whole) * share)
    assert rows(split.random(whole, test=share, seed=seed).test) == rows(parts.test)


@given(ratings(), st.data())
def test_kfold_tests_each_event_once(whole, data):
    k = data.draw(st.integers(2, len(whole)))
    folds = split.kfold(whole, k=k, seed=data.draw(st.integers(0, 99)))
    assert len(folds) == k
    for fold in folds:
        check(whole, fold)
    assert set().union(*(rows(fold.test) for fold in folds)) == rows(whole)
    sizes = [len(fold.test) for fold in folds]
    assert sum(sizes) == len(whole)
    assert max(sizes) - min(sizes) <= 1


@given(ratings(timed=True), st.floats(0.05, 0.95))
def test_by_time_shares_keep_seconds_together(whole, share):
    times = np.sort(whole.by_user.times)
    cut = times[int(len(times) * share)]
    assume(cut > times[0])
    parts = split.by_time(whole, share)
    check(whole, parts)
    assert parts.train.by_user.times.max() < cut == parts.test.by_user.times.min()
    assert len(parts.train) <= len(whole) * share


@given(ratings(timed=True), st.integers(1, 4))
def test_last_out(whole, n):
    counts = whole.by_user.counts()
    assume(counts.max() > n)
    parts = split.last_out(whole, n=n)
    check(whole, parts)
    for user, count in zip(whole.users, counts, strict=True):
        mine = [row for row in rows(whole) if row[0] == user]
        held = sorted(mine, key=lambda row: (row[3], row[1]))[-n:] if count > n else []
        assert {row for row in rows(parts.test) if row[0] == user} == set(held)


def test_seeds_differ_and_folds_are_those_of_a_plain_shuffle():
    whole = ratings_of([(u, i) for u in range(10) for i in range(10)])
    assert rows(split.random(whole, seed=0).test) != rows(split.random(whole, seed=1).test)
    order = np.random.Generator(np.random.PCG64(3)).permutation(100)
    values = whole.by_user.values[np.sort(order[:20])]
    assert split.kfold(whole, seed=3)[0].test.by_user.values.tolist() == values.tolist()


def test_the_last_of_a_tie_is_the_item_seen_last():
    whole = ratings_of([(0, 0), (0, 1), (0, 2)], times=[5, 5, 5], items=["z", "m", "a"])
    assert list(split.last_out(whole).test.items) == ["a"]


def test_last_out_far_apart_in_time():
    extremes = np.iinfo(np.int64)
    whole = ratings_of([(0, 0), (0, 1), (1, 0), (1, 1)], times=[extremes.max, extremes.min, 0, extremes.max])
    assert split.last_out(whole).test.by_user.values.tolist() == [0.0, 101.0]


@pytest.mark.parametrize(
    "at",
    ["1970-01-02", date(1970, 1, 2), datetime(1970, 1, 2, tzinfo=UTC), 86_400, 86_400.0, 86_399.5],
    ids=repr,
)
def test_by_time_at_a_moment(at):
    whole = ratings_of([(0, 0), (0, 1), (0, 2)], times=[0, 86_399, 86_400])
    parts = split.by_time(whole, at)
    assert parts.train.by_user.times.tolist() == [0, 86_399]
    assert parts.how == "by time at 1970-01-02"


# --- the split itself -------------------------------------------------------------------------------------------


@pytest.fixture
def parts():
    cells, times = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 3)], [0, 86_400, 10, 86_401, 90_000]
    return split.by_time(ratings_of(cells, times), "1970-01-02")


def test_it_unpacks_and_is_frozen(parts):
    train, test = parts
    assert (train, test) == (parts.train, parts.test)
    assert parts.known is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        parts.how = "otherwise"


def test_counts(parts):
    counts = dataclasses.asdict(parts.counts())
    assert counts == {
        "warm_users": 2,
        "cold_users": 1,
        "warm_items": 0,
        "cold_items": 3,
        "warm_events": 0,
        "cold_events": 3,
    }


def test_text(parts):
    assert str(parts) == (
        "by time at 1970-01-02, users left without training events 1: 2 train and 3 test events, the latter "
        "with users 2 warm, 1 cold; items 0 warm, 3 cold; events 0 warm, 3 cold"
    )


@given(ratings(), st.integers(0, 9))
def test_counts_agree_with_sets(whole, seed):
    assume(round(len(whole) / 2) not in (0, len(whole)))
    parts = split.random(whole, test=0.5, seed=seed)
    counts = parts.counts()
    users, items = set(parts.train.users), set(parts.train.items)
    assert counts.warm_users == len(users & set(parts.test.users))
    assert counts.cold_items == len(set(parts.test.items) - items)
    assert counts.warm_events == sum(u in users and i in items for u, i, *_ in rows(parts.test))
    assert counts.warm_events + counts.cold_events == len(parts.test)


def test_how_each_is_described():
    whole = ratings_of([(u, i) for u in range(4) for i in range(u + 1)], times=range(10))
    assert split.random(whole, test=0.2, seed=7).how.startswith("random, 0.2 of the events, seed 7")
    assert split.kfold(whole, k=5, seed=1)[1].how.startswith("fold 2 of 5, seed 1")
    assert split.by_time(whole, 0.5).how == (
        "by time at 1970-01-01 00:00:05 (0.5 of the events), users left without training events 1"
    )
    assert split.last_out(whole, n=2).how == "last 2 of each user, users with too few, wholly in train 2"
    assert split.last_out(ratings_of([(0, 0), (0, 1)], times=[0, 1])).how == "last 1 of each user"


def test_a_split_made_by_hand():
    whole = ratings_of([(0, 0), (0, 1)])
    assert str(Split(whole, whole, "by hand")).startswith("by hand: 2 train and 2 test events")


# --- mistakes ---------------------------------------------------------------------------------------------------

TIMED = ratings_of([(0, 0), (0, 1), (1, 1)], times=[1, 2, 3])


@pytest.mark.parametrize("test", [0, 1, -0.1, 1.5, float("nan"), "half", True, None])
def test_random_shares_out_of_range(test):
    with pytest.raises(ParameterError, match="test must be a share of the events above 0 and below 1; got"):
        split.random(TIMED, test=test)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True])
def test_seeds_out_of_range(seed):
    for make in (split.random, lambda ratings, seed: split.kfold(ratings, k=2, seed=seed)):
        with pytest.raises(ParameterError, match="seed must be a whole number >= 0; got"):
            make(TIMED, seed=seed)


@pytest.mark.parametrize("k", [1, 4, 2.0, "5", True])
def test_folds_out_of_range(k):
    with pytest.raises(
        ParameterError, match=r"k must be a whole number from 2 to the number of events \(3\); got"
    ):
        split.kfold(TIMED, k=k)


@pytest.mark.parametrize("n", [0, -1, 1.0, "1", True])
def test_last_out_of_nothing(n):
    with pytest.raises(ParameterError, match="n must be a whole number of at least 1; got"):
        split.last_out(TIMED, n=n)


def test_last_out_of_more_than_anyone_has():
    with pytest.raises(
        EmptyError, match="no user has more than 2 events, so none can be held out; the most is 2"
    ):
        split.last_out(TIMED, n=2)


@pytest.mark.parametrize("at", [0, 1, 0.0, 1.0])
def test_by_time_shares_out_of_range(at):
    with pytest.raises(
        ParameterError, match="at must be a share of the events above 0 and below 1, or a date"
    ):
        split.by_time(TIMED, at)


@pytest.mark.parametrize("at", ["soon", float("nan"), None, True])
def test_by_time_at_no_moment(at):
    with pytest.raises(ParameterError, match="at must be a date"):
        split.by_time(TIMED, at)


@pytest.mark.parametrize("make", [lambda r: split.by_time(r, 0.5), split.last_out])
def test_times_are_needed(make):
    with pytest.raises(
        InputError, match=r"needs the times of events; name their column: read\(\.\.\., timestamp=\)"
    ):
        make(ratings_of([(0, 0), (0, 1)]))


def test_empty_sides():
    with pytest.raises(
        EmptyError, match=r"by time at 1970-01-01 00:00:01.* leaves the train side empty: all 3 events"
    ):
        split.by_time(TIMED, 0.1)
    with pytest.raises(EmptyError, match=r"leaves the test side empty: all 3 events are on the other"):
        split.by_time(TIMED, "2000-01-01")
    with pytest.raises(EmptyError, match="leaves the test side empty"):
        split.random(TIMED, test=0.01)
