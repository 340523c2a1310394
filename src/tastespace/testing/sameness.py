"""Checks that a model stays the same: saved and loaded, learned again, updated with nothing, and used."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

from tastespace.data.interactions import Interactions
from tastespace.errors import HistoryError
from tastespace.models.load import load
from tastespace.models.protocol import Recommender
from tastespace.testing.comparing import ARRAYS, Refit, expect, expect_same, member, some, supported

__all__ = [
    "any_thread_count_same_model",
    "everything_is_read_only",
    "same_seed_same_model",
    "saved_and_loaded_is_the_same",
    "saved_without_history_says_so",
    "update_with_nothing_changes_nothing",
]


def saved_and_loaded_is_the_same(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A model comes back from its file bit for bit, with ids, history and information, and answers alike."""
    loaded = _saved(model)
    expect_same(model, loaded, "the loaded model")
    expect(loaded.info == model.info, f"the loaded model has the info {loaded.info}, not {model.info}")
    users = some(model.users)
    expect(loaded.recommend(users) == model.recommend(users), "the loaded model recommends something else")


def saved_without_history_says_so(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Without history a model still scores where it can, and HistoryError tells which calls need it."""
    loaded = _saved(model, history=False)
    user = some(model.users, 1)[0]
    expect(loaded.history is None, "save(history=False) keeps the history")
    with suppress(HistoryError):  # where scores are sums over the history
        expect(
            loaded.recommend(user, exclude_seen=False) == model.recommend(user, exclude_seen=False),
            "the model recommends something else without its history",
        )
    try:
        loaded.recommend(user)
    except HistoryError:
        return
    raise AssertionError("recommend without history does not raise HistoryError; seen items may come back")


def same_seed_same_model(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Learning again from the same data with the same seed gives the same bits."""
    expect_same(model, _needed(refit)(), "the model learned again")


def any_thread_count_same_model(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """1, 2 and 5 threads give the same bits."""
    for threads in (1, 2, 5):
        expect_same(model, _needed(refit)(threads=threads), f"the model learned with threads={threads}")


def update_with_nothing_changes_nothing(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """An update without events, or with the ratings that are known already, gives the same bits."""
    update = member(model, "update")
    expect_same(model, supported(update, None), "the model updated with nothing")
    if train.explicit:  # implicit events would be counted twice
        expect_same(model, update(train), "the model updated with its own training set")


def everything_is_read_only(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Nobody can change a model, its ids or its answers by accident."""
    arrays: dict[str, Any] = {"users.ids": model.users.ids, "items.ids": model.items.ids}
    arrays |= {name: getattr(model, name) for name in ARRAYS if hasattr(model, name)}
    if model.history is not None:
        history = {name: getattr(model.history, name) for name in ("indptr", "indices", "values", "times")}
        arrays |= {f"history.{name}": array for name, array in history.items() if array is not None}
    answer = model.recommend(some(model.users))
    arrays |= {f"column {name!r}": answer[name] for name in answer.columns}
    writeable = [name for name, array in arrays.items() if array.flags.writeable]
    expect(not writeable, f"these arrays can be written: {', '.join(writeable)}")
    try:
        model.scale = model.scale  # type: ignore[misc]
    except AttributeError:
        return
    raise AssertionError("an attribute of the model can be set")


def _needed(refit: Refit | None) -> Refit:
    if refit is None:
        raise SkipTest("no refit was given")
    return refit


def _saved(model: Recommender, *, history: bool = True) -> Recommender:
    """Return the model from a file: through ``load`` of its class where that has one, else `tastespace.load`."""
    read: Callable[[Path], Recommender] = getattr(type(model), "load", load)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.taste"
        model.save(path, history=history)
        return read(path)
