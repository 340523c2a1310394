"""Raw events, checked and brought to the types that tables are built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastespace.data.csr import Csr, Duplicates
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import BadRowError, EmptyError, InputError, ParameterError

_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class Events:
    """Checked events in input order; every array has one element per event.

    Attributes
    ----------
    user_rows, item_rows
        int32, within the vocabularies.
    values
        float32, finite, above 0 unless they are ratings; None means 1.
    weights
        float32, finite, above 0; None means 1.
    times
        int64 Unix seconds, or None.
    kinds
        Position of each event's kind among the kind names, or None.
    dropped
        How many events of value 0 were left out.
    """

    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    values: NDArray[np.float32] | None
    weights: NDArray[np.float32] | None
    times: NDArray[np.int64] | None
    kinds: NDArray[np.integer[Any]] | None
    dropped: int = 0

    @classmethod
    def of(cls, table: Csr) -> "Events":
        """List the cells of a table of users x items as events, without their kinds."""
        return cls(table.row_of(), table.indices, table.values, table.weights, table.times, None)

    @classmethod
    def joined(cls, parts: Sequence["Events"]) -> "Events":
        """Put events one after the other; all must have times or none."""

        def join(name: str) -> NDArray[Any] | None:
            arrays = [getattr(part, name) for part in parts]
            if all(array is None for array in arrays):
                return None
            ones = [np.ones(len(part), dtype=np.float32) for part in parts]
            return np.concatenate([o if a is None else a for a, o in zip(arrays, ones, strict=True)])

        return cls(
            user_rows=np.concatenate([part.user_rows for part in parts]),
            item_rows=np.concatenate([part.item_rows for part in parts]),
            values=join("values"),
            weights=join("weights"),
            times=join("times"),
            kinds=None,
        )

    def __len__(self) -> int:
        return len(self.user_rows)

    def table(self, users: Vocabulary, items: Vocabulary, duplicates: Duplicates) -> Csr:
        """Build the table of users x items with duplicates merged.

        Raises
        ------
        BadRowError
            If merging or event weights left the range of float32; the message names both ids.
        """
        table = Csr.build(
            self.user_rows,
            self.item_rows,
            rows=len(users),
            columns=len(items),
            values=self.values,
            times=self.times,
            weights=self.weights,
            duplicates=duplicates,
        )
        for array in (table.values, table.weights):
            if array is not None and not np.isfinite(array).all():
                cell = int(np.flatnonzero(~np.isfinite(array))[0])
                [user] = users.ids[table.row_of()[[cell]]].tolist()
                [item] = items.ids[table.indices[[cell]]].tolist()
                raise BadRowError(
                    f"the events of user {user!r} and item {item!r}, weighted and merged, leave the range of "
                    "float32; scale the values down"
                )
        return table

    def take(self, mask: NDArray[np.bool_]) -> "Events":
        """Return the events where the mask (events,) is true."""
        names = ("user_rows", "item_rows", "values", "weights", "times", "kinds")
        parts = {name: getattr(self, name) for name in names}
        return replace(self, **{name: part[mask] for name, part in parts.items() if part is not None})

    def weighted(self, factors: NDArray[np.float64], *, explicit: bool) -> "Events":
        """Return the events with values (of ratings: weights) multiplied by a factor (events,) each."""
        base = self.weights if explicit else self.values
        product = scaled(base, factors)
        return replace(self, weights=product) if explicit else replace(self, values=product)


def check_events(
    users: Vocabulary,
    items: Vocabulary,
    user_rows: ArrayLike,
    item_rows: ArrayLike,
    *,
    values: ArrayLike | None,
    weights: ArrayLike | None,
    times: ArrayLike | None,
    kinds: ArrayLike | None,
    kind_names: Sequence[str],
    explicit: bool,
) -> Events:
    """Unify the types of events and check every element.

    Events of value 0 in implicit data say nothing and are left out; they are counted in ``dropped``.

    Raises
    ------
    EmptyError
        If there are no events, or none whose value is above 0.
    BadRowError
        If a value, weight or time cannot be used; the message names the position and both ids.
    InputError
        If lengths or types do not fit, or a row or kind is out of range.
    """
    user_array = _rows(user_rows, users)
    item_array = _rows(item_rows, items)
    count = len(user_array)
    if not count:
        raise EmptyError("there are no events; check the source and the filters on it")
    _same_length("item_rows", item_array, count)

    def at(position: int) -> str:
        user, item = users.ids[user_array[position]], items.ids[item_array[position]]
        return f"event at position {position} (user {user!r}, item {item!r})"

    if weights is not None and not explicit:
        raise InputError("weights go with ratings; the weights of implicit events are their values")
    value_array = None if values is None else _floats("values", values, count)
    weight_array = None if weights is None else _floats("weights", weights, count)
    noun = "rating" if explicit else "weight"
    for name, array in ((noun, value_array), ("weight", weight_array)):
        if array is not None and not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array))[0])
            raise BadRowError(
                f"{at(bad)}: {name} {array[bad]} is not a finite number of float32; drop or mend it"
            )
    if value_array is not None and not explicit and (value_array < 0).any():
        bad = int(np.flatnonzero(value_array < 0)[0])
        raise BadRowError(
            f"{at(bad)}: weight {value_array[bad]} is negative; weights say how sure an event is and must be "
            "> 0: drop such events, or pass the column as rating="
        )
    if weight_array is not None and (weight_array <= 0).any():
        bad = int(np.flatnonzero(weight_array <= 0)[0])
        raise BadRowError(f"{at(bad)}: weight {weight_array[bad]} must be > 0; drop or mend it")

    events = Events(
        user_rows=user_array,
        item_rows=item_array,
        values=value_array,
        weights=weight_array,
        times=None if times is None else _seconds(times, count, at),
        kinds=None if kinds is None else _kinds(kinds, count, kind_names),
    )
    if value_array is None or explicit or value_array.all():
        return events
    kept = events.take(value_array > 0)
    if not len(kept):
        raise EmptyError("every event has weight 0, which says nothing; check the weight column")
    return replace(kept, dropped=count - len(kept))


def kind_factors(kind_names: Sequence[str], event_weights: Mapping[str, float] | None) -> NDArray[np.float64]:
    """Return the weight of each kind of event, float64 (kinds,); 1 where no weights are given at all.

    Raises
    ------
    ParameterError
        If weights are given and a kind has none, or a weight is not a finite number above 0.
    """
    if event_weights is None:
        return np.ones(len(kind_names))
    for name, weight in event_weights.items():
        number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not number or not np.isfinite(weight) or weight <= 0:
            raise ParameterError(
                f"event_weights[{name!r}] must be a finite number > 0; got {weight!r}; to leave a kind out, "
                "drop its rows or use only()"
            )
    missing = [name for name in kind_names if name not in event_weights]
    if missing:
        raise ParameterError(
            f"event_weights has no weight for {missing[0]!r}; kinds of event here are "
            f"{', '.join(map(repr, kind_names))}; give each a weight or drop its rows"
        )
    return np.array([event_weights[name] for name in kind_names], dtype=np.float64)


def rating_scale(
    scale: tuple[float, float] | None, *ratings: NDArray[np.float32] | None
) -> tuple[float, float]:
    """Return the lowest and highest rating (None stands for ones), or ``scale`` if it contains both.

    Raises
    ------
    ParameterError
        If a rating lies outside ``scale``.
    """
    low = min(1.0 if array is None else float(array.min()) for array in ratings)
    high = max(1.0 if array is None else float(array.max()) for array in ratings)
    if scale is None:
        return low, high
    bottom, top = map(float, scale)
    if not bottom <= low <= high <= top:
        raise ParameterError(
            f"scale must contain all ratings, {low:g} to {high:g}; got {bottom:g} to {top:g}"
        )
    return bottom, top


def scaled(base: NDArray[np.float32] | None, factors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Multiply values (None means 1) by factors above 0; a product never falls to 0.

    Products that are too large become infinite, for the caller to report.
    """
    with np.errstate(over="ignore", under="ignore"):
        return np.maximum(factors if base is None else base * factors, _TINY).astype(np.float32)


def _same_length(name: str, array: NDArray[Any], count: int) -> None:
    if array.shape != (count,):
        raise InputError(f"{name} must have one element per event ({count:,}); got shape {array.shape}")


def _rows(rows: ArrayLike, vocabulary: Vocabulary) -> NDArray[np.int32]:
    array = np.asarray(rows)
    noun = vocabulary.noun
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise InputError(
            f"{noun}_rows must be integers in one dimension; got {array.dtype} of shape {array.shape}"
        )
    if len(array) and (array.min() < 0 or array.max() >= len(vocabulary)):
        bad = int(np.flatnonzero((array < 0) | (array >= len(vocabulary)))[0])
        raise InputError(
            f"{noun} row {array[bad]} at position {bad} is outside the {len(vocabulary):,} {noun}s given"
        )
    if array.dtype == np.uint32:
        return np.ascontiguousarray(array).view(np.int32)  # in range, so the bits are the same
    return np.ascontiguousarray(array, dtype=np.int32)


def _floats(name: str, data: ArrayLike, count: int) -> NDArray[np.float32]:
    array = np.asarray(data)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{name} must be numbers; got {array.dtype}")
    _same_length(name, array, count)
    with np.errstate(over="ignore"):  # becomes infinite, which is reported with its position
        return np.ascontiguousarray(array, dtype=np.float32)


def _seconds(data: ArrayLike, count: int, at: Any) -> NDArray[np.int64]:
    array = np.asarray(data)
    _same_length("times", array, count)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            bad = int(np.flatnonzero(np.isnat(array))[0])
            raise BadRowError(f"{at(bad)}: the time is missing; drop such events or give them a time")
        return array.astype("datetime64[s]").astype(np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"times must be whole Unix seconds or datetime64; got {array.dtype}")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        bad = int(array.argmax())
        raise BadRowError(f"{at(bad)}: time {array[bad]} is outside int64; drop or mend it")
    return np.ascontiguousarray(array, dtype=np.int64)


def _kinds(kinds: ArrayLike, count: int, names: Sequence[str]) -> NDArray[np.integer[Any]]:
    array = np.asarray(kinds)
    _same_length("kinds", array, count)
    if array.dtype.kind not in "iu":
        raise InputError(f"kinds must be positions in kind_names; got {array.dtype}")
    if array.min() < 0 or array.max() >= len(names):
        bad = int(np.flatnonzero((array < 0) | (array >= len(names)))[0])
        raise InputError(f"kind {array[bad]} at position {bad} is outside the {len(names)} kind_names given")
    return array
