"""Whom factors of 0 or more are about: the documents of a topic, and the topics of a document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from tastespace.errors import ParameterError
from tastespace.models.nearest import at_least_one
from tastespace.models.padding import Floats
from tastespace.models.protocol import Rows
from tastespace.models.table import _NamedTable
from tastespace.models.topics import check_parts

if TYPE_CHECKING:
    from tastespace.models.factor_model import FactorModel


class TopicUsers(_NamedTable):
    """The heaviest users of factors, such as the documents of a topic, heaviest first.

    Columns: ``topic`` (int32, the column of the factors), ``rank`` (int32, from 1), ``user`` (a document, where the
    table was one of documents), ``weight`` (float32, the user's share of the factor; those of all users sum to 1), and
    ``share`` (float32, the factor's share of the user; those of all factors sum to 1).
    """

    __slots__ = ()

    _layouts: ClassVar[frozenset[tuple[str, ...]]] = frozenset({("topic", "rank", "user", "weight", "share")})


def topic_users_of(model: FactorModel, topics: int | Iterable[int] | None, n: int) -> TopicUsers:
    """The table behind :meth:`FactorModel.topic_users`."""
    check_parts(model)
    asked = _topics(topics, model.factors)
    p = model.user_factors
    n = min(at_least_one("n", n), len(p))
    columns = p[:, asked].T  # (asked, users)
    order = np.argsort(-columns, axis=1, kind="stable")[:, :n]
    weights = np.take_along_axis(columns, order, axis=1)
    total = columns.sum(axis=1, dtype=np.float64)[:, None]
    listed = weights > 0
    numbers = np.broadcast_to(asked[:, None], listed.shape)[listed]
    users = order[listed]
    ranks = np.broadcast_to(np.arange(1, n + 1, dtype=np.int32), listed.shape)
    weight = np.divide(weights, total, out=np.zeros(weights.shape), where=total > 0)
    share = topic_shares_of(model, users.astype(np.int32))[np.arange(len(users)), numbers]
    return TopicUsers(
        {
            "topic": numbers,
            "rank": ranks[listed],
            "user": model.users.ids[users],
            "weight": weight[listed].astype(np.float32),
            "share": share,
        }
    )


def topic_shares_of(model: FactorModel, rows: Rows | None) -> Floats:
    """The array behind :meth:`FactorModel.topic_shares`, of these rows, or of all."""
    check_parts(model)
    # What a factor brings to a row over all items; lengths traded between users and items cancel.
    mass = model.item_factors.sum(axis=0, dtype=np.float64).astype(np.float32)
    brought = (model.user_factors if rows is None else model.user_factors[rows]) * mass
    total = brought.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(brought, total, out=np.zeros_like(brought), where=total > 0))


def _topics(given: int | Iterable[int] | None, factors: int) -> npt.NDArray[np.int32]:
    """Topics as columns; all of them for None."""
    if given is None:
        return np.arange(factors, dtype=np.int32)
    asked = list(given) if isinstance(given, Iterable) else [given]
    for topic in asked:
        whole = isinstance(topic, int | np.integer) and not isinstance(topic, bool)
        if not whole or not 0 <= topic < factors:
            raise ParameterError(
                f"topics must be whole numbers in 0..{factors - 1}, as model.topics() lists them; got {topic!r}"
            )
    return np.array(asked, np.int32)
