"""What models are and answer, looked at before it is measured: they may be written by anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, NumericalError, UnsupportedError
from tastespace.models.factor_model import FactorModel

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender

Ranked = tuple[NDArray[np.int32], NDArray[np.float32]]

#: What an evaluation asks of a model.
_NEEDED = ("users", "items", "history", "scale", "rank", "score_pairs")


def check_model(model: object) -> None:
    """Look whether something is a fitted model.

    Raises
    ------
    InputError
        It is not; says what to pass instead.
    """
    name = type(model).__name__
    if isinstance(model, type):
        raise InputError(
            f"a fitted model is needed; got the class {model.__name__}: fit it first, as in "
            f"{model.__name__}(...).fit(train), and pass what fit returns"
        )
    missing = [needed for needed in _NEEDED if not hasattr(model, needed)]
    if missing and hasattr(model, "model_"):
        raise InputError(f"a fitted model is needed; got the estimator {name}: pass its model_")
    if missing and hasattr(model, "fit"):
        raise InputError(
            f"a fitted model is needed; got {name}, which is not fitted: fit it first, and pass what fit(train) "
            "returns"
        )
    if missing:
        raise InputError(
            f"a fitted model is needed, such as ts.ALS().fit(train); got {name}, which has no {', '.join(missing)}"
        )
    for noun in ("users", "items"):
        if not isinstance(getattr(model, noun), Vocabulary):
            raise InputError(
                f"{name}.{noun} must be a Vocabulary; got {type(getattr(model, noun)).__name__}: make one with "
                f'Vocabulary(ids, noun="{noun[:-1]}")'
            )


def is_timed(model: Recommender) -> bool:
    """Whether the model's scores depend on the moment, so that its `score_pairs` takes `at`."""
    return bool(getattr(model, "timed", False))


def ranked_by(
    model: Recommender, rows: NDArray[np.int32], places: int, *, exclude_seen: bool, threads: int
) -> Ranked:
    """The lists that a model's `rank` returns, with their scores, (users, places).

    Raises
    ------
    UnsupportedError
        They are no such arrays, hold an unknown row or an item twice, or are not best first.
    NumericalError
        A score is NaN or infinite; names the user.
    """
    answer: object = model.rank(rows, places, exclude_seen=exclude_seen, threads=threads)
    shape = (len(rows), places)
    ranked, scores = answer if isinstance(answer, tuple | list) and len(answer) == 2 else (None, None)
    if (
        not isinstance(ranked, np.ndarray)
        or not isinstance(scores, np.ndarray)
        or ranked.dtype != np.int32
        or not np.issubdtype(scores.dtype, np.floating)
        or ranked.shape != shape
        or scores.shape != shape
    ):
        raise UnsupportedError(
            f"{type(model).__name__}.rank must return two arrays of shape {shape}: item rows (int32) padded with -1, "
            f"best first, and their scores (float32); got {_told_pair(answer)}"
        )
    ranked, scores = np.ascontiguousarray(ranked), single(scores)
    fault = _native.first_fault(ranked, scores, len(model.items), threads)
    if fault is not None:
        raise _fault(model, rows, ranked, scores, *fault)
    return ranked, scores


def scored_by(
    model: Recommender,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    threads: int,
    times: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """The scores of pairs of rows that a model's `score_pairs` returns; they may be NaN or infinite.

    Times, in Unix seconds, are for models whose scores depend on them.

    Raises
    ------
    UnsupportedError
        It returns no array of so many numbers.
    """
    at = {} if times is None else {"at": times}
    scores: object = model.score_pairs(users, items, threads=threads, **at)
    if (
        not isinstance(scores, np.ndarray)
        or scores.shape != users.shape
        or not np.issubdtype(scores.dtype, np.floating)
    ):
        raise UnsupportedError(
            f"{type(model).__name__}.score_pairs must return an array of scores (float32) of shape {users.shape}, one "
            f"for each pair; got {_told(scores)}"
        )
    return single(scores)


def single(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Scores in single precision; what does not fit becomes infinite, and is told as such."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(scores, np.float32)


def not_finite(model: Recommender, row: int, method: str) -> NumericalError:
    """The error for scores that are no numbers."""
    return NumericalError(
        f"scores of user {name_of(model.users, row)} are NaN or infinite; check {blamed(model, method)}"
    )


def blamed(model: Recommender, method: str) -> str:
    """Where scores that are no numbers come from."""
    if isinstance(model, FactorModel):
        return "the model's factors"
    return f"what {type(model).__name__}.{method} computes"


def name_of(vocabulary: Vocabulary, row: int) -> str:
    """The id of a row, as messages show it."""
    return repr(vocabulary.ids[row : row + 1].tolist()[0])


def _fault(
    model: Recommender,
    rows: NDArray[np.int32],
    ranked: NDArray[np.int32],
    scores: NDArray[np.float32],
    fault: str,
    at: int,
    place: int,
) -> UnsupportedError | NumericalError:
    """The error for a broken promise of a list."""
    if fault == "not finite":
        return not_finite(model, int(rows[at]), "rank")
    item, user = int(ranked[at, place]), name_of(model.users, int(rows[at]))
    if fault == "row":
        what = (
            f"item row {item} for user {user}; the model has {len(model.items)} items, and -1 fills a list up"
        )
    elif fault == "gap":
        what = f"an item after the padding (-1) for user {user}, at place {place + 1}; fill lists up at their end"
    elif fault == "twice":
        first = int((ranked[at] == item).argmax())
        what = (
            f"item {name_of(model.items, item)} twice for user {user}, at places {first + 1} and {place + 1}; a list "
            "holds an item once at most"
        )
    else:
        before, after = scores[at, place - 1 : place + 1].tolist()
        what = (
            f"scores that rise for user {user}, from {before:g} at place {place} to {after:g}; a list goes from the "
            "best score to the worst"
        )
    return UnsupportedError(f"{type(model).__name__}.rank returned {what}")


def _told(answer: object) -> str:
    """Describe what came instead, by type, element type and shape."""
    if isinstance(answer, np.ndarray):
        return f"{answer.dtype} of shape {answer.shape}"
    return "None" if answer is None else f"a {type(answer).__name__}"


def _told_pair(answer: object) -> str:
    """Describe what came instead of two arrays."""
    if isinstance(answer, tuple | list) and len(answer) == 2:
        return " and ".join(map(_told, answer))
    return _told(answer)
