"""The same metrics for parts of the test set: by activity of users, by popularity of items, for what is cold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tastespace.evaluation.groups import item_groups, user_groups
from tastespace.evaluation.parts import Part
from tastespace.evaluation.rating import Errors, Residuals, mae, rmse
from tastespace.evaluation.training import Training
from tastespace.models.table import Table

if TYPE_CHECKING:
    from tastespace.evaluation.report import UserValues
    from tastespace.evaluation.targets import Targets

#: What a test set may be sliced by.
SLICES = ("user_activity", "item_popularity", "warmth")

_Columns = dict[str, NDArray[np.float64]]


class Slices:
    """Parts of a test set, and what a model is worth on each.

    **User activity.** Scored users in groups of nearly equal size by number of training events. Values are means
    over the users of a group, RMSE and MAE over their events.

    **Item popularity.** Items in order of training events, cut so that the groups have nearly equal shares of the
    training events, least popular first. Only items of the group count as relevant; everything else in a list is a
    miss. Values are means over the users with a relevant item in the group, RMSE and MAE over the events on its
    items.

    Users or items with equally many training events are never parted, so that groups may be fewer than asked for.

    **Warmth.** Warm and cold users, and warm and cold items; cold is what the model does not know. Cold users and
    items have a row of their own (`cold`) in the other two as well, where there are any.

    Metrics over all lists together (coverage, Gini, entropy) and calibration are not sliced; list metrics and
    values by user not by items; values by item not by users.

    Parameters
    ----------
    groups
        Number of groups, at least 1.
    relevant
        As `HeldOut` has it; or None where only ratings are measured.
    wanted
        All relevant items of the same users, those too which cannot be hit: row -1 for items that the model does not
        know. Or all events whose ratings are predicted, where only ratings are measured.
    rated
        As `HeldOut` has it.
    graded
        Whether graded gains are wanted.
    n_test_users
        Users of the test set.
    training
        Tells activity and popularity.
    metrics
        Pairs of a metric and its cut-off; those that are no quotients of hits are passed over.
    places
        Length of the lists.
    threads
        At most this many; they change no bit of the result.
    """

    def __init__(
        self,
        groups: int,
        relevant: Targets | None,
        wanted: Targets,
        rated: Targets | None,
        graded: bool,
        n_test_users: int,
        training: Training,
        metrics: Sequence[tuple[str, int]],
        places: int,
        *,
        threads: int,
    ) -> None:
        self._rows, self._wanted = wanted.test_rows, np.diff(wanted.indptr)

        events = np.full(n_test_users, -1, np.int64)  # of users that are not scored at all
        activity = training.seen.counts()
        for targets in (relevant, rated):
            if targets is not None:
                known = np.append(activity, 0)  # row -1 is a user whom the model does not know
                events[targets.test_rows] = known[targets.rows]
        self._user_group, self._user_labels = user_groups(events, groups)
        self._user_warm = np.where(events > 0, 0, 1)

        item_group, self._item_labels = item_groups(training.events, groups)
        cold = len(self._item_labels)  # the last group: row -1 is an item that the model does not know
        self._item_group = np.append(item_group, cold)
        self._item_labels.append("cold")
        slots, groups_wanted = _slots(wanted), self._item_group[wanted.items]
        hittable = wanted if relevant is None else relevant
        slots_known, groups_known = _slots(hittable), self._item_group[hittable.items]

        def part(first: int, last: int) -> Part:
            """The relevant items of the groups from `first` to before `last`."""
            mine = (groups_wanted >= first) & (groups_wanted < last)
            known = (groups_known >= first) & (groups_known < min(last, cold))
            return Part(
                np.bincount(slots[mine], minlength=len(self._wanted)),
                np.bincount(slots_known[known], minlength=len(self._wanted)),
                hittable.items[known],
                hittable.values[known] if graded else None,
                wanted.values[mine] if graded else None,
                metrics,
                places,
                threads,
            )

        self._parts = [part(group, group + 1) for group in range(cold + 1)]
        # Without cold items the part of the warm ones is the whole, known from the report.
        self._warm = part(0, cold) if (groups_wanted == cold).any() else None

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        """See the lists of the scored users start..end."""
        for part in self._parts:
            part.add(start, end, ranked)
        if self._warm is not None:
            self._warm.add(start, end, ranked)

    def tables(
        self, metrics: Mapping[str, float], per_user: Mapping[str, UserValues], errors: Errors | None
    ) -> dict[str, Table]:
        """Return the table of each way of slicing.

        Parameters
        ----------
        metrics, per_user
            As in the report.
        errors
            Of the predicted ratings; None without rating metrics.
        """
        by_item = None if errors is None else errors.by_item
        kept = [
            group
            for group, part in enumerate(self._parts)
            if part.users or (by_item is not None and by_item.events[self._item_group == group].any())
        ]
        of_items = self._by_item(metrics, by_item, self._item_group, self._parts)
        return {
            "user_activity": self._table(
                self._user_labels,
                *self._counts(self._user_group, len(self._user_labels)),
                metrics,
                self._by_user(per_user, errors, self._user_group, len(self._user_labels)),
            ),
            "item_popularity": self._table(
                [self._item_labels[group] for group in kept],
                [self._parts[group].users for group in kept],
                [self._parts[group].events for group in kept],
                metrics,
                {name: values[kept] for name, values in of_items.items()},
            ),
            "warmth": self._warmth(metrics, per_user, errors),
        }

    def _warmth(
        self, metrics: Mapping[str, float], per_user: Mapping[str, UserValues], errors: Errors | None
    ) -> Table:
        users, events = self._counts(self._user_warm, 2)
        cold = self._parts[-1]
        parts = [cold if self._warm is None else self._warm, cold]
        is_cold = np.zeros(len(self._item_group), np.int64)
        is_cold[-1] = 1
        of_users = self._by_user(per_user, errors, self._user_warm, 2)
        of_items = self._by_item(metrics, None if errors is None else errors.by_item, is_cold, parts)
        if self._warm is None:
            for name in of_items.keys() - {"rmse", "mae", "rmse_by_item", "mae_by_item"}:
                of_items[name][0] = metrics[name]
        nothing = np.full(2, np.nan)
        values = {
            name: np.concatenate([of_users.get(name, nothing), of_items.get(name, nothing)])
            for name in metrics
            if name in of_users or name in of_items
        }
        n_users = len(self._rows) if self._warm is None else self._warm.users
        n_events = int(self._wanted.sum()) - cold.events
        return self._table(
            ["warm users", "cold users", "warm items", "cold items"],
            [*users, n_users, cold.users],
            [*events, n_events, cold.events],
            metrics,
            values,
        )

    def _counts(self, group: NDArray[np.int64], groups: int) -> tuple[list[int], list[int]]:
        """Scored users and their relevant events in each group of users."""
        mine = group[self._rows]
        users, events = np.bincount(mine, minlength=groups), np.zeros(groups, np.int64)
        np.add.at(events, mine, self._wanted)
        return users.tolist(), events.tolist()

    def _by_user(
        self,
        per_user: Mapping[str, UserValues],
        errors: Errors | None,
        group: NDArray[np.int64],
        groups: int,
    ) -> _Columns:
        columns: _Columns = {}
        for name, found in per_user.items():
            mine = group[found.rows]
            if name in ("rmse", "mae") and errors is not None:
                columns[name] = _errors(name, errors.by_user.grouped(mine, groups))
            else:
                columns[name] = _means(found.values, mine, groups)
        return columns

    @staticmethod
    def _by_item(
        metrics: Mapping[str, float],
        residuals: Residuals | None,
        group: NDArray[np.int64],
        parts: Sequence[Part],
    ) -> _Columns:
        columns: _Columns = {}
        for name in metrics:
            if name in parts[0].sums:
                columns[name] = np.array([part.mean(name) for part in parts])
            elif residuals is not None and name in ("rmse", "mae"):
                columns[name] = _errors(name, residuals.grouped(group, len(parts)))
            elif residuals is not None and name in ("rmse_by_item", "mae_by_item"):
                some = residuals.events > 0
                columns[name] = _means(
                    _errors(name.removesuffix("_by_item"), residuals.filled()), group[some], len(parts)
                )
        return columns

    @staticmethod
    def _table(
        labels: Sequence[str],
        users: Sequence[int],
        events: Sequence[int],
        metrics: Mapping[str, float],
        columns: _Columns,
    ) -> Table:
        return Table(
            {
                "slice": np.array(labels, object),
                "users": np.array(users, np.int64),
                "events": np.array(events, np.int64),
                **{name: columns[name] for name in metrics if name in columns},
            }
        )


def _means(values: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """Mean of each group; NaN for an empty one."""
    count = np.bincount(group, minlength=groups)
    mean = np.full(groups, np.nan)
    np.divide(np.bincount(group, values, groups), count, out=mean, where=count > 0)
    return mean


def _errors(name: str, residuals: Residuals) -> NDArray[np.float64]:
    """RMSE or MAE of each entry; NaN for one without events."""
    with np.errstate(invalid="ignore"):
        return rmse(residuals) if name == "rmse" else mae(residuals)


def _slots(targets: Targets) -> NDArray[np.int64]:
    """The user, from 0, of each target item."""
    return np.repeat(np.arange(len(targets.rows)), np.diff(targets.indptr))
