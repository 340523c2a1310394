"""What the checks share: which users to ask, what counts as the same, how a broken promise is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from unittest import SkipTest

import numpy as np
import numpy.typing as npt

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import UnsupportedError
from tastespace.models.protocol import Id, Recommender

__all__ = [
    "ARRAYS",
    "Refit",
    "differences",
    "expect",
    "expect_same",
    "member",
    "same_bits",
    "seen_by",
    "some",
    "supported",
    "unknown_id",
]

#: The public arrays of a factor model.
ARRAYS = ("user_factors", "item_factors", "user_bias", "item_bias")


class Refit(Protocol):
    """Learns the model under test again, from the same data with the same seed."""

    def __call__(self, *, threads: int | None = None) -> Recommender: ...


def expect(kept: bool, message: str) -> None:
    """Raise AssertionError unless the promise is kept, also where Python runs without assertions."""
    if not kept:
        raise AssertionError(message)


def some(vocabulary: Vocabulary, count: int = 20) -> list[Id]:
    """Return at most so many ids, spread evenly over the rows, the first and the last among them."""
    rows = np.unique(np.linspace(0, len(vocabulary) - 1, count).astype(np.int64))
    ids: list[Id] = vocabulary.ids[rows].tolist()
    return ids


def unknown_id(vocabulary: Vocabulary) -> Id:
    """Return an id of the right type that the vocabulary does not hold."""
    candidates = (
        (f"nobody {i}" for i in range(len(vocabulary) + 1))
        if vocabulary.kind == "string"
        else iter(range(len(vocabulary) + 1))
    )
    return next(id for id in candidates if id not in vocabulary)


def seen_by(train: Interactions, user: Id) -> dict[Id, float]:
    """Return what the user did in training: item to value; empty for a user who is not in it."""
    if user not in train.users:
        return {}
    rows, values = train.by_user.row(train.users.row(user))
    return dict(zip(train.items.ids[rows].tolist(), values.tolist(), strict=True))


def same_bits(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether two arrays hold the same bits (text: the same text)."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool((a == b).all()) if a.dtype == object else a.tobytes() == b.tobytes()


def differences(a: Recommender, b: Recommender) -> list[str]:
    """Return the names of what differs in two models by a single bit; their answers are compared too."""
    found = [
        name
        for name in ARRAYS
        if hasattr(a, name) and not same_bits(np.asarray(getattr(a, name)), np.asarray(getattr(b, name)))
    ]
    found += [name for name in ("users", "items", "scale") if getattr(a, name) != getattr(b, name)]
    if getattr(a, "mean", None) != getattr(b, "mean", None):
        found.append("mean")
    if (a.history is None) != (b.history is None) or (
        a.history is not None and b.history is not None and not a.history.same(b.history)
    ):
        found.append("history")
    if not found:
        users = np.arange(len(a.users), dtype=np.int32)
        n = min(10, len(a.items))
        pairs = (users, np.arange(len(users), dtype=np.int32) % len(a.items))
        ranked = zip(a.rank(users, n, exclude_seen=False), b.rank(users, n, exclude_seen=False), strict=True)
        if not all(same_bits(*answers) for answers in ranked):
            found.append("rank")
        if not same_bits(a.score_pairs(*pairs), b.score_pairs(*pairs)):
            found.append("score_pairs")
    return found


def expect_same(a: Recommender, b: Recommender, what: str) -> None:
    """Raise AssertionError if two models differ by a single bit."""
    found = differences(a, b)
    expect(not found, f"{what} differs in {', '.join(found)}")


def member(model: Recommender, name: str) -> Any:
    """Return a member that not every model has; raise SkipTest where it is absent."""
    if not hasattr(model, name):
        raise SkipTest(f"this model has no {name}")
    return getattr(model, name)


def supported(method: Callable[..., Any], *args: Any) -> Any:
    """Return what the method answers; raise SkipTest where the model says that it cannot."""
    try:
        return method(*args)
    except UnsupportedError as error:
        raise SkipTest(str(error)) from None
