"""The training side of a split, split once more in the same manner."""

import numpy as np
import pytest

import tastespace as ts
from tests.models.worlds import world


def timed():
    ratings = world(60, 40, 0.4)
    times = np.random.default_rng(0).integers(10**9, 10**9 + 10**6, ratings.n_events)
    return ts.Interactions.from_events(
        ratings.users,
        ratings.items,
        ratings.user_rows(),
        ratings.by_user.indices,
        values=ratings.by_user.values,
        times=times,
        explicit=True,
    )


SPLITS = {
    "random": lambda r: ts.split.random(r, 0.3, seed=4),
    "stratified": lambda r: ts.split.stratified(r, test=0.25),
    "last_out": lambda r: ts.split.last_out(r, n=2),
    "leave_one_out": lambda r: ts.split.leave_one_out(r, seed=3),
    "users_out": lambda r: ts.split.users_out(r, users=0.2, known=0.5),
    "items_out": lambda r: ts.split.items_out(r, 0.2),
}


@pytest.mark.parametrize("name", SPLITS)
def test_again_is_the_same_call_on_the_training_side(name):
    split = SPLITS[name](timed())
    again, by_hand = split.recipe.again(split.train), SPLITS[name](split.train)
    assert again.how == by_hand.how
    for side in ("train", "test", "known"):
        a, b = getattr(again, side), getattr(by_hand, side)
        assert (a is None) == (b is None)
        if a is not None:
            assert np.array_equal(a.by_user.indices, b.by_user.indices)
            assert np.array_equal(a.users.ids, b.users.ids)
    assert again.recipe is not None


@pytest.mark.parametrize("at", [0.7, 10**9 + 700_000])
def test_a_cut_in_time_leaves_the_same_share_again(at):
    split = ts.split.by_time(timed(), at)
    again = split.recipe.again(split.train)
    share = split.train.n_events / (split.train.n_events + split.test.n_events)
    assert again.train.n_events / split.train.n_events == pytest.approx(share, abs=0.01)
    assert again.train.by_user.times.max() < again.test.by_user.times.min()


def test_windows_and_folds():
    ratings = timed()
    for split in ts.split.rolling(ratings, windows=2):
        again = split.recipe.again(split.train)
        assert again.train.by_user.times.max() < again.test.by_user.times.min()
    for stratified in (False, True):
        fold = ts.split.kfold(ratings, 4, seed=2, stratified=stratified)[1]
        again = fold.recipe.again(fold.train)
        assert again.test.n_events == pytest.approx(fold.train.n_events / 4, rel=0.1)
        assert again.how.startswith("stratified" if stratified else "random")


def test_a_split_by_hand_has_none():
    train, test = ts.split.random(timed())
    assert ts.Split(train, test, "by hand").recipe is None


def test_events_may_be_named():
    ratings = timed()
    split = ts.split.random(ratings=ratings, test=0.3)
    assert dict(split.recipe.settings) == {"test": 0.3}
    assert split.recipe.again(split.train).train.n_events < split.train.n_events
