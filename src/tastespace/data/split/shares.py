"""Shares of the events by chance: of all together, or of each user."""

from dataclasses import replace

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.split.checks import events_of, generator, is_whole, share
from tastespace.data.split.order import places_within_users, shuffled_within_users
from tastespace.data.split.parts import Split, parted
from tastespace.data.split.recipe import Recipe, remembered
from tastespace.errors import ParameterError


@remembered
def random(ratings: Interactions, test: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share of the events.

    Every event is as likely to be held out as any other, whoever its user is. The draw is one permutation by
    NumPy's PCG64 of the events in ``by_user`` order.

    When to use: for filling gaps in a table whose events have no order, such as ratings of a survey, and for comparing
    with papers that split so. Not for saying how well a recommender will do tomorrow: training then knows events that
    came after the tested ones.

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
    share(test, "test", "the events")
    n = ratings.n_events
    held = np.zeros(n, dtype=bool)
    held[generator(seed).permutation(n)[: round(n * test)]] = True
    return parted(ratings, held, f"random, {test:.4g} of the events, seed {seed}")


@remembered
def stratified(ratings: Interactions, test: float = 0.2, seed: int = 0) -> Split:
    """Hold out the same random share of the events of each user.

    The number of a user's held-out events is rounded to the nearest, halves to the even one, and always leaves the
    user at least one event in training. Users of whom nothing is held out stay wholly in training and are counted.

    When to use: like :func:`random`, where every user shall be tested and none shall be left without training events;
    the usual protocol for comparing models on one table. Random as it is, it knows the future just as much.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    test
        Share of each user's events that are held out, above 0 and below 1.
    seed
        Whole number >= 0; the same seed gives the same split.

    Raises
    ------
    ParameterError
        If ``test`` or ``seed`` are out of range.
    EmptyError
        If no user has enough events.
    """
    share(test, "test", "each user's events")
    rng = generator(seed)
    counts = ratings.by_user.counts()
    sizes = np.minimum(np.rint(counts * test).astype(np.int64), counts - 1)
    held = np.zeros(ratings.n_events, dtype=bool)
    order = shuffled_within_users(ratings, rng)
    held[order] = places_within_users(ratings) < np.repeat(sizes, counts)
    how = f"stratified, {test:.4g} of each user's events, seed {seed}"
    whole = int(np.count_nonzero(sizes == 0))
    return parted(ratings, held, how + (f", users with too few, wholly in train {whole:,}" if whole else ""))


_stratified = stratified  # `kfold` has a parameter of that name


def kfold(ratings: Interactions, k: int = 5, seed: int = 0, *, stratified: bool = False) -> list[Split]:
    """Shuffle the events and cut them into `k` parts; each is the test side of one split.

    Sizes of the parts differ by one event at most, and so do, if stratified, those of every user's parts. The shuffle
    is one permutation by NumPy's PCG64 of the events in ``by_user`` order.

    When to use: on small tables, where one test part is too small to tell two models apart: each event is tested
    once, at `k` times the price. Stratified where users have few events. What :func:`random` knows of the future, every
    fold knows too.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    k
        Number of folds, from 2 to the number of events.
    seed
        Whole number >= 0; the same seed gives the same folds.
    stratified
        Spread each user's events evenly over the folds, so that users with two events or more keep some of them in
        every training part.

    Raises
    ------
    InputError
        If these are no events.
    ParameterError
        If ``k`` or ``seed`` are out of range, or ``stratified`` is no boolean.
    """
    n = events_of(ratings, "kfold").n_events
    if not is_whole(k) or not 2 <= k <= n:
        raise ParameterError(f"k must be a whole number from 2 to the number of events ({n:,}); got {k!r}")
    if not isinstance(stratified, bool):
        raise ParameterError(f"stratified must be True or False; got {stratified!r}")
    rng = generator(seed)
    if stratified:
        # Dealt out like cards, user after user: no one gets two from a user before everyone had one.
        order = shuffled_within_users(ratings, rng)
        parts = [order[fold::k] for fold in range(k)]
    else:
        parts = np.array_split(rng.permutation(n), k)
    recipe = Recipe(_stratified if stratified else random, {"test": 1 / k, "seed": seed})
    within = " within each user" if stratified else ""
    splits = []
    for fold, part in enumerate(parts, start=1):
        held = np.zeros(n, dtype=bool)
        held[part] = True
        split = parted(ratings, held, f"fold {fold} of {k}{within}, seed {seed}")
        splits.append(replace(split, recipe=recipe))
    return splits
