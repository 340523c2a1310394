"""Newcomers in a blend: each model places them by what it knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.errors import (
    EmptyError,
    InputError,
    ParameterError,
    TastespaceError,
    UnknownItemError,
    UnsupportedError,
)
from tastespace.models.adjust import Adjustment
from tastespace.models.blend_explanation import Told
from tastespace.models.blend_parts import best_of
from tastespace.models.explanation import Explanation
from tastespace.models.listing import Listing
from tastespace.models.nearest import at_least_one
from tastespace.models.protocol import ID, Id, Rows, Scores
from tastespace.models.visitor import Visitor

if TYPE_CHECKING:
    from tastespace.models.blend import Blend

#: What says of one user what a model reads.
History = Mapping[Id, float] | Iterable[Id]


@dataclass(frozen=True, eq=False, repr=False)
class BlendVisitor(Visitor):
    """A visitor whom the models of a blend have placed, those that know something of them.

    Attributes
    ----------
    placed
        The visitor of each such model, by name.
    """

    model: Blend
    placed: Mapping[str, Visitor]
    _total: Scores  # (1, items)

    def _best(self, n: int, seen: tuple[Csr, Rows] | None, adjust: Adjustment | None) -> tuple[Rows, Scores]:
        n = min(at_least_one("n", n), len(self.model.items))
        exclude = None if seen is None else (seen[0].indptr, seen[0].indices, seen[1])
        return best_of(self._total.copy(), n, 1, exclude, adjust)

    def _scores(self, item_rows: Rows) -> Scores:
        return np.asarray(self._total[0, item_rows])

    def explain(self, item: Id) -> Explanation:
        """Which events in which model drive the score of ``item``; see ``Blend.explain``."""
        self.model.items.row(item)
        told = Told()
        for name, visitor in self.placed.items():
            if item not in visitor.model.items:
                rows, values = visitor.events.row(0)
                told.add_silent(name, visitor.model.items.ids[rows], values)
                continue
            scores = _all_scores(visitor).astype(np.float64)
            with of_model(name):
                why = visitor.explain(item)
            told.add(name, why, self.model._share[name], float(scores.mean()), float(scores.std()))
        return told.explanation(None, item, self.model.items)


def visitor_of(blend: Blend, history: Any, on_unknown: Literal["raise", "skip"]) -> BlendVisitor:
    """A visitor, of one history for all models or of one for each of some; see ``Blend.fold_in``."""
    if on_unknown not in ("raise", "skip"):
        raise ParameterError(f'on_unknown must be "raise" or "skip"; got {on_unknown!r}')
    if isinstance(history, ID):
        raise InputError(f"fold_in takes {{item: value}}; got the single id {history!r}")
    if not isinstance(history, Mapping):  # a pandas Series, or items alone
        history = dict(history.items()) if hasattr(history, "items") else list(history)
    if not history:
        raise EmptyError("fold_in needs at least one item; for nobody in particular, use Popularity")
    named = isinstance(history, Mapping) and any(_several(value) for value in history.values())
    histories = history if named else _shared_out(blend, history, on_unknown == "skip")
    _check_names(blend, histories, "fold_in")
    placed: dict[str, Visitor] = {}
    for name, own in histories.items():
        fold_in = _method(blend, name, "fold_in")
        with of_model(name):
            placed[name] = fold_in(own, on_unknown=on_unknown)
    total = np.zeros((1, len(blend.items)), np.float32)
    seen = []
    for name, visitor in placed.items():
        columns = blend.items.find(visitor.model.items)
        weight = np.array([blend._share[name]], np.float32)
        _native.add_standardised(_all_scores(visitor)[None], columns, weight, total, 1)
        seen.append(columns[visitor.events.indices])
    rows = np.unique(np.concatenate(seen)).astype(np.int32)
    events = Csr(np.array([0, len(rows)], np.int64), rows, len(blend.items))
    return BlendVisitor(blend, events, placed, total)


def placed_models(blend: Blend, events: Any, threads: int | None) -> dict[str, Listing]:
    """The models of newcomers alone; see ``Blend.fold_in_many``."""
    if isinstance(events, Mapping):
        if set(events) != set(blend.models):
            raise InputError(
                f"fold_in_many of a Blend takes events for each of its models, {', '.join(blend.models)}; got "
                f"{', '.join(map(repr, events)) or 'none'}"
            )
        given = dict(events)
    else:
        if isinstance(events, Interactions):
            _check_alike(blend, "fold_in_many")
        given = dict.fromkeys(blend.models, events)
    placed: dict[str, Listing] = {}
    for name, model in blend.models.items():
        fold_in_many = _method(blend, name, "fold_in_many")
        own = given[name]
        if isinstance(own, Interactions):  # whom a model knows nothing of, it does not know
            known = (model.items.find(own.items) >= 0)[own.by_user.indices]
            own = own.select(known) if known.any() else own
        with of_model(name):
            placed[name] = fold_in_many(own, threads=threads)
    return placed


@contextmanager
def of_model(name: str) -> Iterator[None]:
    """Errors say which model of the blend they come from."""
    try:
        yield
    except TastespaceError as error:
        raise type(error)(f"model {name!r} of this blend: {error}") from None


def _all_scores(visitor: Visitor) -> Scores:
    return visitor._scores(np.arange(len(visitor.model.items), dtype=np.int32))


def _several(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _check_names(blend: Blend, histories: Mapping[Any, Any], what: str) -> None:
    strange = [name for name in histories if name not in blend.models]
    if strange:
        raise InputError(
            f"{what} of this blend takes histories by the names of its models, {', '.join(blend.models)}; got "
            f"{strange[0]!r}"
        )


def _shared_out(blend: Blend, history: Any, skip: bool) -> dict[str, Any]:
    """One history for all models: to each those items that it knows, to none where it knows none."""
    _check_alike(blend, "fold_in")
    if not skip:
        try:
            blend.items.rows(list(history))
        except UnknownItemError as error:
            raise UnknownItemError(f'{error}; pass on_unknown="skip" to leave such items out') from None
    parts = {}
    for name, model in blend.models.items():
        rows = model.items.find(list(history))
        known = {item for item, row in zip(history, rows, strict=True) if row >= 0}
        if known:
            is_map = isinstance(history, Mapping)
            parts[name] = (
                {item: value for item, value in history.items() if item in known}
                if is_map
                else [item for item in history if item in known]
            )
    if not parts:
        raise EmptyError(
            f"fold_in knows none of the {len(history)} items of this history; for nobody, use Popularity"
        )
    return parts


def _check_alike(blend: Blend, what: str) -> None:
    """Raises UnsupportedError where a value would be a rating for one model and a weight for another."""
    reads = {name: _reads(model) for name, model in blend.models.items()}
    ratings = next((name for name, kinds in reads.items() if "ratings" in kinds), None)
    weights = next((name for name, kinds in reads.items() if "weights" in kinds), None)
    if ratings is not None and weights is not None:
        raise UnsupportedError(
            f"{what} of this blend needs a history for each model, as {ratings!r} reads ratings and {weights!r} "
            f"weights: {what}({{{ratings!r}: ..., {weights!r}: ...}})"
        )


def _reads(model: Listing) -> set[str]:
    if hasattr(model, "models"):
        return set().union(*map(_reads, model.models.values()))
    solver = getattr(model, "solver", None)
    kinds = {"ratings": getattr(solver, "ratings", False), "weights": getattr(solver, "weighs", False)}
    return {kind for kind, yes in kinds.items() if yes}


def _method(blend: Blend, name: str, what: str) -> Any:
    method = getattr(blend.models[name], what, None)
    if method is None:
        raise UnsupportedError(
            f"model {name!r} of this blend cannot place newcomers; name the histories of the others"
        )
    return method
