"""The training side of a split, split once more in the same manner."""

import copy
import pickle

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.split.recipe import Recipe, following
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
    "random": lambda r, seed: ts.split.random(r, 0.3, seed=seed),
    "stratified": lambda r, seed: ts.split.stratified(r, test=0.25, seed=seed),
    "last_out": lambda r, seed: ts.split.last_out(r, n=2, seed=seed),
    "leave_one_out": lambda r, seed: ts.split.leave_one_out(r, seed=seed),
    "users_out": lambda r, seed: ts.split.users_out(r, users=0.2, known=0.5, seed=seed),
    "items_out": lambda r, seed: ts.split.items_out(r, 0.2, seed=seed),
}


@pytest.mark.parametrize("name", SPLITS)
def test_again_is_the_same_call_on_the_training_side_with_the_seed_that_follows(name):
    split = SPLITS[name](timed(), 4)
    again, by_hand = split.recipe.again(split.train), SPLITS[name](split.train, following(4))
    assert again.how == by_hand.how
    assert name == "last_out" or f"seed {following(4)}" in again.how
    for side in ("train", "test", "known"):
        a, b = getattr(again, side), getattr(by_hand, side)
        assert (a is None) == (b is None)
        if a is not None:
            assert np.array_equal(a.by_user.indices, b.by_user.indices)
            assert np.array_equal(a.users.ids, b.users.ids)
    assert again.recipe.settings["seed"] == following(4)
    third = again.recipe.again(again.train)
    assert third.recipe.settings["seed"] == following(following(4))


def table(users, items):
    """Everyone with everything."""
    return ts.Interactions.from_events(
        ts.Vocabulary(range(users), noun="user"),
        ts.Vocabulary(range(items), noun="item"),
        np.repeat(np.arange(users), items),
        np.tile(np.arange(items), users),
        explicit=False,
    )


def test_the_second_place_does_not_depend_on_the_first():
    """Two events of ten that are drawn one after the other have places with a correlation of -1/9."""
    first = ts.split.leave_one_out(table(4000, 10))
    second = first.recipe.again(first.train)
    places = [side.items.ids[side.by_user.indices] for side in (first.test, second.test)]
    assert np.corrcoef(*places)[0, 1] == pytest.approx(-1 / 9, abs=0.06)  # from one seed twice it is .95


def test_the_second_share_does_not_depend_on_the_first_draw():
    whole = table(200, 200)
    first = ts.split.random(whole, 0.3, seed=5)
    second = first.recipe.again(first.train)
    drawn = np.argsort(np.random.Generator(np.random.PCG64(5)).permutation(whole.n_events)).reshape(200, 200)
    held = np.zeros((200, 200))
    held[
        second.test.users.ids[second.test.user_rows()], second.test.items.ids[second.test.by_user.indices]
    ] = 1
    left = drawn >= 0.3 * whole.n_events
    assert not held[~left].any()
    assert abs(np.corrcoef(drawn[left], held[left])[0, 1]) < 5 / np.sqrt(left.sum())


def test_following_seeds_differ_from_each_other_and_from_their_own():
    seeds = [following(seed) for seed in (*range(1000), 2**40)]
    assert len({*seeds, *range(1000)}) == 2001
    assert following(np.int64(7)) == following(7)


def test_a_recipe_is_read_only_and_travels():
    split = ts.split.random(timed(), 0.3)
    with pytest.raises(TypeError, match="does not support item assignment"):
        split.recipe.settings["seed"] = 1
    given = {"test": 0.3}
    recipe = Recipe(ts.split.random, given)
    given["test"] = 0.9
    assert recipe.settings == {"test": 0.3}
    for other in (pickle.loads(pickle.dumps(split.recipe)), copy.deepcopy(split.recipe)):
        assert other == split.recipe


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
    assert split.recipe.settings == {"test": 0.3, "seed": 0}
    assert split.recipe.again(split.train).train.n_events < split.train.n_events
