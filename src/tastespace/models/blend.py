"""Several models, one list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import InitVar, asdict, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import UnsupportedError
from tastespace.models.adjust import Adjustment
from tastespace.models.blend_checks import check_common, checked, shares
from tastespace.models.blend_explanation import Told
from tastespace.models.blend_parts import BLOCK, Scored, Space, best_of
from tastespace.models.blend_visitor import BlendVisitor, History, placed_models, visitor_of
from tastespace.models.explanation import Explanation
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo
from tastespace.models.listing import POPULAR, SEEN, Listing
from tastespace.models.nearest import at_least_one
from tastespace.models.packing import Arrays, nested
from tastespace.models.padding import Floats, blank
from tastespace.models.protocol import Id, Rows, Scores
from tastespace.models.reranking import popularity_of
from tastespace.models.table import Table
from tastespace.version import __version__

#: What the file of such a model says that it holds.
KIND = "blend"

#: Bytes of scores that are kept while weights are chosen.
_KEPT = 2**30

#: Users whose vectors are put together at a time.
_USERS = 4096


@dataclass(frozen=True, eq=False, repr=False)
class Blend(Listing):
    r"""Several models and one list: a frozen model whose scores are weighted sums of standardised scores.

    .. math:: s_{ui} = \sum_m w_m \frac{s^m_{ui} - \mu^m_u}{\sigma^m_u},

    where mean and standard deviation are taken over all items of model m, for the user alone. So models on any scale
    meet, and a weight says how much a deviation in one model counts. An item that a model does not know gets 0 from
    it, its mean; so does every item where a user is unknown to it, or where it scores all items alike. Users and
    items are those that any of the models knows; what a user has seen in any of them is not recommended.

    Lists are exact over all items. Of factor models, a blend is one inner product again, ranked like any other; other
    models are scored over their whole catalogue, some users at a time.

    Parameters
    ----------
    models
        By name; frozen models with ids of one type, which need not know the same users or items.
    weights
        By the same names, at least 0 and not all 0; only their ratios matter, and they are kept with a sum of 1.
        None: all the same. :func:`tastespace.tune_blend` chooses them on validation events.
    metrics
        What was measured of it, for ``info``.
    threads
        At most this many while it is made; None: all cores.

    Attributes
    ----------
    models, weights
        As given; read-only.
    users, items
        The vocabularies of all models, one after the other.
    history
        Who has seen what in any of the models; None if one of them was saved without.
    scale
        None: scores are no ratings, whatever the models are.
    info
        Names, trainers and weights.

    Raises
    ------
    InputError
        If these are no models, their ids are of different types, or a model has none in common with the others.
    ParameterError
        If the weights cannot be used.
    """

    models: Mapping[str, Listing]
    weights: Mapping[str, float] | None = None
    metrics: InitVar[Mapping[str, Any] | None] = None
    threads: InitVar[int | None] = None
    users: Vocabulary = field(init=False)
    items: Vocabulary = field(init=False)
    history: Csr | None = field(init=False)
    scale: tuple[float, float] | None = field(init=False)
    info: ModelInfo = field(init=False)
    _spaces: tuple[Space, ...] = field(init=False)
    _scored: tuple[Scored, ...] = field(init=False)
    _ranker: _native.Ranker = field(init=False)
    _width: int = field(init=False)

    def __post_init__(self, metrics: Mapping[str, Any] | None, threads: int | None) -> None:
        """Brings the models to one vocabulary and one scale."""
        put = object.__setattr__
        models = checked(self.models)
        put(self, "models", MappingProxyType(models))
        users, items = _union(models, "users"), _union(models, "items")
        if not all("folded_in" in model.info.data for model in models.values()):  # newcomers need not meet
            check_common(models)
        put(self, "users", users)
        put(self, "items", items)
        put(self, "history", _seen(models, users, items))
        put(self, "scale", None)
        cores = resolve_threads(threads)
        spaces: list[Space] = []
        scored: list[Scored] = []
        width = 0
        for name, model in models.items():
            places = users.find(model.users), items.find(model.items)
            rows = np.full(len(users), -1, np.int32)
            rows[places[0]] = np.arange(len(model.users), dtype=np.int32)
            if isinstance(model, FactorModel):
                spaces.append(Space.of(name, model, rows, places[1], width, cores))
                width += model.factors + 1
            else:
                scored.append(Scored(name, model, rows, places[1]))
        joined = blank(len(items), max(width, 1))
        for space in spaces:
            joined[space.columns, space.start : space.start + space.items.shape[1]] = space.items
        put(self, "_spaces", tuple(spaces))
        put(self, "_scored", tuple(scored))
        put(self, "_width", width)
        put(self, "_ranker", _native.Ranker(joined, width, None))
        self._weigh(self.weights, metrics)

    def _weigh(self, weights: Mapping[str, float] | None, metrics: Mapping[str, Any] | None) -> None:
        put = object.__setattr__
        share = shares(weights, tuple(self.models))
        put(self, "weights", MappingProxyType(share))
        infos = {name: model.info for name, model in self.models.items()}
        spans: list[tuple[Any, Any]] = [
            (info.data.get("first_time"), info.data.get("last_time")) for info in infos.values()
        ]
        timed = not any(time is None for span in spans for time in span)
        data = {
            "users": len(self.users),
            "items": len(self.items),
            "events": None if self.history is None else self.history.nnz,
            "explicit": False,
            "scale": None,
            "first_time": min(first for first, _ in spans) if timed else None,
            "last_time": max(last for _, last in spans) if timed else None,
        }
        params = {
            "models": {name: info.trainer for name, info in infos.items()},
            "weights": share,
        }
        put(self, "info", ModelInfo("Blend", params, data, dict(metrics or {}), __version__))

    def __reduce__(self) -> tuple[Any, ...]:
        return Blend, (dict(self.models), dict(self._share), self.info.metrics)

    @property
    def _share(self) -> Mapping[str, float]:
        """The weights, which sum to 1."""
        assert self.weights is not None  # set when made
        return self.weights

    def reweighted(self, weights: Mapping[str, float]) -> Self:
        """The same models with other weights; shares all that does not depend on them.

        Raises
        ------
        ParameterError
            If the weights cannot be used.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._weigh(weights, None)
        return other

    def measured(self, metrics: Mapping[str, Any]) -> Self:
        """The same model that remembers what was measured of it, in ``info.metrics``."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        object.__setattr__(other, "info", replace(self.info, metrics=dict(metrics)))
        return other

    def remembering(self, user_rows: Rows, threads: int | None = None) -> Self:
        """The same model for these users alone, with what models without factors say of them kept for every weighting.

        Where that takes no more than 1 GiB; otherwise this model itself.
        """
        room = 4 * len(user_rows) * len(self.items) * len(self._scored)
        if not self._scored or room > _KEPT:
            return self
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        kept = tuple(
            part.remembered(user_rows, len(self.items), resolve_threads(threads)) for part in self._scored
        )
        object.__setattr__(other, "_scored", kept)
        return other

    def __repr__(self) -> str:
        parts = ", ".join(f"{share:.3g} {name}" for name, share in self._share.items())
        return f"Blend of {parts}: {len(self.users):,} users, {len(self.items):,} items"

    # Scores

    def _vectors(self, user_rows: Rows) -> Floats:
        """What users have in the joined space of all factor models, weights and scales included; (rows, width)."""
        joined = blank(len(user_rows), max(self._width, 1))
        for space in self._spaces:
            space.write(joined, user_rows, self._share[space.name])
        return joined

    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        """Scores of all items for users, float32 (rows, items)."""
        total = self._ranker.scores(self._vectors(user_rows), threads)
        for part in self._scored:
            part.add(total, user_rows, self._share[part.name], threads)
        return total

    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        n = min(at_least_one("n", n), len(self.items))
        seen = self._history(SEEN) if exclude_seen else None
        threads = 1 if len(user_rows) == 1 else resolve_threads(threads)
        found = np.empty((len(user_rows), n), np.int32)
        scores = np.empty((len(user_rows), n), np.float32)
        for block in self._blocks(len(user_rows)):
            rows = user_rows[block]
            exclude = None if seen is None else (seen.indptr, seen.indices, rows)
            if not self._scored:
                boosts: tuple[Floats | None, ...] = (None, None, None)
                if adjust is not None:
                    zeros = np.zeros(len(self.items), np.float32)
                    boosts = adjust.bias(zeros), adjust.positive, adjust.negative
                none = np.zeros(len(rows), np.float32)
                found[block], scores[block] = self._ranker.best(
                    self._vectors(rows), none, n, threads, exclude, *boosts
                )
                continue
            found[block], scores[block] = best_of(self._scores(rows, threads), n, threads, exclude, adjust)
        return found, scores

    def _blocks(self, users: int) -> Iterator[slice]:
        size = _USERS if not self._scored else max(1, BLOCK // len(self.items))
        return (slice(start, start + size) for start in range(0, users, size))

    def score_pairs(self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None) -> Scores:
        """Raw scores of pairs of rows, float32 (pairs,); the same bits as :meth:`rank` gives.

        Where a model has no factors, all items are scored for every user in the pairs.
        """
        self._check_rows("user", user_rows, len(self.users))
        self._check_rows("item", item_rows, len(self.items))
        cores = resolve_threads(threads)
        asked, slots = np.unique(user_rows, return_inverse=True)
        scores = np.empty(len(item_rows), np.float32)
        for block in self._blocks(len(asked)):
            inside = (slots >= block.start) & (slots < block.stop)
            users, items = (slots[inside] - block.start).astype(np.int32), item_rows[inside]
            rows = asked[block].astype(np.int32)
            if self._scored:
                scores[inside] = self._scores(rows, cores)[users, items]
            else:
                scores[inside] = self._ranker.pairs(
                    self._vectors(rows), users, np.ascontiguousarray(items), cores
                )
        return scores

    # Explanations

    def parts(self, user: Id, item: Id) -> Table:
        """What each model says of an item: columns model, weight, score (raw), standardised, contribution.

        The contributions sum to the score. A model that does not know user or item has a score of NaN and adds 0.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If no model knows the id.
        """
        self.users.row(user), self.items.row(item)
        names = list(self.models)
        raw, standard = np.full(len(names), np.nan), np.zeros(len(names))
        for place, (name, model) in enumerate(self.models.items()):
            if user in model.users and item in model.items:
                score, mean, spread = self._standing(name, user, item)
                raw[place] = score
                standard[place] = (score - mean) / spread if spread else 0.0
        weights = np.array([self._share[name] for name in names])
        return Table(
            {
                "model": names,
                "weight": weights,
                "score": raw,
                "standardised": standard,
                "contribution": weights * standard,
            }
        )

    def _standing(self, name: str, user: Id, item: Id) -> tuple[float, float, float]:
        """Score of a pair in one model, and mean and deviation of the user's scores there."""
        model = self.models[name]
        items = np.arange(len(model.items), dtype=np.int32)
        row = model.users.row(user)
        scores = model.score_pairs(np.full(len(items), row, np.int32), items).astype(np.float64)
        score = float(scores[model.items.row(item)])
        if not np.isfinite(scores).all():  # as in lists, such a model adds nothing
            return score, 0.0, 0.0
        return score, float(scores.mean()), float(scores.std())

    def explain(self, user: Id, item: Id) -> Explanation:
        """Which of the user's events, in which model, drive a score; :meth:`parts` tells the sums of the models.

        The parts of each model's own explanation, divided by the deviation of the user's scores there and weighted;
        ``parts`` has a further column, ``model``. What a model subtracts, its mean score, stands in the mean.

        Raises
        ------
        UnsupportedError
            If one of the models cannot explain; it names the model.
        UnknownUserError, UnknownItemError, HistoryError
            If there is nothing to explain from.
        """
        self.users.row(user), self.items.row(item)
        told = Told()
        for name, model in self.models.items():
            explain = getattr(model, "explain", None)
            if explain is None:
                raise UnsupportedError(
                    f"model {name!r} of this blend cannot explain; blend.parts tells the sums"
                )
            if user not in model.users:
                continue
            if item in model.items:
                try:
                    why = explain(user, item)
                except UnsupportedError as error:
                    raise UnsupportedError(
                        f"model {name!r} of this blend cannot explain ({error}); blend.parts tells the sums"
                    ) from None
                _, centre, spread = self._standing(name, user, item)
                told.add(name, why, self._share[name], centre, spread)
            else:
                rows, values = model._history("explain").row(model.users.row(user))
                told.add_silent(name, model.items.ids[rows], values)
        return told.explanation(user, item, self.items)

    # Newcomers

    def fold_in(
        self,
        history: History | Mapping[str, History],
        *,
        on_unknown: Literal["raise", "skip"] = "raise",
    ) -> BlendVisitor:
        """Places a newcomer: by fold-in into each model, and the sum of what these say.

        Parameters
        ----------
        history
            By the names of the models what each is to know, ``{"clicks": {item: count}, "ratings": {item: rating}}``,
            as ``fold_in`` of that model takes it; models that are not named have no say. Or one history for all, where
            a value means the same to all models: each takes the items that it knows.
        on_unknown
            What to do with items that a named model, or all models, do not know.

        Returns
        -------
        BlendVisitor
            With ``recommend``, ``predict`` and ``explain``, of standardised scores as the blend itself.

        Raises
        ------
        UnknownItemError
            Naming the items that are not known.
        EmptyError, InputError, BadRowError
            If a history is empty or holds unusable values, or a name is that of no model.
        UnsupportedError
            If one history is to be ratings for one model and weights for another, or a model places no newcomers.
        """
        return visitor_of(self, history, on_unknown)

    def fold_in_many(
        self, events: Interactions | Mapping[str, Interactions], *, threads: int | None = None
    ) -> Blend:
        """The same blend of the users of ``events`` alone, placed by ``fold_in_many`` of each model.

        Parameters
        ----------
        events
            For all models, where a value means the same to them, or for each by its name. Users of whom no model
            knows an item are left out, and a user of whom one knows none has 0 from it.
        threads
            At most this many; None: all cores. The result does not depend on it.

        Raises
        ------
        EmptyError
            If a model knows no item.
        InputError, BadRowError
            If a model has no events, or values cannot be used.
        UnsupportedError
            As for :meth:`fold_in`.
        """
        return Blend(placed_models(self, events, threads), self._share, self.info.metrics, threads)

    @cached_property
    def _popularity(self) -> Floats:
        if any("folded_in" in model.info.data for model in self.models.values()):
            raise UnsupportedError(
                "a blend of newcomers does not know how popular items were in training; set the penalty before they "
                "are placed: blend.reranked(popularity_penalty=...).fold_in_many(events)"
            )
        return popularity_of(self._history(POPULAR))

    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {}
        parts = []
        for place, model in enumerate(self.models.values()):
            own, metadata = model._packed(history)
            arrays |= nested(f"models.{place}", own)
            parts.append(metadata)
        return arrays, {
            "kind": KIND,
            "names": list(self.models),
            "models": parts,
            "weights": dict(self._share),
            "metrics": asdict(self.info)["metrics"],
        }


def _union(models: Mapping[str, Listing], side: str) -> Vocabulary:
    first, *rest = (getattr(model, side) for model in models.values())
    union: Vocabulary = first
    for vocabulary in rest:
        if vocabulary is not union and vocabulary != union:
            union = union.extend(vocabulary)
    return union


def _seen(models: Mapping[str, Listing], users: Vocabulary, items: Vocabulary) -> Csr | None:
    """The histories of all models in one table, without values."""
    tables = [(model, model.history) for model in models.values()]
    cells: list[tuple[npt.NDArray[Any], ...]] = []
    for model, table in tables:
        if table is None:
            return None
        cells.append((users.find(model.users)[table.row_of()], items.find(model.items)[table.indices]))
    rows, columns = (np.concatenate(side) for side in zip(*cells, strict=True))
    times = [table.times for _, table in tables if table is not None and table.times is not None]
    return Csr.build(
        rows,
        columns,
        rows=len(users),
        columns=len(items),
        times=np.concatenate(times) if len(times) == len(tables) else None,
        duplicates="last",
    )
