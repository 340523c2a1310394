"""A table of two columns, user ids and item ids, as rows of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, warn

Ids = npt.NDArray[Any]


def as_table(X: Any) -> Any:
    """Lists as an array of objects, in which numbers beside text stay numbers; anything else as it is."""
    return np.array(X, dtype=object) if isinstance(X, list | tuple) else X


def columns(X: Ids) -> tuple[Ids, Ids]:
    """The user ids and the item ids of an array (events, 2).

    Whole numbers may come as floats, as they do from tables that hold floats besides.

    Raises
    ------
    InputError
        If there are not two columns, or ids are neither text nor whole numbers.
    """
    if X.shape[1] != 2:
        raise InputError(f"X must have two columns, user ids and item ids; got n_features = {X.shape[1]}")
    return _ids(X[:, 0], "user"), _ids(X[:, 1], "item")


def learned(ids: Ids, noun: str) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The vocabulary of a column, in order of first appearance, and the row of each id."""
    vocabulary = Vocabulary(list(dict.fromkeys(ids.tolist())), noun=noun)
    return vocabulary, vocabulary.rows(ids)


def found(ids: Ids, known: Vocabulary) -> npt.NDArray[np.int32]:
    """The row of each id, -1 where it is unknown.

    Raises
    ------
    InputError
        If ids are text where those known are integers, or the other way round.
    """
    kind = Vocabulary(list(dict.fromkeys(ids.tolist())), noun=known.noun).kind
    if kind != known.kind:
        raise InputError(
            f"{known.noun} ids were {known.kind}s when the model was fitted, and are {kind}s now; convert them"
        )
    return known.find(ids)


def warn_of_strangers(ids: Ids, rows: npt.NDArray[np.int32], what: str) -> None:
    """Warn if most users are unknown: no model of learned rows can be judged by them.

    Parameters
    ----------
    ids
        User ids, repeats allowed.
    rows
        The row of each in the model, -1 where it is unknown.
    what
        Becomes of the unknown ones.
    """
    unknown, known = len(set(ids[rows < 0].tolist())), len(np.unique(rows[rows >= 0]))
    if unknown > known:
        warn(
            f"the model does not know {unknown:,} of these {unknown + known:,} users, who {what}; where rows are "
            "sorted by user, folds that are not shuffled hold whole users out: pass "
            "cv=KFold(5, shuffle=True, random_state=0)"
        )


def _ids(column: Ids, noun: str) -> Ids:
    if column.dtype.kind == "U":
        return column.astype(object)
    if column.dtype.kind != "f":
        return column
    whole = np.floor(column) == column
    if not whole.all():
        raise InputError(
            f"{noun} ids must be text or whole numbers; row {int(np.argmin(whole))} of X holds {column[~whole][0]:g}"
        )
    return column.astype(np.int64)
