"""Broken arrays stop at the border of the native module: ValueError, whatever is wrong with them."""

import numpy as np
import pytest

import tastespace._native as _native

RANKED = np.array([[0, 1, 2], [3, -1, -1]], np.int32)
SCORES = np.array([[3, 2, 1], [1, -np.inf, -np.inf]], np.float32)
INDPTR = np.array([0, 1, 3])
ITEMS = np.array([2, 0, 3], np.int32)
USERS = np.array([0, 1], np.int32)


def ints(*values):
    return np.array(values, np.int32)


def offsets(*values):
    return np.array(values, np.int64)


#: A call of each function that works, by the names of the arguments, in order.
CALLS = {
    "first_fault": {"ranked": RANKED, "scores": SCORES, "items": 4, "threads": 1},
    "count_hits": {
        "ranked": RANKED, "indptr": INDPTR, "relevant": ITEMS, "cutoffs": [1, 3], "discounts": np.ones(3),
        "count": np.zeros((2, 2), np.int32), "first": np.zeros((2, 2), np.int32), "gain": np.zeros((2, 2)),
        "precision": np.zeros((2, 2)), "grades": np.ones(3, np.float32), "graded": np.zeros((2, 2)), "threads": 1,
    },
    "graded_ideals": {
        "indptr": INDPTR, "grades": np.ones(3, np.float32), "cutoffs": [1, 3], "discounts": np.ones(2),
        "out": np.zeros((2, 2)), "threads": 1,
    },
    "count_concordant": {"ranked": RANKED, "scores": SCORES, "indptr": INDPTR, "relevant": ITEMS, "threads": 1},
    "count_recommended": {"ranked": RANKED, "cutoffs": [1, 3], "counts": np.zeros((2, 4), np.int64)},
    "list_means": {
        "ranked": RANKED, "cutoffs": [1, 3], "values": np.ones(4), "out": np.zeros((2, 2)), "threads": 1,
    },
    "count_unexpected": {
        "ranked": RANKED, "indptr": INDPTR, "relevant": ITEMS, "order": ints(0, 1, 2, 3), "users": USERS,
        "known_indptr": INDPTR, "known": ITEMS, "cutoffs": [1, 3], "count": np.zeros((2, 2), np.int32), "threads": 1,
    },
    "gather_events": {
        "indptr": INDPTR, "indices": ITEMS, "values": np.ones(3, np.float32), "user_rows": USERS,
        "item_rows": ints(0, 1, 2, -1), "chosen": np.ones(3, bool), "keep_cold": False, "with_values": True,
        "threads": 1,
    },
    "common_events": {
        "users": USERS, "indptr": INDPTR, "indices": ITEMS, "known_indptr": INDPTR, "known": ITEMS, "threads": 2,
    },
    "sample_candidates": {
        "seed": 1, "keys": USERS, "items": 4, "negatives": 2, "weights": np.array([1, 2, 3, 4], np.uint64),
        "user_rows": USERS, "seen": (INDPTR, ITEMS), "tested": (INDPTR, ITEMS), "relevant": (INDPTR, ITEMS),
        "exclude_seen": True, "threads": 1,
    },
    "rank_candidates": {
        "indptr": INDPTR, "items": ITEMS, "scores": np.ones(3, np.float32), "places": 2, "threads": 1,
    },
}  # fmt: skip

ORDER = r"cut-offs must ascend from at least 1"
RISE = r"indptr must rise within 0\.\.=3 in 2 steps"
CSR = r"indptr must rise from 0 to 3 in 2 steps"
SHAPE = r"must be of shape \(2, 2\)"
STEPS = [offsets(), offsets(0, 3), offsets(0, 2, 1), offsets(-1, 1, 3), offsets(0, 1, 4)]

BROKEN = [
    ("first_fault", "scores", SCORES[:, :2], "scores of shape"),
    ("first_fault", "ranked", RANKED[:, :0], "at least one place"),
    ("first_fault", "ranked", RANKED[:, ::2], "ranked must be contiguous"),
    *[("count_hits", "indptr", steps, RISE) for steps in STEPS],
    *[("count_hits", "cutoffs", cutoffs, ORDER) for cutoffs in ([], [0, 1], [3, 1])],
    ("count_hits", "discounts", np.ones(2), "discounts must have 3 entries; got 2"),
    ("count_hits", "grades", np.ones(2, np.float32), "grades must have 3 entries; got 2"),
    ("count_hits", "grades", None, "must be given together"),
    *[("count_hits", name, np.zeros((2, 1), np.int32), rf"{name} {SHAPE}") for name in ("count", "first")],
    *[("count_hits", name, np.zeros((1, 2)), rf"{name} {SHAPE}") for name in ("gain", "precision", "graded")],
    *[("graded_ideals", "indptr", steps, RISE) for steps in STEPS],
    ("graded_ideals", "cutoffs", [2, 1], ORDER),
    ("graded_ideals", "discounts", np.ones(1), "1 discounts for 2 places"),
    ("graded_ideals", "out", np.zeros((2, 1)), r"out must be of shape \(2, 2\)"),
    *[("count_concordant", "indptr", steps, RISE) for steps in STEPS],
    ("count_concordant", "scores", SCORES[:1], "scores of shape"),
    ("count_recommended", "ranked", RANKED + 1, r"ranked must be in -1\.\.4"),
    ("count_recommended", "ranked", RANKED - 1, r"ranked must be in -1\.\.4"),
    ("count_recommended", "cutoffs", [3, 1], ORDER),
    ("count_recommended", "counts", np.zeros((1, 4), np.int64), r"counts must be of shape \(2, 4\)"),
    ("list_means", "values", np.ones(3), r"ranked must be in -1\.\.3"),
    ("list_means", "cutoffs", [], ORDER),
    ("list_means", "out", np.zeros((3, 2)), r"out must be of shape \(2, 2\)"),
    *[("count_unexpected", "indptr", steps, RISE) for steps in STEPS],
    ("count_unexpected", "order", ints(0, 1, 2), r"ranked must be in -1\.\.3"),
    ("count_unexpected", "order", ints(0, 1, 2, 4), r"order must be in 0\.\.4"),
    ("count_unexpected", "users", ints(0), "users must have 2 entries; got 1"),
    ("count_unexpected", "users", ints(0, 2), "rows must be in"),
    ("count_unexpected", "known_indptr", offsets(), "at least one offset"),
    ("count_unexpected", "known_indptr", offsets(0, 2, 1), "indptr points outside indices"),
    ("count_unexpected", "known", ints(0, 1, 4), r"indices must be in 0\.\.4"),
    ("count_unexpected", "cutoffs", [3, 1], ORDER),
    ("count_unexpected", "count", np.zeros((2, 1), np.int32), r"count must be of shape \(2, 2\)"),
    *[("gather_events", "indptr", steps, CSR) for steps in [*STEPS, offsets(1, 1, 3), offsets(0, 1, 2)]],
    ("gather_events", "indices", ints(0, 4, 1), r"indices must be in 0\.\.4"),
    ("gather_events", "indices", ints(0, -1, 1), r"indices must be in 0\.\.4"),
    ("gather_events", "values", np.ones(2, np.float32), "values must have 3 entries"),
    ("gather_events", "chosen", np.ones(4, bool), "chosen must have 3 entries"),
    *[("common_events", "indptr", steps, RISE) for steps in STEPS],
    ("common_events", "users", ints(0, 2), "rows must be in"),
    ("common_events", "known_indptr", offsets(), "at least one offset"),
    ("common_events", "known_indptr", offsets(0, 1, 4), "indptr points outside indices"),
    ("sample_candidates", "user_rows", ints(0), "user_rows must have 2 entries"),
    ("sample_candidates", "user_rows", ints(0, 2), "rows must be in"),
    ("sample_candidates", "weights", np.ones(3, np.uint64), "weights must have 4 entries"),
    ("sample_candidates", "weights", np.array([4, 3, 2, 1], np.uint64), "running sums, which ascend"),
    ("sample_candidates", "seen", (offsets(0, 1, 4), ITEMS), "indptr points outside indices"),
    *[("sample_candidates", "tested", (steps, ITEMS), RISE) for steps in STEPS],
    ("sample_candidates", "relevant", (INDPTR, ITEMS + np.int32(1)), r"indices must be in 0\.\.4"),
    *[("rank_candidates", "indptr", steps, r"must (rise|have)") for steps in STEPS if len(steps) != 2],
    ("rank_candidates", "scores", np.ones(2, np.float32), "scores must have 3 entries"),
]  # fmt: skip


def call(name, **changes):
    arguments = {
        key: value.copy() if isinstance(value, np.ndarray) and key in ("count", "first", "gain") else value
        for key, value in (CALLS[name] | changes).items()
    }
    return getattr(_native, name)(*arguments.values())


@pytest.mark.parametrize("name", CALLS)
def test_sound_arrays_pass(name):
    call(name)


@pytest.mark.parametrize(("name", "argument", "value", "message"), BROKEN)
def test_broken_arrays_are_refused(name, argument, value, message):
    with pytest.raises(ValueError, match=message):
        call(name, **{argument: value})


def test_lists_of_any_rows_are_counted_safely():
    # Equal and unknown rows are refused before; the sums stay within the arrays all the same.
    wild = np.array([[2, 2, 2], [2**31 - 1, -(2**31), 0]], np.int32)
    call("count_hits", ranked=wild)
    call("count_concordant", ranked=wild)
    assert call("first_fault", ranked=wild) == ("twice", 0, 1)


def test_histories_that_are_no_table():
    for indptr, indices in [(offsets(), ITEMS), (offsets(0, 2, 1), ITEMS), (INDPTR, ITEMS + np.int32(9))]:
        with pytest.raises(ValueError, match=r"(indptr must rise|indices must be in)"):
            _native.Audiences(indptr, indices, 4)
    audiences = _native.Audiences(INDPTR, ITEMS, 4)
    for ranked, cutoffs, out, message in [
        (RANKED + 1, [2, 3], np.zeros((2, 2)), r"ranked must be in -1\.\.4"),
        (RANKED, [3, 2], np.zeros((2, 2)), ORDER),
        (RANKED, [2, 3], np.zeros((1, 2)), r"out must be of shape \(2, 2\)"),
        (RANKED[:, :0], [2, 3], np.zeros((2, 2)), "at least one place"),
    ]:
        with pytest.raises(ValueError, match=message):
            audiences.diversity(ranked.astype(np.int32), cutoffs, 2, out, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *[({"indptr": steps}, RISE) for steps in STEPS],
        ({"relevant": ints(0, 4, 1)}, r"relevant must be in 0\.\.4"),
        ({"offset": np.zeros(1, np.float32)}, "1 offsets for 2 users"),
        ({"exclude": (offsets(), ITEMS, USERS)}, "at least one offset"),
        ({"exclude": (offsets(0, 1, 9), ITEMS, USERS)}, "indptr points outside indices"),
        ({"exclude": (INDPTR, ITEMS, ints(0, 2))}, "rows must be in"),
        ({"exclude": (INDPTR, ITEMS, ints(0))}, "1 exclusion rows for 2 users"),
    ],
)
def test_pairs_of_a_ranker_are_checked(changes, message):
    ranker = _native.Ranker(np.ones((4, 16), np.float32), 2, None)
    sound = {
        "users": np.ones((2, 16), np.float32), "offset": np.zeros(2, np.float32), "indptr": INDPTR,
        "relevant": ITEMS, "threads": 1, "exclude": (INDPTR, ITEMS, USERS),
    }  # fmt: skip
    ranker.concordance(*sound.values())
    with pytest.raises(ValueError, match=message):
        ranker.concordance(*(sound | changes).values())
