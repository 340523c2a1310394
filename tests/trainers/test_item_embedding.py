"""ItemEmbedding against its slow twin, and what users get wrong with it."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import tastespace as ts
from tastespace.errors import (
    EmptyError,
    InputError,
    ParameterError,
    TooLargeError,
    UnknownItemError,
    UnsupportedError,
)
from tests.models.worlds import world
from tests.reference import pairs as reference


def read(rows, **columns):
    frame = pl.DataFrame(rows, schema=["who", "what", "when"], orient="row")
    return ts.read(frame, user="who", item="what", **columns)


def baskets(*texts):
    """A basket for each text, an item for each letter."""
    return read([(f"b{b}", letter, 0) for b, text in enumerate(texts) for letter in text])


def expected(trainer, train):
    """M by its definition."""
    window, shares = trainer.association, train.by_item.counts() / train.n_events
    n = reference.counts(train, window.seconds, window.events, trainer.pair_scaling)
    numbers = reference.counts(train, window.seconds, window.events)
    return reference.association(
        n, shares, trainer.negatives, trainer.smoothing, trainer.subsample, trainer.shrinkage, numbers
    )


SETTINGS = [
    {},
    {"smoothing": 1.0, "pair_scaling": 0.0},
    {"negatives": 1.3, "history_scaling": 0.0, "popularity": 1.0},
    {"subsample": 0.01, "eigenvalue_weight": 0.0},
    {"window": "2d", "pair_scaling": 1.0, "eigenvalue_weight": 1.0},
    {"window": timedelta(hours=30), "shrinkage": 2.0, "history_scaling": 1.0, "popularity": 1.0},
    {"window": 3, "pair_scaling": 0.5, "shrinkage": 0.0, "popularity": 0.5, "subsample": 0.005},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: ", ".join(settings) or "defaults")
def test_all_factors_give_the_sums_of_the_definition(settings):
    train = world(explicit=False, times=True)
    trainer = ts.ItemEmbedding(factors=train.n_items, tolerance=0.0, **settings)
    model = trainer.fit(train)
    m = expected(trainer, train)
    np.testing.assert_allclose(
        model.item_factors @ model.solver.contexts[:, : train.n_items].T, m, atol=2e-4 * m.max()
    )
    assert model.info.metrics["pairs"] == np.count_nonzero(m > 1e-12)
    seen = np.zeros((train.n_users, train.n_items))
    seen[train.by_user.row_of(), train.by_user.indices] = 1.0
    share = (seen.sum(axis=0) + 1) / (seen.sum() + train.n_items)
    sums = seen @ m.T / np.maximum(seen.sum(axis=1), 1)[:, None] ** trainer.history_scaling
    scores = sums + trainer.popularity * np.log(share)
    every = np.arange(train.n_items, dtype=np.int32)
    for user in range(5):
        found = model.score_pairs(np.full(train.n_items, user, np.int32), every)
        np.testing.assert_allclose(found, scores[user], atol=1e-3 * np.abs(scores).max())


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_few_factors_are_the_largest_singular_vectors(weight):
    train = world(explicit=False)
    trainer = ts.ItemEmbedding(factors=5, eigenvalue_weight=weight, tolerance=0.0)
    model = trainer.fit(train)
    u, s, _ = np.linalg.svd(expected(trainer, train))
    np.testing.assert_allclose(model.solver.singular_values, s[:5], rtol=1e-5)
    exact = (u[:, :5] * s[:5] ** weight) @ (u[:, :5] * s[:5] ** weight).T  # signs apart
    np.testing.assert_allclose(model.item_factors @ model.item_factors.T, exact, atol=1e-3 * exact.max())
    share = np.square(s[:5]).sum() / np.square(s).sum()
    assert model.info.metrics["explained_variance_ratio"] == pytest.approx(share, rel=1e-4)
    assert model.info.metrics["rank"] == 5
    one = ts.ItemEmbedding(factors=5, eigenvalue_weight=0.3, tolerance=0.0).fit(train)
    ids = train.users.ids[:3].tolist()
    assert one.recommend(ids)["item"].tolist() == model.recommend(ids)["item"].tolist()


def test_subsampling_takes_the_expectation_of_draws():
    """Of items thinned out at random, the counts are on average those that the margins expect."""
    train = baskets(*["abc", "abd", "acd", "abcd"] * 3)
    trainer = ts.ItemEmbedding(subsample=0.05, pair_scaling=0.0)
    meetings = trainer.association.count(train, 1)
    rng, n = np.random.default_rng(0), np.zeros((4, 4))
    for _ in range(4000):
        kept = rng.random(train.n_events) < meetings.kept[train.by_user.indices]
        x = np.zeros((train.n_users, 4))
        x[train.by_user.row_of()[kept], train.by_user.indices[kept]] = 1.0
        n += x.T @ x
    np.fill_diagonal(n, 0.0)
    np.testing.assert_allclose(n.sum(axis=1) / 4000, meetings.margins, rtol=0.05)
    assert (meetings.kept < 1).any()


def test_items_that_share_their_company_are_alike():
    """Cups and mugs never meet, and are bought with the same things."""
    shops = ["cs", "ct", "cs", "ct", "ms", "mt", "ms", "mt", "xy", "xz", "xy", "xz", "yz"]
    model = ts.ItemEmbedding(factors=3).fit(baskets(*shops))
    assert model.similar_items("c", 1)["neighbour"].tolist() == ["m"]
    assert model.similar_items("c", 1)["score"][0] > 0.99


def test_an_item_that_meets_no_other():
    model = ts.ItemEmbedding(factors=2, popularity=2.0).fit(baskets("ab", "bc", "ab", "q", "q"))
    row = model.items.row("q")
    assert not model.item_factors[row].any()
    assert model.similar_items("q", 3)["score"].tolist() == [0.0] * 3
    assert model.predict("b0", "q") == pytest.approx(2 * np.log(3 / 12))
    visitor = model.fold_in(["q"])
    assert visitor.predict("q") == model.predict("b0", "q")


def test_ties_in_time_follow_the_items():
    train = read([("u", item, 5) for item in "abcd"], timestamp="when")
    n = np.exp(reference.counts(train, events=1))
    model = ts.ItemEmbedding(window=1, factors=4, smoothing=1.0, tolerance=0.0).fit(train)
    rebuilt = model.item_factors @ model.solver.contexts[:, :4].T
    assert ((rebuilt > 1e-3) == (n > 1)).all()


def test_values_are_not_used():
    train = world(explicit=False)
    ones = train.as_implicit()
    assert train.by_user.values is not None
    a, b = (ts.ItemEmbedding(factors=4).fit(events) for events in (train, ones))
    np.testing.assert_array_equal(a.item_factors, b.item_factors)
    np.testing.assert_array_equal(a.user_factors, b.user_factors)


def test_any_number_of_threads_gives_the_same_bits():
    train = world(9000, 3000, 0.003, explicit=False, times=True)
    trainer = ts.ItemEmbedding(factors=20, window="5d", pair_scaling=0.7, subsample=1e-3)
    one, many = (trainer.replace(threads=threads).fit(train) for threads in (1, 3))
    np.testing.assert_array_equal(one.item_factors, many.item_factors)
    np.testing.assert_array_equal(one.solver.contexts, many.solver.contexts)


@pytest.mark.parametrize("smoothing", [0.75, 1.0])
def test_new_items_are_placed_as_learned_ones_are(smoothing):
    """An item that update brings lands where a fit would have put it, as far as the space has room for it."""
    rng = np.random.default_rng(1)
    groups = [[f"{g}{i}" for i in range(6)] for g in "abcd"]
    rows = [
        (f"b{b}", item, b)
        for b in range(600)
        for item in rng.choice(groups[b % 4], 3, replace=False).tolist()
    ]
    rows.sort(key=lambda row: row[1] == "a0")  # so that the new item is the last
    trainer = ts.ItemEmbedding(factors=4, smoothing=smoothing)
    before = trainer.fit(read([row for row in rows if row[1] != "a0"]))
    updated = before.update(read([row for row in rows if row[1] == "a0"]))
    assert before.items.ids.tolist() == updated.items.ids.tolist()[:-1]
    near = updated.similar_items("a0", 5)
    assert sorted(near["neighbour"].tolist()) == ["a1", "a2", "a3", "a4", "a5"]
    assert near["score"].min() > 0.95
    again = trainer.fit(read(rows))
    assert updated.item_bias == pytest.approx(again.item_bias)
    # What it says of others, and others of it, is about what the fit finds.
    rows = [updated.items.rows(again.items.ids), np.arange(len(again.items))]
    for one, two in ((-1, slice(None)), (slice(None), -1)):
        ours, theirs = (
            model.item_factors[order][one] @ model.solver.contexts[order, :4][two].T
            for model, order in zip((updated, again), rows, strict=True)
        )
        assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def test_update_of_an_item_known_to_have_met_nothing():
    model = ts.ItemEmbedding(factors=2).fit(baskets("ab", "bc", "ab", "q"))
    updated = model.update(read([("n1", "q", 0), ("n1", "a", 0), ("n2", "q", 0), ("n2", "a", 0)]))
    assert updated.item_factors[updated.items.row("q")].any()
    assert updated.solver.contexts[updated.items.row("q")].any()
    kept = [updated.items.row(item) for item in "abc"]
    np.testing.assert_array_equal(updated.item_factors[kept], model.item_factors[kept])
    assert "n1" in updated.users


def test_items_are_not_solved_from_users():
    model = ts.ItemEmbedding(factors=2).fit(baskets("ab", "bc"))
    with pytest.raises(
        UnsupportedError, match="ItemEmbedding does not solve items from users: update places"
    ):
        model.solver.items(model.history, np.zeros(0, np.int32), None, model.history, 1)


def test_more_factors_than_items():
    model = ts.ItemEmbedding(factors=50).fit(baskets("ab", "bc", "cd"))
    assert model.factors == 50
    assert model.info.metrics["rank"] <= 4
    assert not model.item_factors[:, 4:].any()


@pytest.mark.parametrize(
    ("train", "settings", "message"),
    [
        (
            ("a", "b", "a"),
            {},
            r"no pairs to learn from: no two items share one of the 3 baskets .*; use orders",
        ),
        (("a",), {}, r"no two items share one of the 1 baskets"),
        (("ab", "ac"), {"negatives": 100.0}, r"no two items meet 100 times as often as chance has it; lower"),
    ],
)
def test_nothing_to_learn_from(train, settings, message):
    with pytest.raises(EmptyError, match=message):
        ts.ItemEmbedding(**settings).fit(baskets(*train))


def test_one_basket():
    model = ts.ItemEmbedding(factors=2).fit(baskets("abc"))
    assert np.isfinite(model.item_factors).all()
    assert len(model.recommend("b0", exclude_seen=False)) == 3


def test_a_window_that_nothing_fits_into():
    train = read([("u", "a", 0), ("u", "b", 100)], timestamp="when")
    with pytest.raises(EmptyError, match=r"baskets .* within the window; widen it"):
        ts.ItemEmbedding(window="1min").fit(train)
    assert ts.ItemEmbedding(window="2min").fit(train).info.metrics["pairs"] == 2


@pytest.mark.parametrize("window", ["1d", 5])
def test_a_window_without_times(window):
    with pytest.raises(InputError, match=r"window of ItemEmbedding needs timestamps; name the column"):
        ts.ItemEmbedding(window=window).fit(world(explicit=False))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": 0}, r"factors of ItemEmbedding must be a whole number >= 1; got 0"),
        ({"negatives": -5}, r"negatives of ItemEmbedding must be >= 1; got -5"),
        ({"negatives": float("nan")}, r"negatives of ItemEmbedding must be >= 1; got nan"),
        ({"smoothing": 1.5}, r"smoothing of ItemEmbedding must be at most 1; got 1\.5"),
        ({"subsample": 0.0}, r"subsample of ItemEmbedding must be > 0; got 0\.0"),
        ({"subsample": 2}, r"subsample of ItemEmbedding must be at most 1; got 2"),
        ({"window": "soon"}, r"window of ItemEmbedding must be a duration above 0 such as '90d'"),
        ({"window": timedelta(0)}, r"window of ItemEmbedding must be a duration above 0"),
        ({"window": 0}, r"window of ItemEmbedding must be a whole number >= 1; got 0"),
        ({"window": 1.5}, r"window of ItemEmbedding must be a whole number >= 1; got 1\.5"),
        ({"pair_scaling": -1}, r"pair_scaling of ItemEmbedding must be >= 0; got -1"),
        ({"pair_scaling": 40}, r"pair_scaling of ItemEmbedding must be at most 10; got 40"),
        ({"shrinkage": -1}, r"shrinkage of ItemEmbedding must be >= 0; got -1"),
        ({"shrinkage": 1e300}, r"shrinkage of ItemEmbedding must be at most 1e\+09; got 1e\+300"),
        ({"eigenvalue_weight": 2}, r"eigenvalue_weight of ItemEmbedding must be at most 1; got 2"),
        ({"popularity": float("inf")}, r"popularity of ItemEmbedding must be >= 0; got inf"),
        ({"history_scaling": 1.1}, r"history_scaling of ItemEmbedding must be at most 1; got 1\.1"),
        ({"rounds": 0}, r"rounds of ItemEmbedding must be a whole number >= 1; got 0"),
        ({"tolerance": -1}, r"tolerance of ItemEmbedding must be >= 0; got -1"),
        ({"seed": -1}, r"seed of ItemEmbedding must be a whole number >= 0; got -1"),
        ({"progress": 1}, r"progress of ItemEmbedding must be True, False or None; got 1"),
    ],
)
def test_settings(settings, message):
    with pytest.raises(ParameterError, match=message):
        ts.ItemEmbedding(**settings)


def test_too_many_pairs(monkeypatch):
    monkeypatch.setattr("tastespace.data.memory.available", lambda: 1000)
    with pytest.raises(
        TooLargeError,
        match=r"ItemEmbedding of 39 items, about .* pairs above the shift, takes .*; raise negatives",
    ):
        ts.ItemEmbedding(factors=2).fit(world(explicit=False))


def test_too_many_directions(monkeypatch):
    train = world(explicit=False)
    monkeypatch.setattr("tastespace.data.memory.available", lambda: 30_000)  # the pairs take less
    with pytest.raises(
        TooLargeError,
        match=r"ItemEmbedding in up to 39 directions takes .* of memory, and .* are free; choose fewer factors",
    ):
        ts.ItemEmbedding(factors=39, negatives=2).fit(train)


def test_settings_at_their_bounds():
    twenty = [(f"b{b}", item, 0) for b, n in ((0, 20), (1, 30)) for item in range(n)]
    for settings in ({"pair_scaling": 10.0}, {"shrinkage": 1e9}, {"pair_scaling": 10.0, "shrinkage": 1e9}):
        model = ts.ItemEmbedding(factors=4, **settings).fit(read(twenty))
        assert np.isfinite(model.item_factors).all()
        assert model.item_factors.any()


def test_a_window_knows_the_last_time_of_an_item():
    """As the docstring says: bought together, and one of them again later."""
    rows = [("u", "a", 0), ("u", "b", 0), ("u", "a", 100 * 86400)]
    orders = [(f"{user} {when}", item, when) for user, item, when in rows]
    trainer = ts.ItemEmbedding(window="1d", factors=2)
    with pytest.raises(EmptyError, match="within the window; widen it"):
        trainer.fit(read(rows, timestamp="when", duplicates="last"))
    assert trainer.fit(read(orders, timestamp="when")).info.metrics["pairs"] == 2


def test_an_item_that_is_always_alone_takes_no_share_of_the_contexts():
    rows = [("u", "x", 0), ("u", "y", 10), ("u", "z", 10**6), ("v", "x", 0), ("v", "y", 5), ("v", "q", 10**7)]
    train = read(rows, timestamp="when")
    meetings = ts.ItemEmbedding(window="1h", subsample=0.01).association.count(train, 1)
    assert (meetings.margins[train.items.rows(["z", "q"])] == 0.0).all()
    assert (meetings.margins[train.items.rows(["x", "y"])] > 0.0).all()


def test_a_new_item_is_as_long_as_learned_ones_where_factors_reach_the_rank():
    rng = np.random.default_rng(1)
    shares = np.arange(1, 61) ** -0.7
    rows = [
        (f"b{b}", f"i{item}", 0)
        for b in range(1500)
        for item in rng.choice(60, 8, replace=False, p=shares / shares.sum())
    ]
    new = "i20"
    rows.sort(key=lambda row: row[1] == new)  # so that the new item is the last
    trainer = ts.ItemEmbedding(factors=60)
    updated = trainer.fit(read([row for row in rows if row[1] != new])).update(
        read([row for row in rows if row[1] == new])
    )
    again = trainer.fit(read(rows))
    placed, fitted = (np.linalg.norm(model.item_factors[model.items.row(new)]) for model in (updated, again))
    assert 0.5 * fitted < placed < 1.5 * fitted


def test_neither_a_model_nor_a_frame():
    with pytest.raises(InputError, match=r"ItemEmbedding\.fit takes Interactions as train; got DataFrame"):
        ts.ItemEmbedding().fit(pl.DataFrame({"a": [1]}))


def test_unknown_items():
    model = ts.ItemEmbedding(factors=2).fit(baskets("ab", "bc"))
    with pytest.raises(UnknownItemError, match="'zebra'"):
        model.similar_items("zebra")
    with pytest.raises(UnknownItemError, match="'zebra'"):
        model.fold_in(["a", "zebra"])
    assert len(model.fold_in(["a", "zebra"], on_unknown="skip").recommend()) == 2


def test_the_native_pairs_refuse_what_would_crash_them():
    from tastespace import _native

    def pairs(indptr=(0, 2), indices=(0, 1), times=None, seconds=None, events=None):
        return _native.Pairs(
            np.array(indptr, np.int64), np.array(indices, np.int32), times, 2, seconds, events, 0.0, 1
        )

    with pytest.raises(ValueError, match=r"indices must be in 0\.\.2"):
        pairs(indices=(0, 2))
    with pytest.raises(ValueError, match="times must have 2 entries; got 0"):
        pairs(seconds=5)
    with pytest.raises(ValueError, match="a window has seconds or events, not both"):
        pairs(seconds=5, events=5, times=np.zeros(2, np.int64))
    ones, rows = np.ones(2), np.arange(2, dtype=np.int32)
    with pytest.raises(ValueError, match="keep must be above 0"):
        pairs().margins(np.zeros(2))
    with pytest.raises(ValueError, match="words must have 2 entries; got 1"):
        pairs().rows(rows, np.ones(1), ones, 1.0, 1)
    with pytest.raises(ValueError, match="contexts must be above 0"):
        pairs().rows(rows, ones, -ones, 1.0, 1)
    with pytest.raises(ValueError, match=r"rows must be in 0\.\.2"):
        pairs().count(np.array([2], np.int32), ones, ones, 1.0, 1)
