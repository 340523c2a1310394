import pickle
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import (
    BadRowError,
    EmptyError,
    InputError,
    ParameterError,
    UnknownItemError,
    UnknownUserError,
)

DAY = 86400


def make(events, *, explicit=True, users="abcdef", items="uvwxyz", **settings):
    """Interactions of (user, item[, value[, time]]) with one-letter ids."""
    user_ids, item_ids = Vocabulary(list(users), noun="user"), Vocabulary(list(items), noun="item")
    columns = list(zip(*events, strict=True)) if events else [(), ()]
    names = ("values", "times")
    return Interactions.from_events(
        user_ids,
        item_ids,
        user_ids.rows(columns[0]),
        item_ids.rows(columns[1]),
        **dict(zip(names, (np.array(c) for c in columns[2:]), strict=False)) | settings,
        explicit=explicit,
    )


def content(interactions, column=None):
    """``{user + item: value}``, or times or weights instead of values."""
    table = interactions.by_user
    values = table.filled_values() if column is None else getattr(table, column)
    users, items = interactions.users.ids[table.row_of()], interactions.items.ids[table.indices]
    return {u + i: v for u, i, v in zip(users, items, values.tolist(), strict=True)}


def check_whole(interactions):
    """What holds for all interactions."""
    by_user, by_item = interactions.by_user, interactions.by_item
    assert by_user.counts().all()
    assert by_item.counts().all()
    assert (by_user.rows, by_user.columns) == (len(interactions.users), len(interactions.items))
    assert by_item.same(by_user.transpose())
    assert by_item.times is None
    for name, table in interactions.signals:
        assert name in interactions.kinds
        assert (table.rows, table.columns) == (by_user.rows, by_user.columns)
        assert table.within(by_user).all()


event = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from("uvwxyz"),
    st.integers(1, 20).map(lambda n: n / 4),
    st.integers(0, 5),
)
events = st.lists(event, min_size=1, max_size=40)


@given(events, st.booleans())
def test_defaults_for_duplicates(events, explicit):
    interactions = make(events, explicit=explicit)
    check_whole(interactions)
    expected = {}
    if explicit:
        for user, item, value, _ in sorted(events, key=lambda event: event[3]):
            expected[user + item] = value
    else:
        for user, item, value, _ in events:
            expected[user + item] = expected.get(user + item, 0) + value
    assert content(interactions) == expected
    assert set(interactions.users) == {event[0] for event in events}
    assert list(interactions.users) == sorted(interactions.users)
    latest = {}
    for user, item, _, time in events:
        latest[user + item] = max(time, latest.get(user + item, 0))
    assert content(interactions, "times") == latest


@pytest.mark.parametrize(
    ("duplicates", "value", "time"),
    [("last", 2, 9), ("first", 1, 1), ("max", 6, 5), ("sum", 9, 9), ("mean", 3, 9), (None, 2, 9)],
)
def test_rules_for_duplicates(duplicates, value, time):
    events = [("a", "u", 6, 5), ("a", "u", 2, 9), ("a", "u", 1, 1)]
    interactions = make(events, duplicates=duplicates)
    assert content(interactions) == {"au": value}
    assert content(interactions, "times") == {"au": time}


def test_without_times_the_last_in_input_order_stays():
    interactions = make([("a", "u", 5.0), ("a", "u", 2.0)])
    assert content(interactions) == {"au": 2.0}
    assert not interactions.has_times


def test_ids_that_do_not_occur_are_dropped_and_order_is_kept():
    interactions = make([("e", "z", 1.0), ("b", "v", 2.0)])
    assert list(interactions.users) == ["b", "e"]
    assert list(interactions.items) == ["v", "z"]
    assert (interactions.n_users, interactions.n_items, interactions.n_events, len(interactions)) == (
        2,
        2,
        2,
        2,
    )
    np.testing.assert_array_equal(interactions.user_rows(), [0, 1])
    check_whole(interactions)


def test_one_user():
    interactions = make([("a", "u", 4.0), ("a", "v", 5.0)])
    assert str(interactions) == "1 user, 2 items, 2 ratings 4.0..5.0, 0.0 % empty"


def test_ones_take_no_memory():
    assert make([("a", "u"), ("b", "u")], explicit=False).by_user.values is None
    assert make([("a", "u", 1.0), ("b", "u", 1.0)], explicit=False).by_item.values is None


@pytest.mark.parametrize(
    ("rows", "kind"),
    [(np.int32, "int32"), (np.uint32, "uint32"), (np.int64, "int64"), (np.uint8, "uint8"), (list, "list")],
)
def test_types_of_rows(rows, kind):
    users, items = Vocabulary([1, 2, 3], noun="user"), Vocabulary([7, 8], noun="item")
    convert = list if rows is list else lambda data: np.array(data, dtype=rows)
    interactions = Interactions.from_events(users, items, convert([2, 0]), convert([1, 0]), explicit=False)
    assert list(interactions.users) == [1, 3], kind
    assert list(interactions.items) == [7, 8]


@pytest.mark.parametrize(
    "times", [np.array(["2020-01-02", "2020-01-01"], dtype="datetime64[D]"), [1577923200, 1577836800]]
)
def test_types_of_times(times):
    interactions = make([("a", "u"), ("b", "u")], times=np.array(times))
    assert content(interactions, "times") == {"au": 1577923200, "bu": 1577836800}


# Bad input


@pytest.mark.parametrize(
    ("events", "settings", "error", "message"),
    [
        ([], {}, EmptyError, "there are no events; check the source"),
        (
            [("a", "u", 1.0), ("b", "v", float("nan"))],
            {},
            BadRowError,
            r"event at position 1 \(user 'b', item 'v'\): rating nan is not a finite number of float32; drop",
        ),
        ([("a", "u", np.inf)], {"explicit": False}, BadRowError, "weight inf is not a finite number"),
        ([("a", "u", 1e300)], {}, BadRowError, "rating inf is not a finite number of float32"),
        (
            [("a", "u", 1.0), ("b", "v", -2.0)],
            {"explicit": False},
            BadRowError,
            r"event at position 1 \(user 'b', item 'v'\): weight -2.0 is negative; .* pass the column as rating=",
        ),
        ([("a", "u", 0.0)], {"explicit": False}, EmptyError, "every event has weight 0"),
        ([("a", "u", "5")], {}, InputError, "values must be numbers; got <U1"),
        (
            [("a", "u", 1.0)],
            {"values": [1.0, 2.0]},
            InputError,
            r"values must have one element per event \(1\)",
        ),
        ([("a", "u")], {"times": [1, 2]}, InputError, "times must have one element per event"),
        (
            [("a", "u")],
            {"times": [1.5]},
            InputError,
            "times must be whole Unix seconds or datetime64; got float64",
        ),
        (
            [("a", "u")],
            {"times": np.array(["NaT"], dtype="datetime64[s]")},
            BadRowError,
            r"event at position 0 \(user 'a', item 'u'\): the time is missing",
        ),
        (
            [("a", "u")],
            {"times": np.array([2**63], dtype=np.uint64)},
            BadRowError,
            "time 9223372036854775808 is outside int64",
        ),
        ([("a", "u")], {"weights": [0.0]}, BadRowError, "weight 0.0 must be > 0"),
        ([("a", "u")], {"weights": [np.nan]}, BadRowError, "weight nan is not a finite number"),
        ([("a", "u")], {"weights": [0.5], "explicit": False}, InputError, "weights go with ratings"),
        ([("a", "u")], {"kinds": [0]}, InputError, "kind 0 at position 0 is outside the 0 kind_names given"),
        (
            [("a", "u")],
            {"kinds": [0.5], "kind_names": ["x"]},
            InputError,
            "kinds must be positions in kind_names; got float64",
        ),
        (
            [("a", "u")],
            {"event_weights": {"x": 1}},
            ParameterError,
            "event_weights needs the kind of each event",
        ),
        (
            [("a", "u")],
            {"duplicates": "newest"},
            ParameterError,
            "duplicates must be one of 'last', .* got 'newest'",
        ),
        (
            [("a", "u", 7.0)],
            {"scale": (1, 5)},
            ParameterError,
            "scale must contain all ratings, 7 to 7; got 1 to 5",
        ),
        (
            [("a", "u", 3e38), ("a", "u", 3e38)],
            {"duplicates": "sum"},
            BadRowError,
            "events of user 'a' and item 'u', weighted and merged, leave the range of float32",
        ),
    ],
)
def test_bad_events(events, settings, error, message):
    with pytest.raises(error, match=message):
        make(events, **settings)


@pytest.mark.parametrize(
    ("user_rows", "item_rows", "message"),
    [
        ([0, 2], [0, 0], "user row 2 at position 1 is outside the 2 users given"),
        ([0, 1], [0, -1], "item row -1 at position 1 is outside the 1 items given"),
        ([0, 1], [0], r"item_rows must have one element per event \(2\); got shape \(1,\)"),
        ([0.0, 1.0], [0, 0], "user_rows must be integers in one dimension; got float64"),
        ([[0]], [0], r"user_rows must be integers in one dimension; got int64 of shape \(1, 1\)"),
    ],
)
def test_bad_rows(user_rows, item_rows, message):
    users, items = Vocabulary(["a", "b"], noun="user"), Vocabulary(["u"], noun="item")
    with pytest.raises(InputError, match=message):
        Interactions.from_events(users, items, user_rows, item_rows, explicit=True)


def test_implicit_events_of_weight_zero_are_dropped_and_counted():
    interactions = make([("a", "u", 0), ("b", "v", 2), ("c", "v", 0.0)], explicit=False, skipped=3)
    assert content(interactions) == {"bv": 2}
    assert interactions.skipped == 5
    assert str(interactions) == "1 user, 1 item, 1 event of weight 2.0..2.0, 0.0 % empty, 5 rows skipped"


def test_ratings_may_be_negative_or_zero():
    interactions = make([("a", "u", -10), ("b", "v", 0)])
    assert content(interactions) == {"au": -10, "bv": 0}
    assert interactions.scale == (-10, 0)


def test_frozen():
    interactions = make([("a", "u", 3.0, 1), ("b", "u", 4.0, 2)], weights=[0.5, 0.25])
    for table in (interactions.by_user, interactions.by_item):
        for name in ("indptr", "indices", "values", "weights"):
            assert not getattr(table, name).flags.writeable
    with pytest.raises(AttributeError):
        interactions.scale = (0, 1)
    clone = pickle.loads(pickle.dumps(interactions))
    assert clone.users == interactions.users
    assert clone.by_user.same(interactions.by_user)
    check_whole(clone)


# Scale


def test_scale_is_of_the_ratings_as_read_and_survives():
    interactions = make([("a", "u", 0.5, 1), ("a", "u", 3.0, 2), ("a", "v", 5.0, 1), ("b", "v", 4.0, 1)])
    assert interactions.scale == (0.5, 5.0)  # 0.5 itself was replaced by a later rating
    assert interactions.filter(users=["b"]).scale == (0.5, 5.0)
    assert interactions.select([0]).scale == (0.5, 5.0)
    assert make([("a", "u", 3.0)], scale=(1, 5)).scale == (1, 5)
    assert interactions.merge(make([("a", "u", 6.0, 1)])).scale == (0.5, 6.0)
    assert interactions.as_implicit().scale is None
    assert make([("a", "u", 3.0), ("a", "u", 4.0)], duplicates="sum").scale == (3, 7)
    assert make([("a", "u")]).scale == (1, 1)


# Summary


def test_summary_of_ratings():
    events = [("a", "u", 0.5, 828_057_600), ("a", "v", 5, 0), ("b", "v", 4, 1_537_799_250)]
    assert str(make(events)) == "2 users, 2 items, 3 ratings 0.5..5.0, 25.0 % empty, 1970-01-01..2018-09-24"
    assert repr(make(events)) == str(make(events))


def test_summary_of_events():
    assert str(make([("a", "u"), ("b", "v")], explicit=False)) == "2 users, 2 items, 2 events, 50.0 % empty"
    counted = make([("a", "u", 1), ("b", "v", 1250)], explicit=False, skipped=1)
    assert str(counted) == "2 users, 2 items, 2 events of weight 1.0..1250.0, 50.0 % empty, 1 row skipped"


def test_summary_names_weights_and_kinds():
    weighted = make([("a", "u", 4.0), ("b", "v", 5.0)], weights=[0.123456, 1])
    assert str(weighted) == "2 users, 2 items, 2 ratings 4.0..5.0, weights 0.123..1.0, 50.0 % empty"
    kinds = make([("a", "u"), ("b", "v")], explicit=False, kinds=[0, 1], kind_names=["view", "cart"])
    assert str(kinds) == "2 users, 2 items, 2 events, kinds view/cart, 50.0 % empty"


def test_summary_groups_thousands_and_is_never_wholly_empty():
    n = 3000
    ids = Vocabulary(range(n), noun="user"), Vocabulary(range(n), noun="item")
    interactions = Interactions.from_events(*ids, np.arange(n), np.arange(n), explicit=False)
    assert str(interactions) == "3,000 users, 3,000 items, 3,000 events, 99.97 % empty"


# Filters


RATINGS = [
    ("a", "u", 5.0, 0 * DAY),
    ("a", "v", 4.0, 1 * DAY),
    ("a", "w", 3.0, 2 * DAY),
    ("b", "u", 2.0, 3 * DAY),
    ("b", "v", 1.0, 4 * DAY),
    ("c", "w", 5.0, 5 * DAY),
]


@pytest.mark.parametrize(
    ("conditions", "left"),
    [
        ({}, "au av aw bu bv cw"),
        ({"users": ["a", "c"]}, "au av aw cw"),
        ({"items": ["u"]}, "au bu"),
        ({"users": ["a"], "items": ["u", "w"]}, "au aw"),
        ({"since": 2 * DAY}, "aw bu bv cw"),
        ({"until": 2 * DAY}, "au av"),
        ({"since": "1970-01-03", "until": date(1970, 1, 5)}, "aw bu"),
        ({"since": datetime(1970, 1, 5, 0, 0, 0, 1)}, "cw"),
        ({"min_user_events": 2}, "au av aw bu bv"),
        ({"min_user_events": 3}, "au av aw"),
        ({"min_item_events": 2}, "au av aw bu bv cw"),
        ({"min_user_events": 2, "min_item_events": 2}, "au av bu bv"),
        ({"min_user_events": 2, "users": ["a", "b"], "items": ["u", "v"]}, "au av bu bv"),
    ],
)
def test_filter(conditions, left):
    interactions = make(RATINGS)
    filtered = interactions.filter(**conditions)
    assert " ".join(content(filtered)) == left
    check_whole(filtered)
    whole = content(interactions)
    assert content(filtered) == {pair: whole[pair] for pair in left.split()}


def test_filter_that_leaves_nothing_says_what_removed_what():
    with pytest.raises(
        EmptyError,
        match=r"the filter leaves no event out of 6: users removed 3 events; items removed 0 events; "
        r"since=1970-01-04 removed 0 events; until=345600 removed 2 events; "
        r"min_user_events=2 with min_item_events=3 removed 1 event; relax it",
    ):
        make(RATINGS).filter(
            users=["b", "c"],
            items=["u", "v", "w"],
            since="1970-01-04",
            until=4 * DAY,
            min_user_events=2,
            min_item_events=3,
        )


def test_filter_refuses():
    interactions = make(RATINGS)
    with pytest.raises(UnknownUserError, match="unknown user 'x'"):
        interactions.filter(users=["a", "x"])
    with pytest.raises(UnknownItemError, match="unknown item 'a'"):
        interactions.filter(items=["a"])
    with pytest.raises(ParameterError, match="min_item_events must be a whole number >= 1; got 0"):
        interactions.filter(min_item_events=0)
    with pytest.raises(ParameterError, match="since must be a date"):
        interactions.filter(since="soon")
    timeless = make([("a", "u", 1.0)])
    for name in ("since", "until"):
        with pytest.raises(InputError, match=f"{name} needs the times of events and there are none"):
            timeless.filter(**{name: 0})


@given(events, st.randoms())
def test_select(events, random):
    interactions = make(events)
    mask = np.array([random.random() < 0.5 for _ in range(len(interactions))])
    if not mask.any():
        with pytest.raises(EmptyError, match=f"no event is chosen out of {len(interactions)}"):
            interactions.select(mask)
        return
    part = interactions.select(mask)
    check_whole(part)
    whole = content(interactions)
    assert content(part) == {pair: whole[pair] for pair, stays in zip(whole, mask, strict=True) if stays}
    assert interactions.select(np.flatnonzero(mask)).by_user.same(part.by_user)


# Implicit


def test_as_implicit():
    implicit = make(RATINGS).as_implicit(at_least=4)
    assert content(implicit) == {"au": 1, "av": 1, "cw": 1}
    assert implicit.by_user.values is None
    assert not implicit.explicit
    assert implicit.has_times
    check_whole(implicit)
    assert len(make(RATINGS).as_implicit()) == 6
    counts = make([("a", "u", 3), ("b", "u", 1)], explicit=False)
    assert content(counts.as_implicit(2)) == {"au": 1}


def test_as_implicit_keeps_the_decay_of_ratings():
    decayed = make(RATINGS).decay("1d").as_implicit(at_least=4)
    assert content(decayed) == {"au": 2**-5, "av": 2**-4, "cw": 1}
    assert decayed.by_user.weights is None
    check_whole(decayed)


def test_as_implicit_refuses():
    with pytest.raises(EmptyError, match="no value is at least 6; the highest is 5"):
        make(RATINGS).as_implicit(6)
    for value in ("4", float("nan"), True):
        with pytest.raises(ParameterError, match="at_least must be a finite number; got"):
            make(RATINGS).as_implicit(value)


def test_decay_of_ratings_changes_weights():
    decayed = make(RATINGS, weights=[1, 1, 0.5, 1, 1, 1]).decay("1d")
    assert content(decayed) == content(make(RATINGS))
    assert content(decayed, "weights") == {
        "au": 2**-5,
        "av": 2**-4,
        "aw": 2**-4,
        "bu": 0.25,
        "bv": 0.5,
        "cw": 1,
    }
    check_whole(decayed)


def test_decay_of_events_changes_values():
    decayed = make([("a", "u", 8, 0), ("b", "v", 4, DAY), ("c", "w", 2, 2 * DAY)], explicit=False).decay("1d")
    assert content(decayed) == {"au": 2, "bv": 2, "cw": 2}
    assert decayed.by_user.weights is None
    check_whole(decayed)


def test_decay_from_another_moment_and_over_ages():
    interactions = make([("a", "u", 1, 0), ("b", "v", 1, 2 * DAY)], explicit=False)
    assert content(interactions.decay("1d", now=DAY)) == {"au": 0.5, "bv": 1}  # later events count in full
    tiny = content(interactions.decay("1s", now="2020-01-01"))
    assert set(tiny.values()) == {float(np.finfo(np.float32).tiny)}


def test_decay_refuses():
    with pytest.raises(InputError, match="decay needs the times of events and there are none"):
        make([("a", "u")]).decay()
    with pytest.raises(ParameterError, match="half_life must be a duration above 0"):
        make(RATINGS).decay("soon")
    with pytest.raises(ParameterError, match="now must be a date"):
        make(RATINGS).decay(now="soon")


# Kinds


SHOP = [("a", "u", 1, 0), ("a", "u", 2, DAY), ("a", "v", 1, 0), ("b", "v", 1, 2 * DAY), ("c", "w", 3, 0)]
KINDS = {"kinds": [0, 2, 0, 1, 0], "kind_names": ("view", "cart", "buy", "return")}


def shop(**settings):
    return make(SHOP, explicit=False, **KINDS | settings)


def test_kinds_are_weighted_together_and_kept_apart():
    interactions = shop(event_weights={"view": 1, "cart": 3, "buy": 10, "return": 1})
    assert content(interactions) == {"au": 21, "av": 1, "bv": 3, "cw": 3}
    assert interactions.kinds == ("view", "cart", "buy")
    check_whole(interactions)
    assert content(interactions.only("view")) == {"au": 1, "av": 1, "cw": 3}
    assert content(interactions.only("buy")) == {"au": 2}
    assert content(interactions.only("buy"), "times") == {"au": DAY}
    cart = interactions.only("cart")
    assert (list(cart.users), list(cart.items), cart.kinds) == (["b"], ["v"], ())
    check_whole(cart)
    assert content(shop()) == {"au": 3, "av": 1, "bv": 1, "cw": 3}


def test_kinds_survive_filters():
    filtered = shop().filter(users=["a"])
    assert filtered.kinds == ("view", "buy")
    check_whole(filtered)
    assert content(filtered.only("view")) == {"au": 1, "av": 1}
    late = shop().filter(since=DAY)
    assert late.kinds == ("view", "cart", "buy")
    assert content(late.only("view")) == {"au": 1}


def test_kinds_decay_each_by_its_own_times():
    decayed = shop().decay("1d")
    assert content(decayed.only("view")) == {"au": 0.25, "av": 0.25, "cw": 0.75}
    assert content(decayed.only("buy")) == {"au": 1}
    assert content(shop().as_implicit(2).only("view")) == {"au": 1, "cw": 1}


def test_weights_of_kinds_of_ratings_become_weights():
    ratings = make(
        [("a", "u", 5.0), ("b", "u", 3.0)],
        kinds=[0, 1],
        kind_names=["web", "app"],
        event_weights={"web": 0.5, "app": 1},
    )
    assert content(ratings) == {"au": 5, "bu": 3}
    assert content(ratings, "weights") == {"au": 0.5, "bu": 1}
    assert ratings.only("web").by_user.weights is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            {"view": 1, "cart": 2, "return": 1},
            "event_weights has no weight for 'buy'; kinds of event here are 'view', 'cart'",
        ),
        ({"view": 0}, r"event_weights\['view'\] must be a finite number > 0; got 0; to leave a kind out"),
        ({"view": -1}, "must be a finite number > 0; got -1"),
        ({"view": float("nan")}, "must be a finite number > 0; got nan"),
        ({"view": "1"}, "must be a finite number > 0; got '1'"),
        ({"view": True}, "must be a finite number > 0; got True"),
    ],
)
def test_bad_event_weights(weights, message):
    with pytest.raises(ParameterError, match=message):
        shop(event_weights=weights)


def test_event_weights_out_of_range():
    with pytest.raises(
        BadRowError, match="user 'c' and item 'w', weighted and merged, leave the range of float32"
    ):
        shop(event_weights={"view": 1.5e38, "cart": 1, "buy": 1, "return": 1})


def test_unknown_kind():
    with pytest.raises(
        ParameterError, match="no events of kind 'sale'; kinds here are 'view', 'cart', 'buy'"
    ):
        shop().only("sale")
    with pytest.raises(
        ParameterError, match=r"no events of kind 'sale'; no kinds were given: name their column"
    ):
        make(RATINGS).only("sale")


# Merging


@given(events, events, st.booleans())
def test_merge_equals_reading_both_at_once(old, new, explicit):
    merged = make(old, explicit=explicit).merge(make(new, explicit=explicit))
    check_whole(merged)
    assert content(merged) == content(make(old + new, explicit=explicit))
    before = make(old, explicit=explicit).users
    assert list(merged.users)[: len(before)] == list(before)


def test_merge_appends_ids_and_adds_up_skipped_rows():
    old, new = make([("c", "u", 1.0)], skipped=1), make([("a", "v", 2.0), ("c", "u", 3.0)], skipped=2)
    merged = old.merge(new)
    assert (list(merged.users), list(merged.items), merged.skipped) == (["c", "a"], ["u", "v"], 3)
    assert content(merged) == {"cu": 3, "av": 2}
    assert content(old.merge(new, duplicates="sum")) == {"cu": 4, "av": 2}


def test_merge_with_itself():
    ratings, clicks = make(RATINGS), make(RATINGS, explicit=False)
    assert ratings.merge(ratings).by_user.same(ratings.by_user)
    assert content(clicks.merge(clicks)) == {pair: 2 * value for pair, value in content(clicks).items()}


def test_merge_fills_weights_with_ones():
    merged = make([("a", "u", 1.0)], weights=[0.5]).merge(make([("b", "u", 1.0)]))
    assert content(merged, "weights") == {"au": 0.5, "bu": 1}


def test_merge_of_times_and_kinds():
    plain, timed, kinds = make([("a", "u")], explicit=False), make(SHOP, explicit=False), shop()
    assert not plain.merge(timed).has_times
    with pytest.raises(InputError, match="the events to merge in have no times; read them with timestamp="):
        timed.merge(plain)
    assert timed.merge(kinds).kinds == ()
    with pytest.raises(InputError, match="the events to merge in have no kinds; read them with event="):
        kinds.merge(timed)
    other = make([("f", "u", 1, 0)], explicit=False, kinds=[0], kind_names=["like"])
    merged = kinds.merge(kinds).merge(other)
    check_whole(merged)
    assert merged.kinds == ("view", "cart", "buy", "like")
    assert content(merged.only("view")) == {"au": 2, "av": 2, "cw": 6}
    assert content(merged.only("like")) == {"fu": 1}


def test_merge_refuses_another_sort():
    with pytest.raises(
        InputError, match=r"ratings and implicit events cannot be merged; use as_implicit\(\)"
    ):
        make([("a", "u")]).merge(make([("a", "u")], explicit=False))
    numbers = Vocabulary([1], noun="user"), Vocabulary([1], noun="item")
    with pytest.raises(InputError, match="user ids here are strings, the new ones integers"):
        make([("a", "u")]).merge(Interactions.from_events(*numbers, [0], [0], explicit=True))


# Tables


def test_to_polars():
    frame = make([("b", "u", 2.0, DAY), ("a", "v", 1.0, 0)], weights=[0.5, 1]).to_polars()
    assert frame.schema == {
        "user": pl.String,
        "item": pl.String,
        "rating": pl.Float32,
        "weight": pl.Float32,
        "timestamp": pl.Datetime("us"),
    }
    assert frame.rows() == [("a", "v", 1, 1, datetime(1970, 1, 1)), ("b", "u", 2, 0.5, datetime(1970, 1, 2))]


def test_to_polars_of_events():
    ids = Vocabulary([7], noun="user"), Vocabulary([9], noun="item")
    frame = Interactions.from_events(*ids, [0], [0], explicit=False).to_polars()
    assert frame.schema == {"user": pl.Int64, "item": pl.Int64, "weight": pl.Float32}
    assert frame.rows() == [(7, 9, 1.0)]


def test_to_scipy():
    interactions = make(RATINGS)
    matrix = interactions.to_scipy()
    assert matrix.format == "csr"
    np.testing.assert_array_equal(matrix.toarray(), [[5, 4, 3], [2, 1, 0], [0, 0, 5]])
