"""The tables that models answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from tastespace.data.table import Table
from tastespace.errors import InputError

__all__ = ["Neighbours", "Recommendations", "Table"]


class _NamedTable(Table):
    """A table whose columns are known by name."""

    __slots__ = ()

    _layouts: ClassVar[frozenset[tuple[str, ...]]]

    def __init__(self, columns: Mapping[str, NDArray[Any] | Sequence[Any]]) -> None:
        super().__init__(columns)
        if self.columns not in self._layouts:
            allowed = " or ".join(f"({', '.join(names)})" for names in sorted(self._layouts))
            raise InputError(
                f"the columns of {type(self).__name__} are {allowed}; got ({', '.join(self.columns)})"
            )


class Recommendations(_NamedTable):
    """Recommended items, best first within each user.

    Columns: ``user``; ``item``; ``rank`` (int32, from 1); ``score`` (float32, not kept inside the rating
    scale); and, where several sources answer, ``source``.
    """

    __slots__ = ()

    _layouts = frozenset({("user", "item", "rank", "score"), ("user", "item", "rank", "score", "source")})


class Neighbours(_NamedTable):
    """The nearest items of items, or users of users, nearest first.

    Columns: ``item`` or ``user`` (not where several made one question, as in ``analogy``); ``neighbour``; ``rank``
    (int32, from 1); ``score`` (float32).
    """

    __slots__ = ()

    _layouts = frozenset(
        {
            ("item", "neighbour", "rank", "score"),
            ("user", "neighbour", "rank", "score"),
            ("neighbour", "rank", "score"),
        }
    )
