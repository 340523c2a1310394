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
    relevant, n_relevant
        As `HeldOut` has them; or None where only ratings are measured.
    rated
        As `HeldOut` has it.
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
        n_relevant: NDArray[np.int64],
        rated: Targets | None,
        n_test_users: int,
        training: Training,
        metrics: Sequence[tuple[str, int]],
        places: int,
        *,
        threads: int,
    ) -> None:
        basis = rated if relevant is None else relevant
        assert basis is not None  # there is something to score, or the evaluation has said so
        sizes = np.diff(basis.indptr)
        self._rows, self._wanted = basis.test_rows, sizes if relevant is None else n_relevant

        events = np.full(n_test_users, -1, np.int64)  # of users that are not scored at all
        activity = training.history.counts()
        for targets in (relevant, rated):
            if targets is not None:
                known = np.append(activity, 0)  # row -1 is a user whom the model does not know
                events[targets.test_rows] = known[targets.rows]
        self._user_group, self._user_labels = user_groups(events, groups)
        self._user_warm = np.where(events > 0, 0, 1)

        item_group, self._item_labels = item_groups(training.events, groups)
        self._item_group = np.append(
            item_group, len(self._item_labels)
        )  # the last: items unknown to the model
        self._item_labels.append("cold")
        slot = np.repeat(np.arange(len(sizes)), sizes)
        group_of = self._item_group[basis.items]
        self._parts = []
        for group in range(len(self._item_labels) - 1):
            chosen = group_of == group
            of_user = np.bincount(slot[chosen], minlength=len(sizes))
            self._parts.append(Part(of_user, of_user, basis.items[chosen], metrics, places, threads))
        known = basis.items >= 0
        n_known = np.bincount(slot[known], minlength=len(sizes))
        n_cold = self._wanted - n_known
        self._parts.append(Part(n_cold, np.zeros_like(n_cold), basis.items[:0], metrics, places, threads))
        # Without cold items the part of the warm ones is the whole, known from the report.
        self._warm = (
            Part(n_known, n_known, basis.items[known], metrics, places, threads) if n_cold.any() else None
        )

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
