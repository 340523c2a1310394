"""One fitted model on the test events: its report, and its values by user as the statistics take them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.errors import EmptyError, UnsupportedError
from tastespace.evaluation import Report, evaluate
from tastespace.evaluation.directions import base
from tastespace.evaluation.rating import RATING
from tastespace.models.protocol import Recommender
from tastespace.reports.entries import Entry
from tastespace.reports.fitting import Fitted, Point, fit
from tastespace.reports.frozen import Frozen
from tastespace.reports.memory import model_bytes
from tastespace.reports.resampling import Samples


@dataclass(frozen=True, slots=True, eq=False)
class UserSamples(Frozen):
    """Samples of one metric, and the rows of their users in the test set's vocabulary, ascending."""

    rows: NDArray[np.int32]
    samples: Samples


@dataclass(frozen=True, slots=True, eq=False)
class Run(Frozen):
    """One fit of one entry, measured.

    Attributes
    ----------
    seed
        None where the entry has none.
    trainer, params
        What learned the model, as it says itself.
    events
        How many it learned from; None for a model that came fitted.
    report
        What `tastespace.evaluate` found.
    fit_seconds, score_seconds
        Training without measuring (None for a model that came fitted), and ranking and measuring the test users.
    memory, model_bytes
        Peak growth of resident memory while fitting, and size of the model's arrays; None where unknown.
    curve
        By epoch; empty where the trainer tells nothing.
    samples
        By metric; without those that belong to all users together.
    """

    seed: int | None
    trainer: str
    params: Mapping[str, Any]
    events: int | None
    report: Report
    fit_seconds: float | None
    score_seconds: float
    memory: int | None
    model_bytes: int | None
    curve: tuple[Point, ...]
    samples: Mapping[str, UserSamples]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How every model is measured: the arguments of `tastespace.evaluate`.

    Attributes
    ----------
    test
        The split, or the test events alone.
    names
        Metrics with their cut-offs.
    by_default
        The caller named none, so rating metrics are left out silently where they cannot be computed.
    options
        Everything else.
    """

    test: Split | Interactions
    names: tuple[str, ...]
    by_default: bool
    options: dict[str, Any]

    @property
    def events(self) -> Interactions:
        """The test events."""
        return self.test.test if isinstance(self.test, Split) else self.test

    def names_for(self, model: Recommender) -> list[str]:
        """The metrics that apply to a model.

        Raises
        ------
        UnsupportedError
            None does.
        """
        rates = model.scale is not None and (self.events.explicit or not self.by_default)
        names = [name for name in self.names if rates or base(name) not in RATING]
        if not names:
            raise UnsupportedError(f"it predicts no ratings, so it has none of {', '.join(self.names)}")
        return names

    def measure(self, model: Recommender, threads: int | None) -> Report:
        """The report of a model.

        Raises
        ------
        TastespaceError
            As `tastespace.evaluate` does.
        """
        names = self.names_for(model)
        try:
            return evaluate(model, self.test, metrics=names, threads=threads, **self.options)
        except EmptyError:
            # Rankings of new items are all misses, but are something; ratings of them cannot be predicted at all.
            ranked = [name for name in names if base(name) not in RATING]
            if not self.by_default or not ranked or len(ranked) == len(names):
                raise
        return evaluate(model, self.test, metrics=ranked, threads=threads, **self.options)


def run(
    entry: Entry,
    seed: int | None,
    trainer: Any,
    train: Interactions | None,
    valid: Interactions | None,
    protocol: Protocol,
    threads: int | None,
) -> Run:
    """Fit where that is needed, and measure."""
    if train is None:
        assert entry.model is not None  # the comparison asks for training events otherwise
        fitted = Fitted(entry.model, None, None, ())
    else:
        fitted = fit(entry, trainer, train, valid, threads)
    model = fitted.model
    started = time.perf_counter()
    report = protocol.measure(model, threads)
    seconds = time.perf_counter() - started
    info = getattr(model, "info", None)
    return Run(
        seed=seed,
        trainer=getattr(info, "trainer", type(model).__name__),
        params=dict(getattr(info, "params", {})),
        events=None if train is None or entry.model is not None else train.n_events,
        report=report,
        fit_seconds=fitted.seconds,
        score_seconds=seconds,
        memory=fitted.memory,
        model_bytes=model_bytes(model),
        curve=fitted.curve,
        samples={name: found for name in report if (found := _samples(report, name))},
    )


def _samples(report: Report, name: str) -> UserSamples | None:
    """The samples of a metric; None where it belongs to all users together."""
    found = report._per_user.get(name)
    if found is None:
        return None
    order = np.argsort(found.rows, kind="stable")
    rows, values = found.rows[order], np.asarray(found.values, np.float64)[order]
    if found.counts is None:
        return UserSamples(rows, Samples(values, np.ones(len(values))))
    counts, root = found.counts[order].astype(np.float64), name == "rmse"
    return UserSamples(rows, Samples((values**2 if root else values) * counts, counts, root))


def mean_samples(several: Sequence[Samples]) -> list[Samples]:
    """Samples over seeds: one whose values are the users' means, or as many as there are where g is no sum."""
    if several[0].root:
        return list(several)
    counts = several[0].counts
    return [Samples(np.mean([one.sums for one in several], axis=0), counts)]
