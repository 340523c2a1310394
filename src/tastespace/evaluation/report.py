"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import ParameterError
from tastespace.evaluation.selection import nearest
from tastespace.models.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class UserValues:
    """Values of one metric, one for each user in `rows` of the vocabulary `users`."""

    users: Vocabulary
    rows: NDArray[np.int32]
    values: NDArray[np.float64]


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
    """

    __slots__ = ("_counts", "_metrics", "_per_user", "_protocol", "_warnings")

    def __init__(
        self,
        metrics: Mapping[str, float],
        counts: Mapping[str, int],
        protocol: str,
        per_user: Mapping[str, UserValues],
        warnings: Iterable[str] = (),
    ) -> None:
        self._metrics = dict(metrics)
        self._counts = dict(counts)
        self._protocol = protocol
        self._per_user = dict(per_user)
        self._warnings = tuple(warnings)

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
            Warm users with a relevant item: those whom ranking metrics average over.
        ``users_without_relevant``
            Warm users that are not scored because none of their test items is relevant.
        ``items``
            Items of the test set: ``items_warm`` known to the model, ``items_cold`` not.
        ``events``
            Events of the test set: ``events_warm`` of a warm user and a known item, over which rating metrics are
            taken; ``events_cold`` the others.
        ``events_relevant``
            Relevant events of the scored users. Among them ``events_relevant_cold`` are on items unknown to the
            model and ``events_relevant_seen`` on items in the user's history; the first always, the second where
            seen items are removed, count as misses.
        """
        return dict(self._counts)

    @property
    def protocol(self) -> str:
        """One sentence on how the values were made and what was left out."""
        return self._protocol

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what makes these values other than they seem, such as training on the future."""
        return self._warnings

    def prefaced(self, sentences: Iterable[str | None], warnings: Iterable[str]) -> Report:
        """The same report, with sentences before its protocol (None: none) and more warnings."""
        report = copy(self)
        report._protocol = "; ".join([*filter(None, sentences), self._protocol])
        report._warnings = (*self._warnings, *warnings)
        return report

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
            As in the report. Ranking metrics are the mean of these values. RMSE and MAE are not: they are taken over
            all events at once, and here over the events of each user.

        Returns
        -------
        Table
            Columns ``user`` and ``value`` (float64).

        Raises
        ------
        ParameterError
            The report has no such metric, or the metric (coverage) belongs to all users together.
        """
        if name in self._metrics and name not in self._per_user:
            raise ParameterError(f"{name} belongs to all users together and has no value for each")
        if name not in self._per_user:
            raise ParameterError(self._unknown(name, list(self._per_user)))
        found = self._per_user[name]
        return Table({"user": found.users.ids[found.rows], "value": found.values})

    def __repr__(self) -> str:
        cells: dict[str, dict[str, str]] = {}
        for name, value in self._metrics.items():
            metric, _, k = name.partition("@")
            cells.setdefault(metric, {})[f"@{k}" if k else ""] = f"{value:.4f}"
        columns = sorted(
            {column for row in cells.values() for column in row if column}, key=lambda at: int(at[1:])
        )
        lines = []
        if columns:
            lines.append(" " * 9 + "".join(f"{column:>9}" for column in columns))
        for metric, row in cells.items():
            shown = [row[""]] if "" in row else [row.get(column, "") for column in columns]
            lines.append(f"{metric:<9}" + "".join(f"{value:>9}" for value in shown))
        return "\n".join([*lines, self._protocol, *(f"warning: {warning}" for warning in self._warnings)])

    def _unknown(self, name: str, known: list[str]) -> str:
        return f"the report has no {name!r}{nearest(str(name), known) or ';'} it has {', '.join(known)}"
