"""Fitting one entry with a watch on time, memory and learning."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tastespace.data.interactions import Interactions
from tastespace.models.protocol import Recommender
from tastespace.reports.entries import Entry
from tastespace.reports.frozen import Frozen
from tastespace.reports.memory import with_peak
from tastespace.trainers.stopping import Epoch


@dataclass(frozen=True, slots=True)
class Point(Frozen):
    """One epoch of a learning curve.

    Attributes
    ----------
    epoch
        From 1.
    seconds
        Training up to its end, without what was spent on measuring.
    objective
        The minimised sum.
    validation
        Metrics on the validation set by name; empty where none was measured.
    """

    epoch: int
    seconds: float
    objective: float
    validation: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, and what it took.

    Attributes
    ----------
    model
        Fitted.
    seconds
        Of training alone: what objective and validation took by the way is left out. None for a model that came
        fitted.
    memory
        Peak growth of resident memory in bytes; None where unknown.
    curve
        By epoch; empty where the trainer tells nothing.
    """

    model: Recommender
    seconds: float | None
    memory: int | None
    curve: tuple[Point, ...]


def fit(
    entry: Entry, trainer: Any, train: Interactions, valid: Interactions | None, threads: int | None
) -> Fitted:
    """Fit a trainer of an entry (one of its seeds) on events that are transformed already."""
    if entry.model is not None:
        return Fitted(entry.model, None, None, ())
    watch = _Watch()
    more: dict[str, Any] = {}
    if "callbacks" in entry.takes:
        more["callbacks"] = [watch]
        if valid is not None:
            more["valid"] = valid
    learner = _quiet(trainer, threads)

    def learn() -> tuple[Recommender, float]:
        watch.start()
        model = learner.fit(train, **more)
        return model, watch.stop()

    (model, seconds), memory = with_peak(learn)
    return Fitted(model, seconds, memory, tuple(watch.points))


def _quiet(trainer: Any, threads: int | None) -> Any:
    """The trainer without a progress bar of its own, and with at most so many threads where it names no number."""
    if not (hasattr(trainer, "params") and hasattr(trainer, "replace")):
        return trainer
    settings = trainer.params()
    changes: dict[str, Any] = {}
    if "progress" in settings:
        changes["progress"] = False
    if threads is not None and settings.get("threads", 0) is None:
        changes["threads"] = threads
    return trainer.replace(**changes) if changes else trainer


class _Watch:
    """A callback that keeps the epochs, and a stop watch that leaves out what the callback itself causes."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._began = self._last = 0.0
        self._trained = 0.0
        self._extra: list[float] = []  # seconds of objective and validation, from the second epoch on

    def start(self) -> None:
        self._began = self._last = time.perf_counter()

    def __call__(self, epoch: Epoch) -> None:
        now = time.perf_counter()
        if self.points:
            self._extra.append(max(0.0, now - self._last - epoch.seconds))
        self._trained += epoch.seconds
        self.points.append(Point(epoch.number, self._trained, epoch.objective, dict(epoch.validation)))
        self._last = time.perf_counter()

    def stop(self) -> float:
        whole = time.perf_counter() - self._began
        if not self._extra:
            return whole
        # What came before the first epoch cannot be told from its measuring, which is taken to be as the others'.
        return max(self._trained, whole - sum(self._extra) - statistics.median(self._extra))
