"""Negatives are what a user has no event with, drawn as often as the page says."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import tastespace as ts
from tastespace.errors import EmptyError, InputError, ParameterError, TooLargeError
from tastespace.testing import strategies
from tests.models.worlds import world


@pytest.fixture(scope="module")
def events():
    return world(80, 30, 0.3, explicit=False)


def known(events):
    return set(zip(events.user_rows().tolist(), events.by_user.indices.tolist(), strict=True))


def test_a_triple_for_every_draw(events):
    found = ts.negatives.sample(events, per_positive=3, seed=1)
    assert found.per_positive == 3
    assert len(found) == 3 * events.n_events
    assert found.left_out == 0
    assert np.array_equal(found.user_rows, events.user_rows())
    assert np.array_equal(found.positive_rows, events.by_user.indices)
    assert np.array_equal(found.events, np.arange(events.n_events))
    users, positives, negatives = found.triples()
    assert users.dtype == positives.dtype == negatives.dtype == np.int32
    assert not known(events) & set(zip(users.tolist(), negatives.tolist(), strict=True))
    table = found.table()
    assert table.columns == ("user", "positive", "negative")
    assert np.array_equal(events.users.rows(table["user"]), users)
    assert np.array_equal(events.items.rows(table["positive"]), positives)
    assert np.array_equal(events.items.rows(table["negative"]), negatives)
    assert repr(found) == f"{len(found):,} negatives, 3 for each of {events.n_events:,} events"


@pytest.mark.parametrize(
    ("settings", "power"),
    [
        ({}, 0.0),
        ({"strategy": "popularity"}, 0.75),
        ({"strategy": "popularity", "power": 1}, 1.0),
        ({"strategy": "popularity", "power": 0}, 0.0),
        ({"strategy": "popularity", "power": 3.5}, 3.5),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_every_user_has_the_distribution_of_what_is_left(events, settings, power, check):
    """Chi-square of each user's draws, which are independent, against the definition."""
    found = ts.negatives.sample(events, per_positive=400, check=check, seed=3, **settings)
    counts = np.bincount(events.by_user.indices, minlength=events.n_items).astype(float)
    p_values = []
    for user in range(events.n_users):
        mine = events.by_user.row(user)[0]
        share = counts**power
        if check:
            share[mine] = 0
        drawn = np.bincount(found.negative_rows[found.user_rows == user].ravel(), minlength=len(counts))
        assert drawn[share == 0].sum() == 0
        possible = share > 0
        want = drawn.sum() * share[possible] / share.sum()
        p_values.append(scipy.stats.chisquare(drawn[possible], want).pvalue)
    # P-values are uniform themselves where the distribution is right.
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.001


def test_draws_of_one_event_are_independent():
    events = world(2, 5, 0.5, explicit=False)
    found = ts.negatives.sample(events, per_positive=2, check=False, strategy="uniform").negative_rows
    many = [
        ts.negatives.sample(events, per_positive=2, check=False, seed=seed).negative_rows
        for seed in range(2000)
    ]
    pairs = np.concatenate(many)
    table = np.zeros((events.n_items, events.n_items))
    np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
    assert scipy.stats.chi2_contingency(table).pvalue > 0.001
    assert found.shape == (events.n_events, 2)


def test_any_thread_count_and_any_length_draw_the_same(events):
    for strategy in ("uniform", "popularity"):
        one = ts.negatives.sample(events, strategy=strategy, seed=9, threads=1)
        for threads in (2, 5):
            other = ts.negatives.sample(events, strategy=strategy, seed=9, threads=threads)
            assert np.array_equal(one.negative_rows, other.negative_rows)
        longer = ts.negatives.sample(events, strategy=strategy, seed=9, per_positive=7)
        assert np.array_equal(longer.negative_rows[:, :4], one.negative_rows)
        another = ts.negatives.sample(events, strategy=strategy, seed=10)
        assert not np.array_equal(another.negative_rows, one.negative_rows)


def with_a_glutton():
    cells = [(u, i) for u in range(3) for i in range(4) if u == 1 or i == u]
    users, items = np.array(cells, np.int32).T
    return ts.Interactions.from_events(
        ts.Vocabulary(["a", "glutton", "c"], noun="user"),
        ts.Vocabulary(range(4), noun="item"),
        users,
        items,
        explicit=False,
    )


def test_who_has_everything_is_left_out_and_counted():
    events = with_a_glutton()
    found = ts.negatives.sample(events)
    assert found.left_out == 4
    assert set(found.table()["user"]) == {"a", "c"}
    assert np.array_equal(events.by_user.indices[found.events], found.positive_rows)
    assert "4 events without" in repr(found)
    everyone = ts.negatives.sample(events, check=False)
    assert everyone.left_out == 0
    assert set(everyone.table()["user"]) == {"a", "glutton", "c"}


def test_nobody_left():
    events = with_a_glutton().filter(users=["glutton"])
    with pytest.raises(EmptyError, match=r"no user lacks any item \(4 in all\); pass check=False"):
        ts.negatives.sample(events)
    assert len(ts.negatives.sample(events, check=False)) == 16


def test_more_negatives_than_items_repeat():
    assert (
        ts.negatives.sample(with_a_glutton(), per_positive=1000).per_positive == 1000
    )  # of 3 that there are


def test_one_item():
    events = with_a_glutton().filter(items=[1])
    with pytest.raises(EmptyError, match="there are no negatives"):
        ts.negatives.sample(events, strategy="popularity")


def test_arrays_are_read_only(events):
    found = ts.negatives.sample(events)
    for name in ("user_rows", "positive_rows", "negative_rows", "events"):
        assert not getattr(found, name).flags.writeable


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"per_positive": 0},
            "per_positive of negatives.sample must be a whole number in 1..2147483647; got 0",
        ),
        ({"per_positive": 1.5}, "per_positive of negatives.sample must be a whole number"),
        ({"seed": -1}, "seed of negatives.sample must be a whole number in 0..18446744073709551615; got -1"),
        ({"seed": 2**64}, "must be a whole number in 0..18446744073709551615; got 18446744073709551616"),
        ({"per_positive": 2**31}, "must be a whole number in 1..2147483647; got 2147483648"),
        (
            {"strategy": "hard"},
            'strategy of negatives.sample must be "uniform" or "popularity"; got \'hard\'',
        ),
        ({"power": 1.0}, 'power of negatives.sample is for strategy="popularity"; got 1.0'),
        ({"strategy": "popularity", "power": -1}, "power of negatives.sample must be a finite number >= 0"),
        (
            {"strategy": "popularity", "power": np.inf},
            "power of negatives.sample must be a finite number >= 0",
        ),
        ({"threads": 0}, "threads must be a whole number"),
    ],
)
def test_settings_that_make_no_sense(events, settings, message):
    with pytest.raises(ParameterError, match=message):
        ts.negatives.sample(events, **settings)


def test_more_than_fits_is_refused_before_it_is_taken(events):
    with pytest.raises(
        TooLargeError,
        match=r"negatives.sample of 2,147,483,647 items for each of .* events takes .* per_positive",
    ):
        ts.negatives.sample(events, per_positive=2**31 - 1)


def test_other_things_than_events():
    with pytest.raises(InputError, match=r"negatives.sample takes Interactions, such as split.train"):
        ts.negatives.sample([("a", "b")])


@settings(max_examples=100, deadline=None)
@given(
    events=strategies.interactions(),
    per_positive=st.integers(1, 5),
    power=st.none() | st.floats(0, 60),
    seed=st.integers(0, 2**64 - 1),
)
def test_never_a_known_item_never_a_strange_one(events, per_positive, power, seed):
    strategy = {} if power is None else {"strategy": "popularity", "power": power}
    full = events.by_user.counts() == events.n_items
    if full.all():
        with pytest.raises(EmptyError, match="there are no negatives"):
            ts.negatives.sample(events, per_positive=per_positive, seed=seed, **strategy)
        return
    found = ts.negatives.sample(events, per_positive=per_positive, seed=seed, **strategy)
    users, _, negatives = found.triples()
    assert negatives.min() >= 0
    assert negatives.max() < events.n_items
    assert not known(events) & set(zip(users.tolist(), negatives.tolist(), strict=True))
    assert found.left_out == events.by_user.counts()[full].sum()
    assert not full[users].any()
