"""Whole users or whole items held out."""

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.split.checks import generator, number_of, share
from tastespace.data.split.order import places_within_users, shuffled_within_users
from tastespace.data.split.parts import Split, parted, refuse_empty
from tastespace.data.split.recipe import remembered
from tastespace.errors import ParameterError


@remembered
def users_out(ratings: Interactions, users: float = 0.1, known: float = 0.8, seed: int = 0) -> Split:
    """Hold whole users out, and part their events into those that are known of them and those that are tested.

    Training holds nothing of these users. When they are tested, ``known`` places them by fold-in
    (`tastespace.evaluate` does so), and ``test`` is what they are compared with: strong generalization.

    When to use: where most users who will be served were not there when the model was trained, and for comparing with
    papers that follow Liang et al.; it measures fold-in, not the learned rows. For validation users besides, call it
    on the training side again, with another seed: ``inner = users_out(outer.train, seed=1)``. Users are drawn by
    chance, so training knows events of others that came after the tested ones.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    users
        How many users: a share of all, above 0 and below 1, or a whole number. They are drawn among those with two
        events or more, so that something is known of each and something tested.
    known
        Share of each held-out user's events that are known, above 0 and below 1; rounded to the nearest, halves to the
        even one, and leaving at least one event on either side.
    seed
        Whole number >= 0; the same seed gives the same split.

    Returns
    -------
    Split
        With ``known``.

    Raises
    ------
    ParameterError
        If a setting is out of range, or there are not so many users with two events.
    EmptyError
        If no user is left for training.

    References
    ----------
    D. Liang, R. G. Krishnan, M. D. Hoffman, T. Jebara, Variational autoencoders for collaborative filtering, WWW 2018.
    """
    number = number_of(users, "users", ratings.n_users)
    share(known, "known", "a held-out user's events")
    rng = generator(seed)
    counts = ratings.by_user.counts()
    able = np.flatnonzero(counts > 1)
    if number > len(able):
        raise ParameterError(
            f"users of users_out asks for {number:,} of {ratings.n_users:,} users, and {len(able):,} have two events "
            "or more; ask for fewer"
        )
    chosen = np.zeros(ratings.n_users, dtype=bool)
    chosen[rng.permutation(able)[:number]] = True
    how = (
        f"users out, {number:,} of {ratings.n_users:,} users, {known:.4g} of their events known, seed {seed}"
    )
    held = chosen[ratings.user_rows()]
    refuse_empty(ratings, how, train=~held)
    theirs = ratings.select(held)
    counts = theirs.by_user.counts()
    sizes = np.clip(np.rint(counts * known).astype(np.int64), 1, counts - 1)
    told = np.zeros(theirs.n_events, dtype=bool)
    told[shuffled_within_users(theirs, rng)] = places_within_users(theirs) < np.repeat(sizes, counts)
    return Split(ratings.select(~held), theirs.select(~told), how, known=theirs.select(told))


@remembered
def items_out(ratings: Interactions, items: float = 0.1, seed: int = 0) -> Split:
    """Hold whole items out: all their events are tested, and training knows none of them.

    When to use: for measuring what a model makes of new items. One that learns from events alone has never met them,
    and they count as misses in its rankings: what it scores here is the bar for models that know features of items.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    items
        How many items: a share of all, above 0 and below 1, or a whole number.
    seed
        Whole number >= 0; the same seed gives the same split.

    Raises
    ------
    ParameterError
        If a setting is out of range, or there are not so many items.
    EmptyError
        If one side would be empty.
    """
    number = number_of(items, "items", ratings.n_items)
    rng = generator(seed)
    if number > ratings.n_items:
        raise ParameterError(
            f"items of items_out asks for {number:,} items, and there are {ratings.n_items:,}"
        )
    chosen = np.zeros(ratings.n_items, dtype=bool)
    chosen[rng.permutation(ratings.n_items)[:number]] = True
    held = chosen[ratings.by_user.indices]
    return parted(ratings, held, f"items out, {number:,} of {ratings.n_items:,} items, seed {seed}")
