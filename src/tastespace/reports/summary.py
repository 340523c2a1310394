"""From the runs of every model to estimates with intervals, and to tests between pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tastespace.evaluation.directions import direction
from tastespace.reports.measuring import Run, mean_samples
from tastespace.reports.resampling import (
    Floats,
    Samples,
    Swapped,
    Units,
    bootstrap,
    contributions,
    interval,
    swap_test,
)
from tastespace.reports.statistics import Paired, holm, paired

Runs = Mapping[str, Sequence[Run]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of one model.

    Attributes
    ----------
    value
        The mean over seeds, on the users that all models share.
    low, high
        Its bootstrap interval; None where the metric belongs to all users together, or there is one user only.
    deviation
        Standard deviation over seeds; None for a single fit.
    """

    value: float
    low: float | None = None
    high: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A metric of one model against another; `holm_*` are the p-values of `paired` corrected for all tests made."""

    __test__ = False  # no test of the test suite

    metric: str
    model: str
    against: str
    users: int
    paired: Paired
    holm_permutation: float
    holm_wilcoxon: float
    holm_sign: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the runs say.

    Attributes
    ----------
    estimates
        By model, then by metric; without the metrics that a model does not have.
    tests
        Every pair on every metric that has a better side and values by user; those against the reference come first.
    warnings
        About users that were not scored for all models, and about tests that cannot find anything.
    """

    estimates: dict[str, dict[str, Estimate]]
    tests: tuple[Test, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Column:
    """One metric of one model over the common users: samples (one, or one for each seed), and what was drawn."""

    samples: list[Samples]
    drawn: Floats

    @property
    def value(self) -> float:
        return float(np.mean([one.value for one in self.samples]))

    @property
    def by_user(self) -> Floats:
        return np.asarray(np.mean([one.by_user for one in self.samples], axis=0))


def summarise(
    runs: Runs, metrics: Sequence[str], *, reference: str, resamples: int, confidence: float, seed: int
) -> Summary:
    """Estimates and tests of some metrics.

    Parameters
    ----------
    runs
        By model, one run for each seed.
    metrics
        Names with cut-offs.
    reference
        The model that all others are compared with first.
    resamples, confidence, seed
        Of the bootstrap and the permutation test.
    """
    users, warnings = _common_users(runs, metrics)
    columns = _columns(runs, metrics, users)
    _draw(columns, users, resamples, seed)
    estimates: dict[str, dict[str, Estimate]] = {}
    for model, several in runs.items():
        of_model: dict[str, Estimate] = {}
        for metric in metrics:
            if metric not in several[0].report.metrics:
                continue
            column = columns.get((model, metric))
            if column is None:
                values = [run.report[metric] for run in several]
                of_model[metric] = Estimate(float(np.mean(values)), deviation=_deviation(values))
                continue
            values = [_at(run, metric, users[metric]).value for run in several]
            low, high = interval(column.drawn, confidence) if len(users[metric]) > 1 else (None, None)
            of_model[metric] = Estimate(column.value, low, high, _deviation(values))
        estimates[model] = of_model
    rows = _rows(runs, metrics, columns, reference)
    swapped = _swap(rows, columns, users, resamples, seed)
    tests = _tests(rows, swapped, columns, users, confidence)
    return Summary(estimates, tests, (*warnings, *_too_few(users, rows, swapped, resamples, 1 - confidence)))


def _common_users(runs: Runs, metrics: Sequence[str]) -> tuple[dict[str, NDArray[np.int32]], tuple[str, ...]]:
    """Test users by metric for whom every run that has the metric has a value, and what that leaves out."""
    users: dict[str, NDArray[np.int32]] = {}
    lost: dict[tuple[int, int], list[str]] = {}
    for metric in metrics:
        sets = [
            run.samples[metric].rows for several in runs.values() for run in several if metric in run.samples
        ]
        if not sets:
            continue
        common = every = sets[0]
        for rows in sets[1:]:
            if not (np.array_equal(common, rows) and np.array_equal(every, rows)):
                common, every = np.intersect1d(common, rows, assume_unique=True), np.union1d(every, rows)
        users[metric] = common
        if len(common) < len(every):
            lost.setdefault((len(common), len(every)), []).append(metric)
    warnings = []
    for (shared, any_), names in lost.items():
        of = f"the models did not score the same users: of {any_:,} that any scored, "
        if shared:
            warnings.append(f"{of}{', '.join(names)} are compared on the {shared:,} that all scored")
        else:
            warnings.append(f"{of}none was scored by all, so {', '.join(names)} cannot be compared")
    return {metric: rows for metric, rows in users.items() if len(rows)}, tuple(warnings)


def _at(run: Run, metric: str, users: NDArray[np.int32]) -> Samples:
    found = run.samples[metric]
    if len(found.rows) == len(users):
        return found.samples
    return found.samples.take(np.searchsorted(found.rows, users))


def _columns(
    runs: Runs, metrics: Sequence[str], users: Mapping[str, NDArray[np.int32]]
) -> dict[tuple[str, str], _Column]:
    found = {}
    for metric in metrics:
        for model, several in runs.items():
            if metric in users and metric in several[0].samples:
                samples = mean_samples([_at(run, metric, users[metric]) for run in several])
                found[model, metric] = _Column(samples, np.empty(0))
    return found


def _draw(
    columns: Mapping[tuple[str, str], _Column],
    users: Mapping[str, NDArray[np.int32]],
    resamples: int,
    seed: int,
) -> None:
    """Bootstrap all columns over the same users together, so that they are paired and drawn once."""
    together: dict[bytes, list[_Column]] = {}
    for (_, metric), column in columns.items():
        together.setdefault(users[metric].tobytes(), []).append(column)
    for group in together.values():
        drawn = bootstrap([one for column in group for one in column.samples], resamples, seed)
        ends = np.cumsum([len(column.samples) for column in group])
        for column, part in zip(group, np.split(drawn, ends[:-1], axis=1), strict=True):
            column.drawn = part.mean(axis=1)


Row = tuple[str, str, str]  # metric, model, and the model against which


def _rows(
    runs: Runs, metrics: Sequence[str], columns: Mapping[tuple[str, str], _Column], reference: str
) -> list[Row]:
    """What is tested, in order."""
    order = [reference, *(name for name in runs if name != reference)]
    pairs = sorted(combinations(order, 2), key=lambda pair: pair[0] != reference)  # stable
    return [
        (metric, model, against)
        for metric in metrics
        if direction(metric)
        for against, model in pairs
        if (model, metric) in columns and (against, metric) in columns
    ]


def _swap(
    rows: Sequence[Row],
    columns: Mapping[tuple[str, str], _Column],
    users: Mapping[str, NDArray[np.int32]],
    resamples: int,
    seed: int,
) -> list[Swapped]:
    """The permutation tests, those over the same users together: coins are thrown once."""
    together: dict[bytes, list[int]] = {}
    for at, (metric, *_) in enumerate(rows):
        together.setdefault(users[metric].tobytes(), []).append(at)
    found: dict[int, Swapped] = {}
    for places in together.values():
        units = Units(len(users[rows[places[0]][0]]), seed)
        apart = np.empty((units.number, len(places)))
        for place, at in enumerate(places):
            one, other = _pair(rows[at], columns)
            apart[:, place] = units.sums(contributions(one.samples, other.samples))
        for place, (at, test) in enumerate(zip(places, swap_test(apart, resamples, seed), strict=True)):
            one, other = _pair(rows[at], columns)
            # Over seeds, the mean of roots may lie on the other side than the root of the mean: then nothing is told.
            opposite = (one.value - other.value) * float(apart[:, place].sum()) < 0
            found[at] = Swapped(1.0, test.least) if opposite else test
    return [found[at] for at in range(len(rows))]


def _pair(row: Row, columns: Mapping[tuple[str, str], _Column]) -> tuple[_Column, _Column]:
    metric, model, against = row
    return columns[model, metric], columns[against, metric]


def _tests(
    rows: Sequence[Row],
    swapped: Sequence[Swapped],
    columns: Mapping[tuple[str, str], _Column],
    users: Mapping[str, NDArray[np.int32]],
    confidence: float,
) -> tuple[Test, ...]:
    by_user = {key: column.by_user for key, column in columns.items()}
    found: list[Paired] = []
    for row, test in zip(rows, swapped, strict=True):
        metric, model, against = row
        one, other = _pair(row, columns)
        found.append(
            paired(
                (one.value, by_user[model, metric], one.drawn),
                (other.value, by_user[against, metric], other.drawn),
                test.p,
                upward=direction(metric) > 0,
                confidence=confidence,
            )
        )
    corrected = [
        holm([getattr(result, name) for result in found])
        for name in ("p_permutation", "p_wilcoxon", "p_sign")
    ]
    return tuple(
        Test(metric, model, against, len(users[metric]), result, *p_values)
        for (metric, model, against), result, *p_values in zip(rows, found, *corrected, strict=True)
    )


def _too_few(
    users: Mapping[str, NDArray[np.int32]],
    rows: Sequence[Row],
    swapped: Sequence[Swapped],
    resamples: int,
    level: float,
) -> Iterator[str]:
    """Warnings of tests that cannot come below the level, whatever the models are like."""
    level = round(level, 10)
    few: dict[int, list[str]] = {}
    for metric, scored in users.items():
        if len(scored) == 1 or 2.0 ** (1 - len(scored)) >= level:
            few.setdefault(len(scored), []).append(metric)
    for n, metrics in few.items():
        if n == 1:
            yield f"{', '.join(metrics)}: one user was scored by all models, so there is no interval and no test"
        elif any(metric in metrics for metric, *_ in rows):
            yield (
                f"{', '.join(metrics)}: {n} users are too few for a test, whose p cannot come below "
                f"{2.0 ** (1 - n):g}; every difference stays open"
            )
    differ = [test.least for test in swapped if test.least < 1]
    if any(n > 1 for n in few) or not differ or (least := min(differ)) * len(rows) < level:
        return
    said = (
        f"nothing can be found: Holm's correction takes the least possible p, {least:.2g}, times the number of tests, "
        f"{len(rows)}, which is not below {level:g}; "
    )
    if least == 1 / (1 + resamples):
        yield f"{said}pass resamples={math.ceil(2 * len(rows) / level):,} or more, or compare fewer metrics or models"
    else:
        yield f"{said}compare fewer metrics or models, or test on more users"


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
