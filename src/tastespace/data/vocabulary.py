"""Ids outside, dense row numbers inside."""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import repeat
from typing import Any, Literal, Self, TypeAlias, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastespace.errors import InputError, UnknownIdError, UnknownItemError, UnknownUserError

Id: TypeAlias = str | int
Kind: TypeAlias = Literal["string", "integer"]

_INT64 = np.iinfo(np.int64)
_NULLS = {"NoneType", "NAType", "NaTType", "NullType"}


class Vocabulary:
    """Ids and their row numbers; frozen.

    Row ``r`` is named ``ids[r]``. Ids are all text or all integers, and the two never match each other:
    ``"42"`` is unknown where ids are integers.

    Parameters
    ----------
    ids
        Unique ids in row order: a list, any array or series of text or integers, or another iterable.
    noun
        ``"user"`` or ``"item"``: what messages call an id, and which error an unknown one raises.

    Raises
    ------
    InputError
        If an id is null, occurs twice, lies outside int64, is text that UTF-8 cannot hold, or if ids are
        neither all text nor all integers.
    """

    def __init__(self, ids: object, *, noun: str) -> None:
        table, kind = _id_array(ids, noun)
        self._set(table, kind, noun)
        if len(self._index) < len(table):
            first, id = next((n, id) for n, id in enumerate(table.tolist()) if self._index[id] != n)
            raise InputError(
                f"{noun} ids must be unique; {id!r} stands at positions {first} and {self._index[id]}; "
                "keep one of them"
            )

    def _set(self, ids: NDArray[Any], kind: Kind, noun: str) -> None:
        ids = ids.view()
        ids.flags.writeable = False
        self._ids, self._kind, self._noun = ids, kind, noun

    @classmethod
    def _of_unique(cls, ids: NDArray[Any], kind: Kind, noun: str) -> Self:
        """Make a vocabulary of ids that are known to be unique and of one kind."""
        self = cls.__new__(cls)
        self._set(ids, kind, noun)
        return self

    @cached_property
    def _index(self) -> dict[Id, int]:
        # Derived from the frozen ids alone; built on first use because a model may never look up by id.
        return dict(zip(self._ids.tolist(), range(len(self._ids)), strict=True))

    @property
    def ids(self) -> NDArray[Any]:
        """Ids in row order, read-only: int64, or objects of type str."""
        return self._ids

    @property
    def kind(self) -> Kind:
        """``"string"`` or ``"integer"``."""
        return self._kind

    @property
    def noun(self) -> str:
        """What messages call an id: ``"user"`` or ``"item"``."""
        return self._noun

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Id]:
        return iter(self._ids.tolist())

    def __contains__(self, id: object) -> bool:
        key = self._key(id)
        return key is not None and key in self._index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self is other or (self._kind == other._kind and np.array_equal(self._ids, other._ids))

    __hash__ = None  # type: ignore[assignment]  # compared by content, which may be long

    def __repr__(self) -> str:
        shown = ", ".join(repr(id) for id in self._ids[:3].tolist())
        more = ", …" if len(self) > 3 else ""
        return f"Vocabulary of {len(self):,} {self._kind} {self._noun} ids: {shown}{more}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._ids, self._kind, self._noun)

    def rows(self, ids: object) -> NDArray[np.int32]:
        """Return the row numbers of known ids.

        Parameters
        ----------
        ids
            A sequence, array or series of ids; repeats are fine.

        Returns
        -------
        int32 array (len(ids),)

        Raises
        ------
        UnknownUserError, UnknownItemError
            If any id is not here; the message names up to three.
        InputError
            If ``ids`` are neither all text nor all integers, or a single id.
        """
        table, kind = _id_array(ids, self._noun)
        found = self._lookup(table, kind)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            raise self._unknown(list(dict.fromkeys(table[missing].tolist())))
        return found

    def find(self, ids: object) -> NDArray[np.int32]:
        """Return the row numbers of ids, -1 where an id is not here; otherwise like `rows`.

        Raises
        ------
        InputError
            If ``ids`` are neither all text nor all integers, or a single id.
        """
        return self._lookup(*_id_array(ids, self._noun))

    def row(self, id: Id) -> int:
        """Return the row number of one id.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the id is not here.
        InputError
            If it is neither text nor an integer.
        """
        key = self._key(id)
        row = None if key is None else self._index.get(key)
        if row is None:
            raise self._unknown(_id_array([id], self._noun)[0].tolist())
        return row

    def extend(self, ids: object) -> "Vocabulary":
        """Return a vocabulary with the ids that this one lacks appended in order of first appearance.

        Rows of the ids already here do not change. ``ids`` may hold repeats.

        Raises
        ------
        InputError
            If ``ids`` are not of this vocabulary's kind.
        """
        table, kind = _id_array(ids, self._noun)
        if not len(table):
            return self
        if len(self) and kind != self._kind:
            raise InputError(
                f"{self._noun} ids here are {_PLURAL[self._kind]}, the new ones {_PLURAL[kind]} such as "
                f"{table.tolist()[0]!r}; convert them to one type"
            )
        fresh = table[self._lookup(table, kind) < 0]
        if not len(fresh):
            return self
        unique = np.array(list(dict.fromkeys(fresh.tolist())), dtype=table.dtype)
        joined = np.concatenate([self._ids, unique]) if len(self) else unique
        return Vocabulary._of_unique(joined, kind, self._noun)

    def take(self, rows: NDArray[np.integer[Any]]) -> "Vocabulary":
        """Return the vocabulary of the ids of ``rows`` (integers, each at most once) in that order.

        Raises
        ------
        InputError
            If a row stands twice.
        """
        rows = np.asarray(rows)
        if len(rows) > 1 and not (np.diff(rows) > 0).all() and len(np.unique(rows)) < len(rows):
            raise InputError(f"rows of {self._noun} ids to take must be unique; drop the repeated ones")
        return Vocabulary._of_unique(self._ids[rows], self._kind, self._noun)

    def coerce(self, text: str) -> Id:
        """Convert text, from a command line, to an id of this vocabulary's kind; it need not be known.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If ids are integers and ``text`` is not one.
        """
        if self._kind == "string":
            return text
        if re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) is None:
            raise self._unknown([text])
        return int(text)

    def _key(self, id: object) -> Id | None:
        """Return the id as a key of the index, or None when it cannot be one."""
        if self._kind == "string":
            return id if isinstance(id, str) else None
        if type(id) is int:
            return id
        return int(id) if isinstance(id, (int, np.integer)) and not isinstance(id, bool) else None

    def _lookup(self, ids: NDArray[Any], kind: Kind) -> NDArray[np.int32]:
        if kind != self._kind:
            return np.full(len(ids), -1, dtype=np.int32)
        return np.fromiter(map(self._index.get, ids.tolist(), repeat(-1)), dtype=np.int32, count=len(ids))

    def _unknown(self, ids: list[Id]) -> UnknownIdError:
        error = UnknownUserError if self._noun == "user" else UnknownItemError
        shown = ", ".join(repr(id) for id in ids[:3])
        more = f" and {len(ids) - 3:,} more" if len(ids) > 3 else ""
        hint = ""
        if isinstance(ids[0], str) != (self._kind == "string"):
            given = "string" if isinstance(ids[0], str) else "integer"
            hint = f"; ids here are {_PLURAL[self._kind]}, not {_PLURAL[cast(Kind, given)]}"
            other = self._other_type(ids[0])
            if other in self:
                hint += f": did you mean {other!r}?"
        return error(f"unknown {self._noun}{'s' if len(ids) > 1 else ''} {shown}{more}{hint}")

    def _other_type(self, id: Id) -> Id | None:
        if self._kind == "string":
            return str(id)
        try:
            return int(id)
        except ValueError:
            return None


_PLURAL: dict[Kind, str] = {"string": "strings", "integer": "integers"}


def _restore(ids: NDArray[Any], kind: Kind, noun: str) -> Vocabulary:
    return Vocabulary._of_unique(ids, kind, noun)


def _id_array(ids: object, noun: str) -> tuple[NDArray[Any], Kind]:
    """Return ids as int64 or as objects of type str, checked."""
    if isinstance(ids, Vocabulary):
        return ids.ids, ids.kind
    if isinstance(ids, (str, bytes, int, np.generic)) or not hasattr(ids, "__iter__"):
        raise InputError(f"a sequence of {noun} ids is needed; got {ids!r}; put a single id into a list")
    if isinstance(ids, pl.Series) and ids.dtype == pl.String:
        return _from_objects(ids.to_list(), noun)  # as an array, text would lose NULs at its end
    if not hasattr(ids, "__array__"):
        return _from_objects(list(cast(Any, ids)), noun)
    array = np.asarray(ids)
    if array.ndim != 1:
        raise InputError(f"{noun} ids must have one dimension; got an array of shape {array.shape}")
    if array.dtype.kind in "iu":
        if array.dtype == np.uint64 and len(array) and array.max() > _INT64.max:
            return _from_objects(array.tolist(), noun)
        return array.astype(np.int64), "integer"
    if array.dtype.kind == "f" and np.isnan(array).any():
        position = int(np.flatnonzero(np.isnan(array))[0])
        raise InputError(f"{noun} id at position {position} is null; drop such rows or give them an id")
    return _from_objects(array.tolist(), noun)


def _from_objects(ids: list[Any], noun: str) -> tuple[NDArray[Any], Kind]:
    types = set(map(type, ids))
    if types <= {str}:
        return _strings(ids, noun), "string"
    if types == {int}:
        return _integers(ids, noun), "integer"
    return _from_mixed(ids, noun)


def _from_mixed(ids: list[Any], noun: str) -> tuple[NDArray[Any], Kind]:
    """Accept subclasses of str and int; anything else is an error that names its position."""
    for position, id in enumerate(ids):
        if type(id).__name__ in _NULLS or (isinstance(id, float) and id != id):
            raise InputError(f"{noun} id at position {position} is null; drop such rows or give them an id")
        if isinstance(id, (bool, np.bool_)) or not isinstance(id, (str, int, np.integer)):
            raise InputError(
                f"{noun} ids must be strings or integers; position {position} holds {id!r} "
                f"({type(id).__name__}); convert it"
            )
        if isinstance(id, str) != isinstance(ids[0], str):
            raise InputError(
                f"{noun} ids must be all strings or all integers; position 0 holds {ids[0]!r}, position "
                f"{position} holds {id!r}; convert them to one type"
            )
    if isinstance(ids[0], str):
        return _strings(list(map(str, ids)), noun), "string"
    return _integers(list(map(int, ids)), noun), "integer"


def _strings(ids: list[str], noun: str) -> NDArray[Any]:
    try:
        "".join(ids).encode()
    except UnicodeEncodeError:
        position, id = next((n, id) for n, id in enumerate(ids) if not _is_utf8(id))
        raise InputError(
            f"{noun} id {id!r} at position {position} is not valid Unicode text; decode it properly"
        ) from None
    array = np.empty(len(ids), dtype=object)
    array[:] = ids
    return array


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integers(ids: list[int], noun: str) -> NDArray[Any]:
    try:
        return np.array(ids, dtype=np.int64)
    except OverflowError:
        position, id = next((n, id) for n, id in enumerate(ids) if not _INT64.min <= id <= _INT64.max)
        raise InputError(
            f"{noun} id {id} at position {position} lies outside the range of int64; pass such ids as strings"
        ) from None
