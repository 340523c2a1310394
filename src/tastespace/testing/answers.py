"""Checks of single answers: unknown ids, predictions, fold-in, explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import (
    TastespaceError,
    UnknownIdError,
    UnknownItemError,
    UnknownUserError,
    UnsupportedError,
)
from tastespace.models.protocol import Id, Recommender
from tastespace.testing.comparing import (
    Refit,
    expect,
    member,
    same_bits,
    seen_by,
    some,
    supported,
    unknown_id,
)

__all__ = [
    "an_empty_history_is_answered_or_refused",
    "explanations_sum_to_the_score",
    "fold_in_equals_the_learned_row",
    "fold_in_many_equals_fold_in",
    "predictions_stay_inside_the_scale",
    "unknown_items_are_named",
    "unknown_users_are_named",
]

_TOLERANCE = 1e-3  # of the largest score: what single precision leaves of an exact row solve


def unknown_users_are_named(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A user whom the model does not know raises UnknownUserError with the id, alone and among others."""
    nobody, known, item = unknown_id(model.users), some(model.users, 1)[0], some(model.items, 1)[0]
    _refuses(lambda: model.recommend(nobody), UnknownUserError, nobody, "recommend")
    _refuses(lambda: model.recommend([known, nobody]), UnknownUserError, nobody, "recommend")
    _refuses(lambda: model.predict(nobody, item), UnknownUserError, nobody, "predict")
    _refuses(lambda: model.predict([known, nobody], [item] * 2), UnknownUserError, nobody, "predict")
    for name, args in (("similar_users", (nobody,)), ("explain", (nobody, item))):
        if hasattr(model, name):
            _refuses_or_cannot(partial(getattr(model, name), *args), UnknownUserError, nobody, name)


def unknown_items_are_named(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """An item that the model does not know raises UnknownItemError with the id, alone and among others."""
    nothing, known, user = unknown_id(model.items), some(model.items, 1)[0], some(model.users, 1)[0]
    _refuses(lambda: model.predict(user, nothing), UnknownItemError, nothing, "predict")
    _refuses(lambda: model.predict([user] * 2, [known, nothing]), UnknownItemError, nothing, "predict")
    calls: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("similar_items", (nothing,)),
        ("explain", (user, nothing)),
        ("fold_in", ({known: 1.0, nothing: 1.0},)),
    )
    for name, args in calls:
        if hasattr(model, name):
            _refuses_or_cannot(partial(getattr(model, name), *args), UnknownItemError, nothing, name)


def predictions_stay_inside_the_scale(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A rating model predicts finite ratings inside its scale."""
    if model.scale is None:
        raise SkipTest("the scores of this model are not ratings")
    low, high = model.scale
    items = model.items.ids.tolist()
    for user in some(model.users):
        predicted = model.predict([user] * len(items), items)
        expect(predicted.dtype == np.float32, f"predict gives {predicted.dtype} instead of float32")
        expect(
            bool(((predicted >= low) & (predicted <= high)).all()),
            f"predictions for user {user!r} reach from {predicted.min()} to {predicted.max()}, outside "
            f"{low}..{high}",
        )


def fold_in_equals_the_learned_row(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A row-solved model scores a training user's own history like the user."""
    solver = member(model, "solver")
    if solver is None or not getattr(solver, "learned", True):
        raise SkipTest("the rows of this model are not solved from the history")
    if train.by_user.weights is not None:
        raise SkipTest("fold_in takes no weights besides values, and this training set has some")
    total = len(model.items)
    for user in some(model.users):
        visitor = member(model, "fold_in")(seen_by(train, user))
        folded = visitor.recommend(total, exclude_seen=False)
        learned = model.recommend(user, total, exclude_seen=False)
        a = folded["score"][np.argsort(model.items.rows(folded["item"]))]
        b = learned["score"][np.argsort(model.items.rows(learned["item"]))]
        expect(len(a) == len(b), f"fold-in of user {user!r} scores {len(a)} items and the row {len(b)}")
        gap = float(np.abs(a - b).max())
        expect(
            gap <= _TOLERANCE * float(np.abs(b).max()),
            f"the scores of user {user!r} and of the fold-in of the same history differ by {gap:.3g}",
        )


def fold_in_many_equals_fold_in(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Many newcomers placed at once have the rows of one after the other, and unknown items change nothing."""
    if member(model, "solver") is None:
        raise SkipTest("the rows of this model are not solved from the history")
    fold_in, fold_in_many = member(model, "fold_in"), member(model, "fold_in_many")
    folded = supported(fold_in_many, train)
    expect(folded.users == train.users, "fold_in_many answers for other users than it was given")
    expect(folded.items == model.items, "fold_in_many changes the items")
    total = len(model.items)
    for user in some(train.users):
        many = folded.recommend(user, total, exclude_seen=False)
        if train.by_user.weights is None:  # fold_in takes none
            one = fold_in(seen_by(train, user)).recommend(total, exclude_seen=False)
            expect(
                same_bits(many["item"], one["item"]) and same_bits(many["score"], one["score"]),
                f"user {user!r} has other scores from fold_in_many than from fold_in",
            )
        if not getattr(member(model, "solver"), "learned", True):
            continue
        learned = model.recommend(user, total, exclude_seen=False)
        a = many["score"][np.argsort(model.items.rows(many["item"]))]
        b = learned["score"][np.argsort(model.items.rows(learned["item"]))]
        gap = float(np.abs(a - b).max())
        expect(
            gap <= _TOLERANCE * float(np.abs(b).max()),
            f"the scores of user {user!r} and those from fold_in_many of the same history differ by {gap:.3g}",
        )
    others = train.by_user.indices != 0
    if others.any():
        ids = [unknown_id(model.items), *train.items.ids[1:].tolist()]
        renamed = fold_in_many(replace(train, items=Vocabulary(ids, noun="item")))
        without = fold_in_many(train.select(others))
        users = some(without.users)
        expect(
            same_bits(renamed.recommend(users, 10)["score"], without.recommend(users, 10)["score"]),
            "fold_in_many gives other scores when events on unknown items come along",
        )


def an_empty_history_is_answered_or_refused(
    model: Recommender, train: Interactions, refit: Refit | None
) -> None:
    """Fold-in of nothing raises one of tastespace's errors, or places a visitor with finite scores."""
    try:
        visitor = member(model, "fold_in")({})
    except UnsupportedError as error:
        raise SkipTest(str(error)) from None
    except TastespaceError:
        return
    scores = visitor.recommend(10)["score"]
    expect(bool(np.isfinite(scores).all()), "a visitor without history gets scores that are not finite")


def explanations_sum_to_the_score(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Mean, item bias and the parts of the user's own history sum to the raw score."""
    explain = member(model, "explain")
    items = some(model.items, 5)
    every = np.arange(len(model.items), dtype=np.int32)
    for user in some(model.users):
        row = model.users.row(user)
        scores = model.score_pairs(np.full(len(every), row, np.int32), every)
        for item in items:
            why, raw = supported(explain, user, item), float(scores[model.items.row(item)])
            total = why.mean + why.item_bias + float(why.parts["contribution"].sum())
            largest = abs(why.mean) + abs(why.item_bias) + float(np.abs(why.parts["contribution"]).sum())
            expect(
                abs(total - why.score) <= 1e-6 * largest,
                f"the parts of explain({user!r}, {item!r}) sum to {total}, and it tells the score {why.score}",
            )
            expect(
                abs(total - raw) <= _TOLERANCE * max(largest, float(np.abs(scores).max())),
                f"explain({user!r}, {item!r}) sums to {total}, and the score is {raw}",
            )
            strange = set(why.parts["item"].tolist()) ^ seen_by(train, user).keys()
            expect(not strange, f"explain({user!r}, {item!r}) and the history differ in {list(strange)[:3]}")


def _refuses(call: Callable[[], Any], expected: type[UnknownIdError], id: Id, name: str) -> None:
    try:
        call()
    except expected as error:
        expect(repr(id) in str(error), f"the message of {name} does not name {id!r}: {error}")
    except UnsupportedError:
        raise
    except Exception as error:
        raise AssertionError(
            f"{name} of the unknown {id!r} raises {error!r} instead of {expected.__name__}"
        ) from error
    else:
        raise AssertionError(f"{name} of the unknown {id!r} raises nothing instead of {expected.__name__}")


def _refuses_or_cannot(call: Callable[[], Any], expected: type[UnknownIdError], id: Id, name: str) -> None:
    """Like `_refuses`, for calls that a model need not support."""
    try:
        _refuses(call, expected, id, name)
    except UnsupportedError:
        return
