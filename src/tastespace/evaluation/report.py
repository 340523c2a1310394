"""What an evaluation found."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.evaluation.selection import nearest
from tastespace.evaluation.slices import SLICES
from tastespace.models.table import Table

_WIDTH = 80  # of what is printed
_CELL = 9
#: What the printed slices show first, as far as there is room.
_TELLING = ("ndcg", "recall", "rmse", "hit_rate", "map", "mae", "mrr", "precision", "novelty", "diversity")


@dataclass(frozen=True, slots=True, eq=False)
class UserValues:
    """Values of one metric, one for each user in `rows` of the vocabulary `users`; read-only.

    Attributes
    ----------
    users
        The vocabulary of the test set.
    rows
        Of the users in it.
    values
        One for each.
    counts
        What each user's value is the mean over, such as events for RMSE, and so how it counts in the metric over all
        users; None where each user counts alike.
    """

    users: Vocabulary
    rows: NDArray[np.int32]
    values: NDArray[np.float64]
    counts: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "values", "counts"):
            array = getattr(self, name)
            if array is not None:
                array = array.view()
                array.setflags(write=False)
                object.__setattr__(self, name, array)


class Report:
    """The values of an evaluation, and how they came about. Read-only; made by `tastespace.evaluate`.

    ``report["ndcg@10"]`` is one value, ``list(report)`` the names, and ``print(report)`` shows everything.

    Parameters
    ----------
    metrics
        Values by name, in the order in which they are shown.
    counts
        See `counts`.
    protocol
        See `protocol`.
    per_user
        Values for each scored user, by name; without the metrics that have none.
    warnings
        See `warnings`.
    slices
        Tables by what they slice by; empty where none were asked for.
    calibration
        See `calibration`; None without predicted ratings.
    """

    __slots__ = ("_calibration", "_counts", "_metrics", "_per_user", "_protocol", "_slices", "_warnings")

    def __init__(
        self,
        metrics: Mapping[str, float],
        counts: Mapping[str, int],
        protocol: str,
        per_user: Mapping[str, UserValues],
        warnings: Sequence[str] = (),
        *,
        slices: Mapping[str, Table] | None = None,
        calibration: Table | None = None,
    ) -> None:
        self._metrics = dict(metrics)
        self._counts = dict(counts)
        self._protocol = protocol
        self._per_user = dict(per_user)
        self._warnings = tuple(warnings)
        self._slices = dict(slices or {})
        self._calibration = calibration

    @property
    def metrics(self) -> dict[str, float]:
        """All values by name, such as ``"ndcg@10"`` and ``"rmse"`` (a new dictionary)."""
        return dict(self._metrics)

    @property
    def counts(self) -> dict[str, int]:
        """How much of the test set was used (a new dictionary).

        ``users``
            Users of the test set: ``users_warm`` known to the model and with a history there, ``users_cold`` not.
        ``users_scored``
            Warm users with a relevant item, and with ``cold="score"`` cold ones: those whom ranking metrics average
            over.
        ``users_without_relevant``
            Users that are not scored because none of their test items is relevant.
        ``items``
            Items of the test set: ``items_warm`` known to the model, ``items_cold`` not.
        ``events``
            Events of the test set: ``events_warm`` of a warm user and a known item, over which rating metrics are
            taken; ``events_cold`` the others.
        ``events_relevant``
            Relevant events of the scored users. Among them ``events_relevant_cold`` are on items unknown to the
            model and ``events_relevant_seen`` on items in the user's history; the first always, the second where
            seen items are removed, count as misses.
        ``users_few_candidates``
            With drawn candidates: scored users who had too few items to draw from and got all there are.
        ``users_without_candidates``, ``candidates_cold``, ``events_relevant_unlisted``
            With given candidates: users with a relevant item but without a list, who are not scored; candidates of
            scored users that the model does not know; relevant items known to the model that are not among the
            candidates and count as misses.
        """
        return dict(self._counts)

    @property
    def protocol(self) -> str:
        """One sentence on how the values were made and what was left out."""
        return self._protocol

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what may mislead in these values; empty where nothing is known of."""
        return self._warnings

    def __getitem__(self, name: str) -> float:
        """Return the value of one metric.

        Raises
        ------
        ParameterError
            The report has no such metric; suggests the nearest.
        """
        try:
            return self._metrics[name]
        except KeyError:
            raise ParameterError(self._unknown(name, list(self._metrics))) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def per_user(self, name: str) -> Table:
        """Return the values of one metric for each scored user, in the order of the test set.

        Parameters
        ----------
        name
            As in the report. Metrics of rankings and lists are the mean of these values; users for whom a metric of
            lists is not defined are left out. RMSE and MAE are no means: they are taken over all events at once, and
            here over the events of each user.

        Returns
        -------
        Table
            Columns ``user`` and ``value`` (float64).

        Raises
        ------
        ParameterError
            The report has no such metric, or the metric (coverage, say) belongs to all users together.
        """
        if name in self._metrics and name not in self._per_user:
            raise ParameterError(f"{name} belongs to all users together and has no value for each")
        if name not in self._per_user:
            raise ParameterError(self._unknown(name, list(self._per_user)))
        found = self._per_user[name]
        return Table({"user": found.users.ids[found.rows], "value": found.values})

    def prefaced(self, sentences: Sequence[str | None], warnings: Sequence[str]) -> Report:
        """The same report, with sentences before its protocol (None: none) and more warnings."""
        report = copy(self)
        report._protocol = "; ".join([*filter(None, sentences), self._protocol])
        report._warnings = (*self._warnings, *warnings)
        return report

    def slices(self, by: str) -> Table:
        """Return the metrics for parts of the test set.

        Parameters
        ----------
        by
            ``"user_activity"``: scored users by number of training events. ``"item_popularity"``: items by number of
            training events, in groups with equal shares of these; only items of the group count as relevant.
            ``"warmth"``: warm and cold users and items.

        Returns
        -------
        Table
            Columns ``slice`` (a label such as "1-5 events"), ``users`` (scored users in it), ``events`` (their
            relevant test events in it), and one for each metric that can be sliced so. NaN where it cannot or where
            a part is empty. See `tastespace.evaluation.slices.Slices`.

        Raises
        ------
        ParameterError
            The report has no slices, or none by that.
        """
        if not self._slices:
            raise ParameterError(
                "the report has no slices; make one with slices=10, for ten groups of users and items"
            )
        if by not in self._slices:
            raise ParameterError(
                f"there are no slices by {by!r}{nearest(str(by), SLICES) or ';'} there are {', '.join(SLICES)}"
            )
        return self._slices[by]

    def calibration(self) -> Table:
        """Return predicted against given ratings, by predicted rating.

        Returns
        -------
        Table
            One row for each tenth of the rating scale with predictions in it: ``low`` and ``high``, the number of
            ``events``, and the means of the ``predicted`` and the ``given`` ratings.

        Raises
        ------
        ParameterError
            The report is not of predicted ratings.
        """
        if self._calibration is None:
            raise ParameterError(
                "the report has no predicted ratings; evaluate a model that predicts them on a test set of ratings, "
                'with a rating metric such as "rmse"'
            )
        return self._calibration

    def __repr__(self) -> str:
        parts = self._values()
        for sentence in (self._protocol, *(f"warning: {warning}" for warning in self._warnings)):
            parts += textwrap.wrap(sentence, _WIDTH, break_on_hyphens=False)
        if self._slices:
            parts += [*_slice_lines(self._slices), "", "All columns: report.slices(by)"]
        return "\n".join(parts)

    def _values(self) -> list[str]:
        """Lay out the values: a row for each metric, a column for each cut-off, as many abreast as there is room."""
        cells: dict[str, dict[int, str]] = {}
        for name, value in self._metrics.items():
            metric, _, k = name.partition("@")
            cells.setdefault(metric, {})[int(k or 0)] = _number(value)
        cutoffs = sorted({k for row in cells.values() for k in row if k})
        width = max(_CELL, *(len(metric) + 1 for metric in cells))
        abreast = (_WIDTH - width) // _CELL
        lines = []
        for start in range(0, len(cutoffs), abreast):
            shown = cutoffs[start : start + abreast]
            lines += ["".join([" " * width, *(f"{f'@{k}':>{_CELL}}" for k in shown)])]
            for metric, row in cells.items():
                if row.keys() & set(shown):
                    line = f"{metric:<{width}}" + "".join(f"{row.get(k, ''):>{_CELL}}" for k in shown)
                    lines.append(line.rstrip())
        lines += [f"{metric:<{width}}{row[0]:>{_CELL}}" for metric, row in cells.items() if 0 in row]
        return lines

    def _unknown(self, name: str, known: list[str]) -> str:
        return f"the report has no {name!r}{nearest(str(name), known) or ';'} it has {', '.join(known)}"


def _number(value: float) -> str:
    """Print a value in at most eight characters."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 1e6:
        return f"{value:.2e}"
    decimals = 4 if abs(value) < 100 else 1 if abs(value) < 10_000 else 0
    return f"{value:,.{decimals}f}"


def _slice_lines(slices: Mapping[str, Table]) -> list[str]:
    """Lay out slices one below the other, with as many of the most telling metrics as there is room for."""
    tables = [
        [
            [f"by {by.replace('_', ' ')}", *table["slice"].tolist()],
            *([name, *(f"{n:,}" for n in table[name].tolist())] for name in ("users", "events")),
        ]
        for by, table in slices.items()
    ]
    widths = [max(len(cell) for table in tables for cell in table[at]) for at in range(3)]
    names = next(iter(slices.values())).columns[3:]
    for name in _told([name for name in names if all(name in table.columns for table in slices.values())]):
        columns = [[name, *map(_number, table[name].tolist())] for table in slices.values()]
        width = max(len(cell) for column in columns for cell in column)
        if sum(widths) + 2 * len(widths) + width > _WIDTH:
            break
        widths.append(width)
        for table, column in zip(tables, columns, strict=True):
            table.append(column)
    lines = []
    for table in tables:
        lines.append("")
        for label, *cells in zip(*table, strict=True):
            shown = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
            lines.append("  ".join([label.ljust(widths[0]), *shown]))
    return lines


def _told(names: Sequence[str]) -> list[str]:
    """Put the names in the order in which they are to be shown: telling metrics first, each at one cut-off."""
    first: dict[str, str] = {}
    for name in names:
        metric, _, k = name.partition("@")
        if metric not in first or k == "10":
            first[metric] = name
    return sorted(first.values(), key=lambda name: _rank(name.partition("@")[0]))


def _rank(metric: str) -> int:
    return _TELLING.index(metric) if metric in _TELLING else len(_TELLING)
