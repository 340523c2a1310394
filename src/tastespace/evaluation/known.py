"""Users whom the model does not know, placed by what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tastespace.data.interactions import Interactions
from tastespace.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender


def placed(model: Recommender, known: Interactions | None, threads: int | None) -> Recommender:
    """The model of the users in `known`, each placed by fold-in; the model itself where nothing is known.

    Raises
    ------
    InputError
        `known` is something else than events, or cannot be folded in.
    UnsupportedError
        The model places no new users.
    """
    if known is None:
        return model
    if not isinstance(known, Interactions):
        raise InputError(
            "known must be Interactions, the events by which new users are known, such as split.known; got "
            f"{type(known).__name__}"
        )
    fold_in_many = getattr(model, "fold_in_many", None)
    if fold_in_many is None:
        raise UnsupportedError(
            f"{type(model).__name__} cannot place new users by their known events, as it has no fold_in_many; test it "
            "on users whom it was trained on"
        )
    folded: Recommender = fold_in_many(_as_learned(model, known), threads=threads)
    return folded


def _as_learned(model: Recommender, known: Interactions) -> Interactions:
    """The known events as the model saw others in training: without ratings where it was given none."""
    ratings = bool(getattr(model, "explicit", known.explicit))
    return known.as_implicit() if known.explicit and not ratings else known


def describe_known(known: Interactions | None) -> str | None:
    """Say how the users came into the model; None where they were in it."""
    if known is None:
        return None
    return f"users placed by fold-in of {known.n_events:,} known events"


def training_warnings(model: Recommender, known: Interactions | None) -> list[str]:
    """A sentence if what was popular in training has to be judged by the known events, or none."""
    if known is None or model.history is not None:
        return []
    return [
        "the model holds no history of its training, so popularity, novelty and the like count the known events instead"
    ]
