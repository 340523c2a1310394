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


# --- the ways ----------------------------------------------------------------------------------------------


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


@given(ratings(timed=True, min_size=9), st.data())  # of eight users one has two events
def test_last_out(whole, data):
    counts = whole.by_user.counts()
    n = data.draw(st.integers(1, counts.max() - 1))
    parts = split.last_out(whole, n=n)
    check(whole, parts)
    for user, count in zip(whole.users, counts, strict=True):
        mine = by_user(whole)[user]
        held = by_user(parts.test).get(user, set())
        assert len(held) == (n if count > n else 0)
        assert all(a[3] >= b[3] for a in held for b in mine - held)
    times = {user: sorted(row[3] for row in mine) for user, mine in by_user(whole).items()}
    tied = sum(len(mine) > n and mine[-n] == mine[-n - 1] for mine in times.values())
    said = f", users cut between events of one second, by chance with seed 0, {tied}"
    assert parts.how.count("of one second") == (tied > 0)
    assert tied == 0 or said in parts.how
    assert rows(split.last_out(whole, n=n).test) == rows(parts.test)


def by_user(interactions):
    """The rows of each user."""
    found = {}
    for row in rows(interactions):
        found.setdefault(row[0], set()).add(row)
    return found


@given(ratings(min_size=9), st.floats(0.3, 0.95), st.integers(0, 2**32))
def test_stratified(whole, share, seed):
    sizes = {
        user: min(int(np.rint(len(mine) * share)), len(mine) - 1) for user, mine in by_user(whole).items()
    }
    assume(any(sizes.values()))
    parts = split.stratified(whole, test=share, seed=seed)
    check(whole, parts)
    held = by_user(parts.test)
    assert {user: len(held.get(user, ())) for user in sizes} == sizes
    assert by_user(parts.train).keys() == sizes.keys()
    assert rows(split.stratified(whole, test=share, seed=seed).test) == rows(parts.test)


@given(ratings(), st.data())
def test_stratified_kfold(whole, data):
    k, seed = data.draw(st.integers(2, len(whole))), data.draw(st.integers(0, 99))
    folds = split.kfold(whole, k=k, seed=seed, stratified=True)
    for fold in folds:
        check(whole, fold)
    assert sum(len(fold.test) for fold in folds) == len(whole)
    assert set().union(*(rows(fold.test) for fold in folds)) == rows(whole)
    for user in by_user(whole):
        sizes = [len(by_user(fold.test).get(user, ())) for fold in folds]
        assert max(sizes) - min(sizes) <= 1
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    again = split.kfold(whole, k=k, seed=seed, stratified=True)
    assert [rows(fold.test) for fold in again] == [rows(fold.test) for fold in folds]


@given(ratings(min_size=9), st.integers(0, 2**32))
def test_leave_one_out(whole, seed):
    parts = split.leave_one_out(whole, seed=seed)
    check(whole, parts)
    held = by_user(parts.test)
    for user, mine in by_user(whole).items():
        assert len(held.get(user, ())) == (len(mine) > 1)
    assert rows(split.leave_one_out(whole, seed=seed).test) == rows(parts.test)


@given(ratings(min_size=9), st.floats(0.05, 0.95), st.integers(0, 2**32), st.data())
def test_users_out(whole, known, seed, data):
    assume(whole.n_users > 1)
    several = int(np.count_nonzero(whole.by_user.counts() > 1))
    number = data.draw(st.integers(1, min(several, whole.n_users - 1)))
    parts = split.users_out(whole, users=number, known=known, seed=seed)
    assert len(parts.train) + len(parts.test) + len(parts.known) == len(whole)
    assert rows(parts.train) | rows(parts.test) | rows(parts.known) == rows(whole)
    mine, tested, told = by_user(whole), by_user(parts.test), by_user(parts.known)
    assert tested.keys() == told.keys()
    assert len(tested) == number
    assert not tested.keys() & by_user(parts.train).keys()
    for user in tested:
        n = len(mine[user])
        assert len(told[user]) == min(max(int(np.rint(n * known)), 1), n - 1)
    again = split.users_out(whole, users=number, known=known, seed=seed)
    assert (rows(again.test), rows(again.known)) == (rows(parts.test), rows(parts.known))


@given(ratings(min_size=9), st.integers(0, 2**32), st.data())  # of eight users one has two items
def test_items_out(whole, seed, data):
    number = data.draw(st.integers(1, whole.n_items - 1))
    parts = split.items_out(whole, items=number, seed=seed)
    check(whole, parts)
    assert parts.test.n_items == number
    assert not set(parts.test.items) & set(parts.train.items)
    assert rows(split.items_out(whole, items=number, seed=seed).test) == rows(parts.test)


@given(ratings(timed=True, min_size=9), st.integers(1, 3), st.floats(0.2, 0.7))
def test_rolling_shares(whole, windows, start):
    times = np.sort(whole.by_user.times)
    first = times[int(len(times) * start)]
    try:
        parts = split.rolling(whole, windows, start=start)
    except EmptyError:  # too many events of one second for so many windows, or nothing before the first
        return
    assert len(parts) == windows
    tested = set()
    for part in parts:
        begin = part.test.by_user.times.min()
        assert rows(part.train) == {row for row in rows(whole) if row[3].timestamp() < begin}
        assert not tested & rows(part.test)
        tested |= rows(part.test)
        assert part.leak().events == 0
    assert tested == {row for row in rows(whole) if row[3].timestamp() >= first}


def test_rolling_spans_and_memory():
    day = 86_400
    whole = ratings_of([(0, i) for i in range(10)], times=[day * i for i in range(10)])
    parts = split.rolling(whole, 2, span="3d", memory="2d")
    held = [(part.train.by_user.times // day, part.test.by_user.times // day) for part in parts]
    assert [(a.tolist(), b.tolist()) for a, b in held] == [([2, 3], [4, 5, 6]), ([5, 6], [7, 8, 9])]
    assert parts[0].how == (
        "window 1 of 2, 1970-01-04 00:00:01 to 1970-01-07 00:00:01, trained on 2d before it"
    )
    [part] = split.rolling(whole, 1, start="1970-01-03", span="1d")
    assert (len(part.train), len(part.test)) == (2, 1)
    assert part.how == "window 1 of 1, 1970-01-03 to 1970-01-04"
    shares = split.rolling(whole, 2)
    assert [(len(part.train), len(part.test)) for part in shares] == [(5, 2), (7, 3)]


def test_rolling_leaves_users_out_of_training_and_says_so():
    whole = ratings_of([(0, 0), (1, 0), (1, 1), (2, 1)], times=[0, 1, 2, 3])
    first, second = split.rolling(whole, 2)
    assert first.how.startswith("window 1 of 2, 1970-01-01 00:00:02 to 1970-01-01 00:00:03")
    assert "without training" not in first.how
    assert second.how.endswith("users left without training events 1")


def test_users_out_twice_gives_validation_users():
    whole = ratings_of([(u, i) for u in range(20) for i in range(5)])
    outer = split.users_out(whole, users=0.25)
    inner = split.users_out(outer.train, users=5)
    sets = [set(part.users) for part in (outer.test, inner.test, inner.train)]
    assert [len(users) for users in sets] == [5, 5, 10]
    assert set().union(*sets) == set(whole.users)
    assert len(outer.known) == 20


def test_seeds_of_the_others_differ():
    whole = ratings_of([(u, i) for u in range(20) for i in range(10)])
    for make in (split.stratified, split.leave_one_out, split.users_out, split.items_out):
        assert rows(make(whole, seed=0).test) != rows(make(whole, seed=1).test)
    folds = [split.kfold(whole, seed=seed, stratified=True)[0] for seed in (0, 1)]
    assert rows(folds[0].test) != rows(folds[1].test)


def test_every_event_of_a_user_is_as_likely_to_be_held_out():
    whole = ratings_of([(u, i) for u in range(500) for i in range(6)])
    for make in (
        lambda seed: split.stratified(whole, test=1 / 6, seed=seed),
        lambda seed: split.leave_one_out(whole, seed=seed),
        lambda seed: split.kfold(whole, k=6, seed=seed, stratified=True)[2],
    ):
        test = np.concatenate([make(seed).test.by_user.indices for seed in range(10)])
        items = make(0).test.items.ids
        assert len(items) == 6
        counts = np.bincount(test, minlength=6)
        assert abs(counts - 5000 / 6).max() < 5 * np.sqrt(5000 / 6)


def test_seeds_differ_and_folds_are_those_of_a_plain_shuffle():
    whole = ratings_of([(u, i) for u in range(10) for i in range(10)])
    assert rows(split.random(whole, seed=0).test) != rows(split.random(whole, seed=1).test)
    order = np.random.Generator(np.random.PCG64(3)).permutation(100)
    values = whole.by_user.values[np.sort(order[:20])]
    assert split.kfold(whole, seed=3)[0].test.by_user.values.tolist() == values.tolist()


def test_the_last_of_a_second_are_drawn_by_chance():
    """Each as likely as the others, wherever it is stored; what is later than that second is held out anyway."""
    users, n = 2000, 2
    cells = [(u, i) for u in range(users) for i in range(6)]
    whole = ratings_of(cells, times=[1, 5, 5, 5, 5, 9] * users)
    parts = split.last_out(whole, n=n, seed=3)
    check(whole, parts)
    assert (parts.test.by_user.counts() == n).all()
    held = np.bincount(parts.test.by_user.indices, minlength=parts.test.n_items)
    assert parts.test.items.ids.tolist() == [1, 2, 3, 4, 5]
    assert held[4] == users
    assert abs(held[:4] - users / 4).max() < 5 * np.sqrt(users / 4)
    assert parts.how == (
        "last 2 of each user, users cut between events of one second, by chance with seed 3, 2,000"
    )
    assert rows(split.last_out(whole, n=n, seed=3).test) == rows(parts.test)
    assert rows(split.last_out(whole, n=n, seed=4).test) != rows(parts.test)


def test_a_second_that_is_held_out_whole_is_no_tie():
    whole = ratings_of([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], times=[1, 5, 5, 7, 7])
    parts = split.last_out(whole, n=2)
    assert parts.test.by_user.values.tolist() == [1, 2]
    assert parts.how == "last 2 of each user, users with too few, wholly in train 1"


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

    grid = ratings_of([(u, i) for u in range(4) for i in range(5)])
    assert split.stratified(grid, seed=3).how == "stratified, 0.2 of each user's events, seed 3"
    assert split.stratified(whole).how.endswith("seed 0, users with too few, wholly in train 2")
    assert split.kfold(grid, k=5, stratified=True)[0].how == "fold 1 of 5 within each user, seed 0"
    assert split.leave_one_out(whole).how == (
        "one random event of each user, seed 0, users with too few, wholly in train 1"
    )
    assert split.items_out(grid, items=2).how == "items out, 2 of 5 items, seed 0"
    held = split.users_out(grid, users=0.5, known=0.6)
    assert held.how == "users out, 2 of 4 users, 0.6 of their events known, seed 0"
    assert str(held) == (
        f"{held.how}: 10 train and 4 test events, the latter with users 0 warm, 2 cold; items "
        f"{held.test.n_items} warm, 0 cold; events 0 warm, 4 cold; 6 known events of held-out users"
    )


def test_each_says_when_to_use_it():
    ways = [getattr(split, name) for name in split.__all__ if name[0].islower()]
    assert len(ways) == 9
    for way in ways:
        paragraphs = way.__doc__.split("\n\n")
        assert sum(paragraph.strip().startswith("When to use: ") for paragraph in paragraphs) == 1


# --- the future -------------------------------------------------------------------------------------------------


def test_leak_is_counted():
    cells = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 2)]
    whole = ratings_of(cells, times=[10, 20, 30, 40, 50, 15])
    held = np.array([False, True, False, False, True, False])
    parts = Split(whole.select(~held), whole.select(held), "by hand")
    leak = parts.leak()
    assert leak == split.Leak(events=2, of_events=4, users=1, of_users=2)
    assert leak.warning() == (
        "training knows the future: 2 of its 4 events (50.0 %) are later than the first test event, and 1 of 2 users "
        "have a training event later than one of their own test events; ts.split.by_time and ts.split.rolling keep "
        "the order of time"
    )


def test_the_last_of_each_user_show_nobody_their_own_future():
    whole = ratings_of([(0, 0), (0, 1), (1, 0), (1, 1)], times=[1, 2, 3, 4])
    leak = split.last_out(whole).leak()
    assert leak == split.Leak(events=1, of_events=2, users=0, of_users=2)
    assert leak.warning() == (
        "training knows the future: 1 of its 2 events (50.0 %) are later than the first test event; "
        "ts.split.by_time and ts.split.rolling keep the order of time"
    )


def test_no_leak_without_times_or_across_a_cut():
    assert split.random(ratings_of([(0, 0), (0, 1), (1, 1)]), test=0.4).leak() is None
    leak = split.by_time(ratings_of([(0, 0), (0, 1), (1, 1)], times=[1, 2, 3]), 0.5).leak()
    assert (leak.events, leak.users, leak.warning()) == (0, 0, None)


@given(ratings(timed=True), st.integers(0, 99))
def test_leak_agrees_with_sets(whole, seed):
    assume(0 < round(len(whole) * 0.4) < len(whole))
    parts = split.random(whole, test=0.4, seed=seed)
    train, test = by_user(parts.train), by_user(parts.test)
    first = min(row[3] for row in rows(parts.test))
    both = train.keys() & test.keys()
    ahead = [u for u in both if max(row[3] for row in train[u]) > min(row[3] for row in test[u])]
    assert parts.leak() == split.Leak(
        events=sum(row[3] > first for row in rows(parts.train)),
        of_events=len(parts.train),
        users=len(ahead),
        of_users=len(both),
    )


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
    for make in (
        split.random,
        split.stratified,
        split.leave_one_out,
        split.users_out,
        split.items_out,
        split.last_out,
        lambda ratings, seed: split.kfold(ratings, k=2, seed=seed),
    ):
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


@pytest.mark.parametrize(
    ("at", "read"), [(-0.5, "1970-01-01"), (2.5, "1970-01-01 00:00:03"), (30, "1970-01-01 00:00:30")]
)
def test_numbers_that_are_no_share_and_lie_outside_the_events(at, read):
    whole = ratings_of([(0, 0), (0, 1), (1, 1)], times=[10, 20, 29])
    message = (
        f"at must be a share of the events above 0 and below 1, or a moment between them; {at} is read as Unix "
        f"seconds, {read}, and the events last from 1970-01-01 00:00:10 to 1970-01-01 00:00:29"
    )
    with pytest.raises(ParameterError, match=message):
        split.by_time(whole, at)
    with pytest.raises(ParameterError, match=r"start must be a share .* is read as Unix seconds"):
        split.rolling(whole, start=at)


@pytest.mark.parametrize("name", [name for name in split.__all__ if name[0].islower()])
def test_only_events_can_be_split(name):
    make = getattr(split, name)
    more = (0.5,) if name == "by_time" else ()
    for other, kind in (([(0, 0)], "list"), (None, "NoneType"), (TIMED.to_polars(), "DataFrame")):
        with pytest.raises(
            InputError, match=rf"ts.split.{name} takes Interactions; got {kind}: make them with ts.read"
        ):
            make(other, *more)
    with pytest.raises(InputError, match=rf"ts.split.{name} takes Interactions; got Split: pass split.train"):
        make(Split(TIMED, TIMED, "by hand"), *more)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": "a"}, r"train of a Split must be Interactions; got str: make them with ts.read\(...\)"),
        ({"test": None}, r"test of a Split must be Interactions; got NoneType"),
        ({"known": [1]}, r"known of a Split must be Interactions; got list"),
        ({"how": None}, r"how of a Split must be text that says how it was made; got NoneType"),
        ({"recipe": 0.8}, r"recipe of a Split is what ts.split leaves there, or None; got float"),
    ],
)
def test_what_a_split_is_put_together_from(changes, message):
    with pytest.raises(InputError, match=message):
        Split(**({"train": TIMED, "test": TIMED, "how": "by hand"} | changes))


@pytest.mark.parametrize("at", ["soon", float("nan"), None, True])
def test_by_time_at_no_moment(at):
    with pytest.raises(ParameterError, match="at must be a date"):
        split.by_time(TIMED, at)


@pytest.mark.parametrize("make", [lambda r: split.by_time(r, 0.5), split.last_out, split.rolling])
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
    with pytest.raises(EmptyError, match=r"leaves the test side empty: all 3 events are elsewhere"):
        split.by_time(TIMED, "2000-01-01")
    with pytest.raises(EmptyError, match="leaves the test side empty"):
        split.random(TIMED, test=0.01)
    with pytest.raises(EmptyError, match=r"window 1 of 2, 2000-01-01 .* leaves the test side empty"):
        split.rolling(TIMED, 2, start="2000-01-01")
    with pytest.raises(EmptyError, match=r"window 1 of 5, .* leaves the test side empty"):
        split.rolling(TIMED, 5)
    with pytest.raises(EmptyError, match=r"users out, 1 of 1 users.* leaves the train side empty"):
        split.users_out(ratings_of([(0, 0), (0, 1)]), users=1)
    with pytest.raises(EmptyError, match=r"items out, 2 of 2 items.* leaves the train side empty"):
        split.items_out(TIMED, items=2)
    with pytest.raises(EmptyError, match=r"stratified.* leaves the test side empty"):
        split.stratified(TIMED, test=0.2)
    with pytest.raises(EmptyError, match="no user has more than 1 event, so none can be held out"):
        split.leave_one_out(ratings_of([(0, 0), (1, 1)]))


@pytest.mark.parametrize("value", [0, 1, -0.1, float("nan"), "half", True, None])
def test_shares_out_of_range(value):
    with pytest.raises(
        ParameterError, match="test must be a share of each user's events above 0 and below 1; got"
    ):
        split.stratified(TIMED, test=value)
    with pytest.raises(
        ParameterError, match="known must be a share of a held-out user's events above 0 and below 1; got"
    ):
        split.users_out(TIMED, known=value)


@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, float("nan"), "half", True, None])
def test_numbers_of_users_and_items_out_of_range(value):
    for make, name in ((split.users_out, "users"), (split.items_out, "items")):
        with pytest.raises(
            ParameterError,
            match=f"{name} must be a share of the {name} above 0 and below 1, or a whole number",
        ):
            make(TIMED, **{name: value})


def test_more_users_or_items_than_there_are():
    with pytest.raises(
        ParameterError, match="asks for 2 of 2 users, and 1 have two events or more; ask for fewer"
    ):
        split.users_out(TIMED, users=2)
    with pytest.raises(ParameterError, match="items of items_out asks for 3 items, and there are 2"):
        split.items_out(TIMED, items=3)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_stratified_is_a_boolean(value):
    with pytest.raises(ParameterError, match="stratified must be True or False; got"):
        split.kfold(TIMED, k=2, stratified=value)


@pytest.mark.parametrize("windows", [0, -1, 1.0, "1", True])
def test_windows_out_of_range(windows):
    with pytest.raises(ParameterError, match="windows must be a whole number of at least 1; got"):
        split.rolling(TIMED, windows)


def test_rolling_settings_that_make_no_sense():
    with pytest.raises(
        ParameterError, match="start must be a share of the events above 0 and below 1, or a date"
    ):
        split.rolling(TIMED, start=1)
    with pytest.raises(ParameterError, match="span must be a duration above 0"):
        split.rolling(TIMED, span="soon")
    with pytest.raises(ParameterError, match="memory must be a duration above 0"):
        split.rolling(TIMED, memory="-1d")
