"""The result of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tastespace.errors import ParameterError
from tastespace.evaluation import Report
from tastespace.evaluation.selection import nearest
from tastespace.models.table import Table
from tastespace.reports.frozen import Frozen
from tastespace.reports.measuring import Run
from tastespace.reports.summary import Estimate, Test

MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Facts(Frozen):
    """What a comparison was made on and with.

    Attributes
    ----------
    how
        The split, in words.
    train, test
        Users, items, events and times; `train` is None where all models came fitted.
    relevant
        Which test items count.
    seeds, resamples, confidence, slices
        As they were asked for.
    made
        When, ISO 8601, UTC.
    versions
        Of the software, and the machine.
    """

    how: str
    train: Mapping[str, Any] | None
    test: Mapping[str, Any]
    relevant: str
    seeds: int
    resamples: int
    confidence: float
    slices: int
    made: str
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Comparison(Frozen):
    """Several models on the same held-out events. Frozen, mappings and arrays inside too; made by `tastespace.compare`.

    ``print(comparison)`` shows the values, the costs and which differences are more than chance.

    Attributes
    ----------
    runs
        By model, one for each seed: its report, seconds, memory and learning curve.
    metrics
        The names of the metrics that are shown and tested.
    headline
        The metric of the pictures.
    reference
        The model that the others are held against.
    estimates
        By model and metric: value, interval, spread over seeds.
    tested
        Every test, as plain objects; `tests` is the table.
    warnings
        What a reader should know, in sentences.
    facts
        What was compared on: data, split, settings, versions.
    """

    runs: Mapping[str, Sequence[Run]]
    metrics: tuple[str, ...]
    headline: str
    reference: str
    estimates: Mapping[str, Mapping[str, Estimate]]
    tested: tuple[Test, ...]
    warnings: tuple[str, ...]
    facts: Facts

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models, in the order in which they were given."""
        return tuple(self.runs)

    @property
    def reports(self) -> dict[str, Report]:
        """The evaluation of each model (of its first seed), by name."""
        return {name: several[0].report for name, several in self.runs.items()}

    @property
    def protocol(self) -> str:
        """One sentence on how the values were made, of the model that has most metrics."""
        return max(self.reports.values(), key=lambda report: len(report.metrics)).protocol

    @property
    def table(self) -> Table:
        """One row for each model.

        Columns ``model``; for each metric its value (``ndcg@10``), the bounds of its interval (``ndcg@10 low``,
        ``ndcg@10 high``) and with several seeds the standard deviation over them (``ndcg@10 deviation``);
        ``fit_seconds`` and ``score_seconds`` (means over seeds), ``fit_mb`` (largest growth of resident memory while
        fitting) and ``model_mb`` (arrays of the model). What there is not is NaN.
        """
        columns: dict[str, Any] = {"model": list(self.models)}
        for metric in self.metrics:
            found = [self.estimates[model].get(metric) for model in self.models]
            columns[metric] = _floats([None if one is None else one.value for one in found])
            columns[f"{metric} low"] = _floats([None if one is None else one.low for one in found])
            columns[f"{metric} high"] = _floats([None if one is None else one.high for one in found])
            if self.facts.seeds > 1:
                columns[f"{metric} deviation"] = _floats(
                    [None if one is None else one.deviation for one in found]
                )
        costs = [self.costs(model) for model in self.models]
        for name in costs[0]:
            columns[name] = _floats([cost[name] for cost in costs])
        return Table(columns)

    def costs(self, model: str) -> dict[str, float | None]:
        """What one model took: seconds of fitting and scoring, megabytes of fitting and of the model.

        Raises
        ------
        ParameterError
            There is no such model; suggests the nearest.
        """
        several = self._runs_of(model)
        fits = [run.fit_seconds for run in several if run.fit_seconds is not None]
        memory = [run.memory for run in several if run.memory is not None]
        size = several[0].model_bytes
        return {
            "fit_seconds": float(np.mean(fits)) if fits else None,
            "score_seconds": float(np.mean([run.score_seconds for run in several])),
            "fit_mb": max(memory) / MEGA if memory else None,
            "model_mb": None if size is None else size / MEGA,
        }

    @property
    def tests(self) -> Table:
        """One row for each pair of models and metric that has a better side.

        Columns ``metric``, ``model``, ``against``, ``users``; ``difference`` (of the model less the other) with
        ``low`` and ``high``, its bootstrap interval; ``p_permutation`` (the paired permutation test, which decides),
        ``p_wilcoxon``, ``p_sign`` and the same by Holm's correction over all rows as ``holm_permutation``,
        ``holm_wilcoxon``, ``holm_sign``; Cohen's ``d`` of the paired differences; and ``better``, ``equal``,
        ``worse``, the shares of users for whom the model is so.
        """
        rows = [
            {
                "metric": test.metric,
                "model": test.model,
                "against": test.against,
                "users": test.users,
                **{name: getattr(test.paired, name) for name in _PAIRED[:6]},
                "holm_permutation": test.holm_permutation,
                "holm_wilcoxon": test.holm_wilcoxon,
                "holm_sign": test.holm_sign,
                **{name: getattr(test.paired, name) for name in _PAIRED[6:]},
            }
            for test in self.tested
        ]
        numbers: dict[str, Any] = {
            name: np.array([row[name] for row in rows], np.float64) for name in _NUMBERS
        }
        words: dict[str, Any] = {
            name: np.array([row[name] for row in rows], object) for name in ("metric", "model", "against")
        }
        return Table({**words, "users": np.array([row["users"] for row in rows], np.int64), **numbers})

    @property
    def curves(self) -> Table:
        """Learning curves: one row for each model, seed and epoch that a trainer told of.

        Columns ``model``, ``seed``, ``epoch``, ``seconds`` (of training so far), ``objective``, and each validation
        metric by its name, NaN where there is none.
        """
        points = [
            (name, run.seed, point)
            for name, several in self.runs.items()
            for run in several
            for point in run.curve
        ]
        metrics = dict.fromkeys(metric for _, _, point in points for metric in point.validation)
        columns: dict[str, Any] = {
            "model": np.array([name for name, _, _ in points], object),
            "seed": np.array([-1 if seed is None else seed for _, seed, _ in points], np.int64),
            "epoch": np.array([point.epoch for _, _, point in points], np.int64),
            "seconds": np.array([point.seconds for _, _, point in points], np.float64),
            "objective": np.array([point.objective for _, _, point in points], np.float64),
        }
        for metric in metrics:
            columns[metric] = _floats([point.validation.get(metric) for _, _, point in points])
        return Table(columns)

    def slices(self, by: str = "item_popularity") -> Table | None:
        """Values in groups of users or items, of the first seed of every model.

        Parameters
        ----------
        by
            As in `Report.slices`.

        Returns
        -------
        Table or None
            The tables of all reports below each other, with a column ``model`` before theirs; None where the
            comparison was made without slices.
        """
        tables = {
            name: report.slices(by)
            for name, report in self.reports.items()
            if self.facts.slices and hasattr(report, "slices")
        }
        if not tables:
            return None
        shared = next(iter(tables.values())).columns
        names = [
            "model",
            *shared,
            *dict.fromkeys(c for t in tables.values() for c in t.columns if c not in shared),
        ]
        rows = [{"model": model, **row} for model, table in tables.items() for row in table.rows()]
        return Table({name: [row.get(name, float("nan")) for row in rows] for name in names})

    def test(self, metric: str, model: str, against: str | None = None) -> Test | None:
        """The test of one metric between a model and another, the reference if none is named; None if there is none.

        Raises
        ------
        ParameterError
            There is no such model; suggests the nearest.
        """
        other = self.reference if against is None else against
        self._runs_of(model), self._runs_of(other)
        for test in self.tested:
            if (test.metric, test.model, test.against) == (metric, model, other):
                return test
        return None

    def _runs_of(self, model: str) -> Sequence[Run]:
        if model not in self.runs:
            known = list(self.runs)
            raise ParameterError(
                f"the comparison has no model {model!r}{nearest(str(model), known) or ';'} it has {', '.join(known)}"
            )
        return self.runs[model]

    def __repr__(self) -> str:
        from tastespace.reports.text import plain_text

        return plain_text(self)

    def to_markdown(self) -> str:
        """The tables, the tests against the reference, the protocol and the warnings, as GitHub's Markdown."""
        from tastespace.reports.markdown import markdown

        return markdown(self)

    def to_json(self, *, per_user: bool = False) -> str:
        """Everything, as one JSON document of plain data; numbers that JSON does not have are null.

        Parameters
        ----------
        per_user
            With the values of every user, too.
        """
        from tastespace.reports.document import document

        return document(self, per_user=per_user)

    def to_html(self, path: str | PathLike[str]) -> Path:
        """Write one HTML file with tables and pictures, which needs no other file and no network.

        Raises
        ------
        MissingExtraError
            Matplotlib is not installed.
        InputError
            `path` is no path.
        FileError, MissingFileError
            It cannot be written: it is a folder, or empty, or the disk says no; or its folder does not exist.
        """
        from tastespace.reports.page import write_page

        return write_page(self, path)


_PAIRED = (
    "difference", "low", "high", "p_permutation", "p_wilcoxon", "p_sign", "d", "better", "equal", "worse",
)  # fmt: skip
_NUMBERS = (*_PAIRED[:6], "holm_permutation", "holm_wilcoxon", "holm_sign", *_PAIRED[6:])


def _floats(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
