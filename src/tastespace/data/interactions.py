"""Who did what to what: users x items, in both orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import polars as pl
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from tastespace.data.csr import Csr, Duplicates
from tastespace.data.events import Events, check_events, kind_factors, rating_scale, scaled
from tastespace.data.filters import (
    Duration,
    Moment,
    cell_mask,
    duration_seconds,
    k_core,
    minimum,
    unix_seconds,
)
from tastespace.data.summary import summary
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, ParameterError


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """Ratings or implicit events of users and items; frozen.

    Made by `tastespace.read`, `tastespace.datasets.load` or `Interactions.from_events`. Every pair of user
    and item occurs at most once. Memory is 16 bytes an event for both orders, 8 when all values are 1, plus
    8 where times are kept, plus 8 where ratings are decayed, plus offsets; events of several kinds keep
    4 bytes an event of each kind, 4 more where their values are not all 1 and 8 more with times.

    Attributes
    ----------
    users, items
        Exactly the ids that occur.
    by_user
        Users x items; the only order that holds times.
    by_item
        Items x users.
    explicit
        Whether values are ratings (any finite number). Otherwise they are weights, above 0: how sure it is
        that the user wanted the item.
    scale
        Lowest and highest rating as read, kept by every filter and split; None for implicit events.
    skipped
        Rows that were left out while reading: bad ones, and implicit events of weight 0.
    signals
        Name and table (users x items) of each kind of event, without event weights; empty where no kinds
        were given.
    """

    users: Vocabulary
    items: Vocabulary
    by_user: Csr
    by_item: Csr
    explicit: bool
    scale: tuple[float, float] | None = None
    skipped: int = 0
    signals: tuple[tuple[str, Csr], ...] = ()

    @classmethod
    def from_events(
        cls,
        users: Vocabulary,
        items: Vocabulary,
        user_rows: ArrayLike,
        item_rows: ArrayLike,
        *,
        values: ArrayLike | None = None,
        times: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        kinds: ArrayLike | None = None,
        kind_names: Sequence[str] = (),
        event_weights: Mapping[str, float] | None = None,
        explicit: bool,
        scale: tuple[float, float] | None = None,
        duplicates: Duplicates | None = None,
        skipped: int = 0,
    ) -> "Interactions":
        """Make interactions of events in any order.

        Ids that do not occur are left out and the others keep their order. Implicit events of value 0 are
        left out and counted in ``skipped``. While it runs, memory above the input is at most the result and
        4 bytes an event; conversions of the input to the types below come on top.

        Parameters
        ----------
        users, items
            Ids; rows of the events point into them.
        user_rows, item_rows
            Integers (events,); int32 and uint32 are used as they are.
        values
            Numbers (events,): ratings, or weights of implicit events; None means 1. float32 is used as is.
        times
            Unix seconds as integers, or datetime64; int64 is used as is.
        weights
            Numbers (events,) above 0, the weight of each rating; only with ``explicit``.
        kinds, kind_names
            Kind of each event as a position in ``kind_names``.
        event_weights
            Weight of each kind by name, above 0: multiplies the values of implicit events, the weights of
            ratings. `only` returns a kind without it.
        explicit
            Whether values are ratings.
        scale
            Lowest and highest possible rating; by default those that occur.
        duplicates
            What becomes of several events of one user and item: ``"last"`` (by time, then position),
            ``"first"``, ``"max"``, ``"sum"`` or ``"mean"``. By default ``"last"`` for ratings and ``"sum"``
            for implicit events. Sums and means keep the latest time.
        skipped
            Rows already left out by the caller.

        Raises
        ------
        EmptyError
            If no event is left.
        BadRowError
            If a value, weight or time cannot be used, or a sum leaves float32; names both ids.
        InputError
            If lengths or types do not fit, or a row is out of range.
        ParameterError
            If ``duplicates``, ``event_weights`` or ``scale`` make no sense.
        """
        rule: Duplicates = duplicates or ("last" if explicit else "sum")
        if rule not in get_args(Duplicates):
            raise ParameterError(
                f"duplicates must be one of {', '.join(map(repr, get_args(Duplicates)))}; got {duplicates!r}"
            )
        events = check_events(
            users,
            items,
            user_rows,
            item_rows,
            values=values,
            weights=weights,
            times=times,
            kinds=kinds,
            kind_names=kind_names,
            explicit=explicit,
        )
        del user_rows, item_rows, values, times, weights, kinds  # go after use, where the caller lets go too
        signals: list[tuple[str, Csr]] = []
        weighted = events
        if events.kinds is not None:
            factors = kind_factors(kind_names, event_weights)
            for code, name in enumerate(kind_names):
                mask = events.kinds == code
                if mask.any():
                    signals.append((name, events.take(mask).table(users, items, rule)))
            if (factors != 1).any():
                weighted = events.weighted(factors[events.kinds], explicit=explicit)
        elif event_weights is not None:
            raise ParameterError("event_weights needs the kind of each event; pass kinds= or drop it")
        by_user = weighted.table(users, items, rule)
        scale = rating_scale(scale, events.values, by_user.values) if explicit else None
        skipped += events.dropped
        del events, weighted
        return _assemble(
            users,
            items,
            by_user,
            explicit=explicit,
            scale=scale,
            skipped=skipped,
            signals=tuple(signals),
        )

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def n_events(self) -> int:
        """Number of pairs of user and item."""
        return self.by_user.nnz

    @property
    def has_times(self) -> bool:
        """Whether events have times."""
        return self.by_user.times is not None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of event, empty where none were given."""
        return tuple(name for name, _ in self.signals)

    def __len__(self) -> int:
        return self.n_events

    def __repr__(self) -> str:
        return summary(self.by_user, explicit=self.explicit, kinds=self.kinds, skipped=self.skipped)

    def user_rows(self) -> NDArray[np.int32]:
        """Return the user row of each event in ``by_user`` order, int32 (n_events,)."""
        return self.by_user.row_of()

    def select(self, events: ArrayLike) -> "Interactions":
        """Return the chosen events, with the users and items that occur in them.

        Parameters
        ----------
        events
            A mask, bool (n_events,), or integer positions in ``by_user`` order; repeats count once.

        Raises
        ------
        EmptyError
            If none are chosen.
        InputError
            If it is neither, or out of range.
        """
        mask = cell_mask(events, self.n_events)
        if not mask.any():
            raise EmptyError(f"no event is chosen out of {self.n_events:,}")
        if mask.all():
            return self
        by_user = self.by_user.select(mask)
        signals = tuple((name, table.select(table.within(by_user))) for name, table in self.signals)
        return self._with_table(by_user, tuple((name, table) for name, table in signals if table.nnz))

    def filter(
        self,
        *,
        min_user_events: int | None = None,
        min_item_events: int | None = None,
        users: object = None,
        items: object = None,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> "Interactions":
        """Return the events that pass every condition.

        Ids and times are applied first. Then users and items with too few events are removed, repeatedly,
        until every one left has enough (the k-core). The time of several merged events is that of the event
        that was kept, for sums and means that of the last.

        Parameters
        ----------
        min_user_events, min_item_events
            At least so many events for each user and each item.
        users, items
            Ids to keep, all known.
        since, until
            From ``since`` (inclusive) to ``until`` (exclusive): a date, a datetime, ISO text such as
            ``"2018-09-24"`` or Unix seconds; UTC unless it names a time zone.

        Raises
        ------
        EmptyError
            If nothing is left; the message says what each condition removed.
        InputError
            If ``since`` or ``until`` are given and events have no times.
        UnknownUserError, UnknownItemError
            If an id to keep is unknown.
        ParameterError
            If a bound is not a whole number of at least 1, or not a time.
        """
        cores = (minimum(min_user_events, "min_user_events"), minimum(min_item_events, "min_item_events"))
        keep = np.ones(self.n_events, dtype=bool)
        removed: list[str] = []

        def apply(what: str, passes: NDArray[np.bool_]) -> None:
            before = np.count_nonzero(keep)
            np.logical_and(keep, passes, out=keep)
            lost = before - np.count_nonzero(keep)
            removed.append(f"{what} removed {lost:,} event{'' if lost == 1 else 's'}")

        if users is not None:
            wanted = np.zeros(self.n_users, dtype=bool)
            wanted[self.users.rows(users)] = True
            apply("users", wanted[self.user_rows()])
        if items is not None:
            wanted = np.zeros(self.n_items, dtype=bool)
            wanted[self.items.rows(items)] = True
            apply("items", wanted[self.by_user.indices])
        if since is not None:
            apply(f"since={since!s}", self._times("since") >= unix_seconds(since, "since"))
        if until is not None:
            apply(f"until={until!s}", self._times("until") < unix_seconds(until, "until"))
        if cores != (1, 1):
            bounds = (("min_user_events", min_user_events), ("min_item_events", min_item_events))
            named = " with ".join(f"{name}={bound}" for name, bound in bounds if bound is not None)
            apply(named, k_core(self.by_user, keep, *cores))
        if not keep.any():
            raise EmptyError(
                f"the filter leaves no event out of {self.n_events:,}: {'; '.join(removed)}; relax it"
            )
        return self.select(keep)

    def only(self, kind: str) -> "Interactions":
        """Return the events of one kind, without its event weight.

        Raises
        ------
        ParameterError
            If there is no such kind.
        """
        if kind not in self.kinds:
            known = f"kinds here are {', '.join(map(repr, self.kinds))}"
            raise ParameterError(
                f"there are no events of kind {kind!r}; "
                + (known if self.kinds else "no kinds were given: name their column, read(..., event=)")
            )
        return self._with_table(dict(self.signals)[kind], ())

    def as_implicit(self, at_least: float | None = None) -> "Interactions":
        """Replace ratings or weights by 1.

        Decayed ratings keep their decay: it becomes the value.

        Parameters
        ----------
        at_least
            Only events whose value is at least this.

        Raises
        ------
        EmptyError
            If no value is high enough.
        ParameterError
            If ``at_least`` is not a finite number.
        """
        chosen = self
        if at_least is not None:
            number = isinstance(at_least, (int, float, np.number)) and not isinstance(at_least, bool)
            if not number or not np.isfinite(at_least):
                raise ParameterError(f"at_least must be a finite number; got {at_least!r}")
            passes = self.by_user.filled_values() >= at_least
            if not passes.any():
                highest = self.by_user.filled_values().max()
                raise EmptyError(f"no value is at least {at_least}; the highest is {highest:g}")
            chosen = self.select(passes)
        return replace(
            chosen,
            by_user=_as_implicit(chosen.by_user),
            by_item=_as_implicit(chosen.by_item),
            signals=tuple((name, _as_implicit(table)) for name, table in chosen.signals),
            explicit=False,
            scale=None,
        )

    def decay(self, half_life: Duration = "90d", now: Moment | None = None) -> "Interactions":
        """Let older events count less: ``0.5 ** (age / half_life)``.

        Values of implicit events are multiplied by it; ratings stay and their weights are multiplied: every
        trainer of ratings weighs its errors or means by them, and implicit trainers turn values into
        confidence (but for ``Popularity``, which counts events and has a ``half_life`` of its own). Events
        after ``now`` count in full, and none falls below the smallest normal float32.

        Parameters
        ----------
        half_life
            ``"90d"``, ``"12h"``, ``"1.5y"`` (units s, min, h, d, w, y) or a timedelta.
        now
            When ages are counted; by default the time of the last event.

        Raises
        ------
        InputError
            If events have no times.
        ParameterError
            If ``half_life`` or ``now`` cannot be understood.
        """
        seconds = duration_seconds(half_life, "half_life")
        times = self._times("decay")
        end = int(times.max()) if now is None else unix_seconds(now, "now")

        def decayed(table: Csr) -> Csr:
            assert table.times is not None  # every table has them or none
            factors = 0.5 ** (np.maximum(end - table.times, 0) / seconds)
            if self.explicit:
                return replace(table, weights=scaled(table.weights, factors))
            return table.replace_values(scaled(table.values, factors))

        by_user = decayed(self.by_user)
        signals = tuple((name, decayed(table)) for name, table in self.signals)
        return replace(self, by_user=by_user, by_item=by_user.transpose(), signals=signals)

    def merge(self, new: "Interactions", *, duplicates: Duplicates | None = None) -> "Interactions":
        """Return these events and ``new`` ones together.

        Users and items keep their rows; those of ``new`` that are unknown here are appended. Times and kinds
        of ``new`` are kept where these events have them too.

        Parameters
        ----------
        new
            Of the same sort: ratings with ratings, implicit with implicit.
        duplicates
            As in `from_events`; ``new`` counts as later in input order.

        Raises
        ------
        InputError
            If ratings meet implicit events, ids are of different types, or ``new`` lacks the times or the
            kinds that these events have.
        """
        if self.explicit != new.explicit:
            sorts = {True: "ratings", False: "implicit events"}
            raise InputError(
                f"{sorts[self.explicit]} and {sorts[new.explicit]} cannot be merged; "
                "use as_implicit() on the ratings"
            )
        if self.has_times and not new.has_times:
            raise InputError("the events to merge in have no times; read them with timestamp=")
        if self.signals and not new.signals:
            raise InputError("the events to merge in have no kinds; read them with event=")
        rule: Duplicates = duplicates or ("last" if self.explicit else "sum")
        users, items = self.users.extend(new.users.ids), self.items.extend(new.items.ids)
        user_map, item_map = users.rows(new.users), items.rows(new.items)

        def joined(old: Csr | None, fresh: Csr | None) -> Csr:
            parts = [] if old is None else [Events.of(old)]
            if fresh is not None:
                moved = Events.of(fresh)
                parts.append(
                    replace(
                        moved,
                        user_rows=user_map[moved.user_rows],
                        item_rows=item_map[moved.item_rows],
                        times=moved.times if self.has_times else None,
                    )
                )
            return Events.joined(parts).table(users, items, rule)

        old_signals, new_signals = dict(self.signals), dict(new.signals if self.signals else ())
        scales = [scale for scale in (self.scale, new.scale) if scale is not None]
        return _assemble(
            users,
            items,
            joined(self.by_user, new.by_user),
            explicit=self.explicit,
            scale=(min(s[0] for s in scales), max(s[1] for s in scales)) if scales else None,
            skipped=self.skipped + new.skipped,
            signals=tuple(
                (name, joined(old_signals.get(name), new_signals.get(name)))
                for name in dict.fromkeys([*old_signals, *new_signals])
            ),
        )

    def to_polars(self) -> pl.DataFrame:
        """Return the events by user as a table.

        Columns are ``user``, ``item``, then ``rating`` (and ``weight`` where ratings are weighted) or
        ``weight``, then ``timestamp`` (UTC) where times are known.
        """
        table = self.by_user
        columns: dict[str, Any] = {
            "user": _id_series(self.users).gather(self.user_rows()),
            "item": _id_series(self.items).gather(table.indices),
            "rating" if self.explicit else "weight": table.filled_values(),
        }
        if table.weights is not None:
            columns["weight"] = table.weights
        if table.times is not None:
            columns["timestamp"] = pl.from_epoch(pl.Series(table.times), time_unit="s")
        return pl.DataFrame(columns)

    def to_scipy(self) -> scipy.sparse.csr_matrix:
        """Return users x items as a SciPy matrix of values, float32."""
        return self.by_user.to_scipy()

    def _times(self, what: str) -> NDArray[np.int64]:
        if self.by_user.times is None:
            raise InputError(
                f"{what} needs the times of events and there are none; read them with timestamp="
            )
        return self.by_user.times

    def _with_table(self, by_user: Csr, signals: tuple[tuple[str, Csr], ...]) -> "Interactions":
        return _assemble(
            self.users,
            self.items,
            by_user,
            explicit=self.explicit,
            scale=self.scale,
            skipped=self.skipped,
            signals=signals,
        )


def _assemble(
    users: Vocabulary,
    items: Vocabulary,
    by_user: Csr,
    *,
    explicit: bool,
    scale: tuple[float, float] | None,
    skipped: int,
    signals: tuple[tuple[str, Csr], ...],
) -> Interactions:
    """Interactions of a table, with the users and items that occur in it."""
    by_item = by_user.transpose()
    used_users, used_items = np.flatnonzero(by_user.counts()), np.flatnonzero(by_item.counts())
    if len(used_users) < len(users) or len(used_items) < len(items):
        users, items = users.take(used_users), items.take(used_items)
        by_user = by_user.renumber(used_users, used_items)
        by_item = by_item.renumber(used_items, used_users)
        signals = tuple((name, table.renumber(used_users, used_items)) for name, table in signals)
    return Interactions(users, items, by_user, by_item, explicit, scale, skipped, signals)


def _as_implicit(table: Csr) -> Csr:
    return replace(table, weights=None).replace_values(table.weights)


def _id_series(ids: Vocabulary) -> pl.Series:
    return pl.Series(ids.ids, dtype=pl.String if ids.kind == "string" else pl.Int64)
