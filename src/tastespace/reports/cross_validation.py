"""One trainer on several splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split, kfold
from tastespace.errors import InputError, ParameterError
from tastespace.evaluation.candidates import Candidates, Sampled
from tastespace.evaluation.prepared import Cold
from tastespace.evaluation.targets import Relevance
from tastespace.models.table import Table
from tastespace.reports.compare import check_confidence, check_counts, check_measuring
from tastespace.reports.document import FORMAT, dump
from tastespace.reports.entries import Learner, Transform, read_entry
from tastespace.reports.markdown import escape, grid
from tastespace.reports.measuring import Protocol, Run, run
from tastespace.reports.text import filled
from tastespace.reports.words import amount, number, percent
from tastespace.trainers.progress import progress_bar


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CrossValidation:
    """One trainer on several splits. Frozen; made by `tastespace.cross_validate`.

    Attributes
    ----------
    runs
        For each split its fits, one for each seed.
    how
        The splits, in words.
    sizes
        Training and test events of each split.
    metrics
        The names of the metrics.
    confidence
        Of the intervals.
    warnings
        What the evaluations warned of, with the folds where it does not hold for all.
    """

    runs: tuple[tuple[Run, ...], ...]
    how: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    metrics: tuple[str, ...]
    confidence: float
    warnings: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        """One row for each fold and seed: columns ``fold`` (from 1), ``seed``, the metrics, and ``fit_seconds``."""
        rows = [(fold, run) for fold, several in enumerate(self.runs, start=1) for run in several]
        columns: dict[str, Any] = {
            "fold": np.array([fold for fold, _ in rows], np.int64),
            "seed": np.array([-1 if run.seed is None else run.seed for _, run in rows], np.int64),
        }
        for metric in self.metrics:
            columns[metric] = np.array([run.report[metric] for _, run in rows])
        columns["fit_seconds"] = np.array([run.fit_seconds for _, run in rows])
        return Table(columns)

    @property
    def summary(self) -> Table:
        """One row for each metric: ``metric``, ``mean``, ``deviation`` over the folds, ``low`` and ``high``.

        The interval is Student's with the variance of Nadeau and Bengio, which allows for folds that share most of
        their training events; without that it would be far too narrow.
        """
        from scipy.stats import t

        folds = len(self.runs)
        values = np.array([[self._of_fold(fold, name) for fold in range(folds)] for name in self.metrics])
        mean, deviation = values.mean(axis=1), values.std(axis=1, ddof=1)
        shared = float(np.mean([test / train for train, test in self.sizes]))
        half = t.ppf((1 + self.confidence) / 2, folds - 1) * deviation * np.sqrt(1 / folds + shared)
        return Table(
            {
                "metric": list(self.metrics),
                "mean": mean,
                "deviation": deviation,
                "low": mean - half,
                "high": mean + half,
            }
        )

    def _of_fold(self, fold: int, metric: str) -> float:
        return float(np.mean([run.report[metric] for run in self.runs[fold]]))

    def __repr__(self) -> str:
        seconds = float(self.table["fit_seconds"].sum())
        lines = [*filled(f"Cross-validation: {self._title()}"), ""]
        lines.append(f"{'':<16}{'mean':>9}{'deviation':>11}   {percent(self)} interval")
        lines += [
            f"{name:<16}{number(mean):>9}{number(deviation):>11}   {number(low)}..{number(high)}"
            for name, mean, deviation, low, high in self.summary
        ]
        lines += [
            "",
            *filled(f"fitted in {amount(seconds)} s; first fold: {self.runs[0][0].report.protocol}"),
        ]
        for warning in self.warnings:
            lines += filled(f"warning: {warning}")
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """The means with their intervals, and the values of every fold."""
        summary = grid(
            ["metric", "mean", "deviation", f"{percent(self)} interval"],
            [
                [escape(name), number(mean), number(deviation), f"{number(low)} to {number(high)}"]
                for name, mean, deviation, low, high in self.summary
            ],
        )
        folds = grid(
            self.table.columns,
            [[str(fold), str(seed), *map(number, values)] for fold, seed, *values in self.table],
        )
        parts = ["# Cross-validation", escape(self._title()), summary, "## Folds", folds]
        if self.warnings:
            parts += ["## Warnings", "\n".join(f"- {escape(warning)}" for warning in self.warnings)]
        return "\n\n".join(parts) + "\n"

    def to_json(self) -> str:
        """Everything, as one JSON document of plain data."""
        first = self.runs[0][0]
        return dump(
            {
                "format": FORMAT,
                "kind": "cross-validation",
                "trainer": first.trainer,
                "params": first.params,
                "summary": list(self.summary.rows()),
                "folds": list(self.table.rows()),
                "splits": [
                    {"how": how, "train_events": train, "test_events": test}
                    for how, (train, test) in zip(self.how, self.sizes, strict=True)
                ],
                "protocol": first.report.protocol,
                "confidence": self.confidence,
                "warnings": list(self.warnings),
            }
        )

    def _title(self) -> str:
        seeds = len(self.runs[0])
        more = f", {seeds} seeds each" if seeds > 1 else ""
        return f"{self.runs[0][0].trainer} on {len(self.runs)} splits ({self.how[0]}, ...){more}"


def cross_validate(
    trainer: Learner | tuple[Learner, Transform],
    splits: Sequence[Split] | Interactions,
    *,
    k: int | Sequence[int] = 10,
    metrics: str | Sequence[str] | None = None,
    relevant: Relevance = None,
    exclude_seen: bool = True,
    candidates: Sampled | Candidates | None = None,
    cold: Cold = "skip",
    folds: int = 5,
    seed: int = 0,
    seeds: int = 1,
    confidence: float = 0.95,
    threads: int | None = None,
    progress: bool | None = None,
) -> CrossValidation:
    """Fit one trainer on each of several splits, and say how far its values move.

    Parameters
    ----------
    trainer
        What learns; or a trainer and a function of its training events, as in `compare`.
    splits
        Splits, such as those of ``ts.split.kfold``; or events, which ``ts.split.kfold`` cuts.
    k, metrics, relevant, exclude_seen, candidates, cold
        As in `compare`.
    folds, seed
        Of ``ts.split.kfold``, where `splits` are events: how many parts, at least 2, and how they are drawn.
    seeds
        Fits of a trainer with a seed on each split; their values are averaged before the folds are.
    confidence
        Of the intervals.
    threads
        For scoring, and for a trainer that names no number; None: all cores.
    progress
        Show a bar; None: if standard error is a terminal.

    Returns
    -------
    CrossValidation

    Raises
    ------
    InputError
        `trainer` or `splits` are something else.
    ParameterError
        There are fewer than two splits, or a setting is outside its range.

    References
    ----------
    C. Nadeau, Y. Bengio, Inference for the generalization error, Machine Learning 52(3), 2003.
    """
    entry = read_entry("trainer", trainer)
    if entry.model is not None:
        raise InputError("cross_validate fits anew on every split and takes a trainer; got a fitted model")
    check_counts(seeds=seeds, seed=seed)
    check_confidence(confidence)
    ready = splits if isinstance(splits, Interactions) else _read_splits(splits)
    settings: dict[str, Any] = {
        "k": k,
        "metrics": metrics,
        "relevant": relevant,
        "candidates": candidates,
        "cold": cold,
        "slices": 0,
        "threads": threads,
    }
    if isinstance(ready, Interactions):
        _check_folds(folds, ready)
        names = check_measuring(ready, **settings)
        cuts = kfold(ready, folds, seed)
    else:
        cuts = ready
        [names, *_] = [check_measuring(cut.test, **settings) for cut in cuts]
    options = {
        "relevant": relevant,
        "exclude_seen": exclude_seen,
        "candidates": candidates,
        "cold": cold,
        "slices": 0,
    }
    trainers = entry.seeded(seeds)
    runs = []
    with progress_bar("cross-validating", len(cuts) * len(trainers), progress) as tick:
        for fold, cut in enumerate(cuts, start=1):
            protocol = Protocol(cut, tuple(names), metrics is None or metrics == "all", options)
            events = entry.events(cut.train)
            several = []
            for own, learner in trainers:
                several.append(run(entry, own, learner, events, None, protocol, threads))
                tick(f"fold {fold}")
            runs.append(tuple(several))
    # A metric that some fold cannot have, as without any rating to predict, has no mean over folds.
    found = set.intersection(*(set(one.report.metrics) for several in runs for one in several))
    return CrossValidation(
        runs=tuple(runs),
        how=tuple(cut.how for cut in cuts),
        sizes=tuple((cut.train.n_events, cut.test.n_events) for cut in cuts),
        metrics=tuple(name for name in names if name in found),
        confidence=confidence,
        warnings=tuple(_warnings(runs)),
    )


def _read_splits(splits: object) -> list[Split]:
    wanted = "at least two splits, as ts.split.kfold(ratings) makes them, or events to cut"
    if isinstance(splits, Split):
        raise ParameterError(
            f"splits must be {wanted}; got one Split: for that call ts.evaluate or ts.compare"
        )
    if not isinstance(splits, Iterable) or isinstance(splits, str | Mapping):
        raise InputError(f"splits must be {wanted}; got {type(splits).__name__}")
    cuts = list(splits)
    if len(cuts) < 2 or not all(isinstance(cut, Split) for cut in cuts):
        kinds = ", ".join(sorted({type(cut).__name__ for cut in cuts})) or "nothing"
        raise ParameterError(f"splits must be {wanted}; got {len(cuts)} of type {kinds}")
    return cuts


def _check_folds(folds: object, events: Interactions) -> None:
    most = events.n_events
    whole = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if whole and 2 <= folds <= most:  # type: ignore[operator]
        return
    hint = ""
    if isinstance(folds, Split) or (isinstance(folds, Sequence) and not isinstance(folds, str)):
        hint = "; splits of your own take the place of the events: ts.cross_validate(trainer, [one, another])"
    shown = repr(folds) if isinstance(folds, int | float | str) or folds is None else type(folds).__name__
    raise ParameterError(
        f"folds must be a whole number from 2 to the number of events ({most:,}); got {shown}{hint}"
    )


def _warnings(runs: Sequence[Sequence[Run]]) -> list[str]:
    """Every warning once, in order, with the folds that gave it where others did not."""
    said: dict[str, list[int]] = {}
    for fold, several in enumerate(runs, start=1):
        for warning in dict.fromkeys(text for one in several for text in one.report.warnings):
            said.setdefault(warning, []).append(fold)
    return [
        warning
        if len(folds) == len(runs)
        else f"{'fold' if len(folds) == 1 else 'folds'} {', '.join(map(str, folds))}: {warning}"
        for warning, folds in said.items()
    ]
