"""What every split returns: training and test events, and how they were parted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.data.split.leak import Leak
from tastespace.data.split.recipe import Recipe
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError


@dataclass(frozen=True)
class SplitCounts:
    """What of the test events the training events know.

    A user or item is warm when it occurs in training, else cold. An event is warm when both its user and its
    item are.

    Attributes
    ----------
    warm_users, cold_users, warm_items, cold_items, warm_events, cold_events
        Numbers in the test events.
    """

    warm_users: int
    cold_users: int
    warm_items: int
    cold_items: int
    warm_events: int
    cold_events: int


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training and test events; frozen, and unpacks into the two.

    Attributes
    ----------
    train, test
        Disjoint events; each holds only the ids that occur in it.
    how
        How it was made, in words.
    known
        For splits that hold whole users out: the events by which those users are known when they are tested.
    recipe
        How to split the training side in the same manner; None for a split that was put together by hand.

    Raises
    ------
    InputError
        If one of these is something else.
    """

    train: Interactions
    test: Interactions
    how: str
    known: Interactions | None = None
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        for name in ("train", "test", "known"):
            side = getattr(self, name)
            if not isinstance(side, Interactions) and not (name == "known" and side is None):
                raise InputError(
                    f"{name} of a Split must be Interactions; got {type(side).__name__}: make them with ts.read(...)"
                )
        if not isinstance(self.how, str):
            raise InputError(
                f"how of a Split must be text that says how it was made; got {type(self.how).__name__}"
            )
        if not isinstance(self.recipe, Recipe | None):
            raise InputError(
                f"recipe of a Split is what ts.split leaves there, or None; got {type(self.recipe).__name__}"
            )

    def __iter__(self) -> Iterator[Interactions]:
        yield self.train
        yield self.test

    def counts(self) -> SplitCounts:
        """Count the users, items and events of the test side that training knows."""
        users = _known(self.test.users, self.train.users)
        items = _known(self.test.items, self.train.items)
        warm = int(np.count_nonzero(users[self.test.user_rows()] & items[self.test.by_user.indices]))
        return SplitCounts(
            warm_users=int(users.sum()),
            cold_users=int((~users).sum()),
            warm_items=int(items.sum()),
            cold_items=int((~items).sum()),
            warm_events=warm,
            cold_events=self.test.n_events - warm,
        )

    def leak(self) -> Leak | None:
        """Compare the times of training and test events; None where they have none.

        Events by which held-out users are known are not training events, and are not looked at.
        """
        return Leak.between(self.train.users, self.train.by_user, self.test.users, self.test.by_user)

    def __repr__(self) -> str:
        n = self.counts()
        known = "" if self.known is None else f"; {self.known.n_events:,} known events of held-out users"
        return (
            f"{self.how}: {self.train.n_events:,} train and {self.test.n_events:,} test events, the latter with "
            f"users {n.warm_users:,} warm, {n.cold_users:,} cold; "
            f"items {n.warm_items:,} warm, {n.cold_items:,} cold; "
            f"events {n.warm_events:,} warm, {n.cold_events:,} cold{known}"
        )


def parted(
    ratings: Interactions, held: NDArray[np.bool_], how: str, *, given: NDArray[np.bool_] | None = None
) -> Split:
    """Split by a mask of test events (events,) and, where training takes not all others, of training events.

    What leaves users without training events says so in `how`.

    Raises
    ------
    EmptyError
        If one side would be empty.
    """
    given = ~held if given is None else given
    refuse_empty(ratings, how, train=given, test=held)
    users = ratings.user_rows()
    trained = np.bincount(users[given], minlength=ratings.n_users) > 0
    concerned = np.bincount(users[given | held], minlength=ratings.n_users) > 0
    untrained = int(np.count_nonzero(concerned & ~trained))
    if untrained:
        how += f", users left without training events {untrained:,}"
    return Split(ratings.select(given), ratings.select(held), how)


def refuse_empty(ratings: Interactions, how: str, **sides: NDArray[np.bool_]) -> None:
    """Check that every side of a split, a mask (events,), holds an event.

    Raises
    ------
    EmptyError
        Naming the side.
    """
    for side, mask in sides.items():
        if not mask.any():
            raise EmptyError(
                f"the split ({how}) leaves the {side} side empty: all {ratings.n_events:,} events are elsewhere"
            )


def _known(ids: Vocabulary, among: Vocabulary) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = among.find(ids) >= 0
    return known
