"""One trial: a trainer fitted on the inner training events and measured on the validation events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.evaluation import Evaluation, evaluate
from tastespace.evaluation.overlap import told_apart
from tastespace.evaluation.rating import RATING
from tastespace.evaluation.targets import Relevance
from tastespace.trainers.base import Trainer
from tastespace.trainers.stopping import Epoch, Stopping
from tastespace.tuning.spaces import iterates

#: What is told after every validated epoch: its number and its value; may raise to end the trial.
Watch = Callable[[int, float], None]

#: Measurements without improvement before a fit ends, unless the trainer has a rule: more than of a single fit,
#: because curves may dip after the first epochs, and trials that are no good are pruned anyway.
PATIENCE = 5


@dataclass(frozen=True)
class Outcome:
    """What a trial found.

    Attributes
    ----------
    value
        The metric on the validation events, mean over the seeds; each of the finished model, not of an epoch.
    epochs
        The best number of epochs, mean over the seeds and rounded; None where the trainer has no epochs to choose.
    models
        One for each seed.
    """

    value: float
    epochs: int | None
    models: tuple[Any, ...]


class Validation:
    """Fits trainers on training events and measures them on validation events.

    Parameters
    ----------
    train
        To learn from.
    valid
        To measure on, as `tastespace.evaluate` does with the same: a split that held whole users out by fold-in of what
        is known of them.
    metric, relevant
        As in `tastespace.evaluate`.
    seeds
        Fits of each trainer, from consecutive seeds.
    threads
        At most this many; None: as the trainer says.
    """

    def __init__(
        self,
        train: Interactions,
        valid: Split | Interactions,
        metric: str,
        relevant: Relevance,
        seeds: int,
        threads: int | None,
    ) -> None:
        self.train, self.valid, self.metric = train, valid, metric
        self.relevant, self.seeds, self.threads = relevant, seeds, threads
        self.events = valid.test if isinstance(valid, Split) else valid
        self.known = valid.known if isinstance(valid, Split) else None
        self._watched = self.events
        if self.known is None:
            # Whatever cannot be measured shows here, before the search.
            Evaluation(
                train.users, train.items, train.by_user, self.events, metrics=metric, relevant=relevant
            )
            self._watched = self._relevant()

    def _relevant(self) -> Interactions:
        """The validation events that the metric looks at: what a stopping rule measures, which knows no relevance."""
        wanted = None if self.metric in RATING else self.chosen()
        return self.events if wanted is None else self.events.select(wanted)

    def chosen(self) -> NDArray[np.bool_] | None:
        """Which of the validation events are relevant, bool (events,); None for all."""
        if self.relevant is None:
            return None
        values = self.events.by_user.filled_values()
        return np.asarray(self.relevant(values) if callable(self.relevant) else values >= self.relevant)

    def validates_epochs(self, trainer: Trainer) -> bool:
        """Whether every epoch of the trainer is measured, and the best one kept."""
        return self.known is None and iterates(trainer)

    def run(self, trainer: Trainer, watch: Watch, starts: tuple[Any, ...] | None = None) -> Outcome:
        """Fit and measure; with ``starts``, each seed begins from its model.

        Epochs are told of the first seed alone: whether to go on is decided there.
        """
        models, epochs = [], []
        for place in range(self.seeds):
            changes: dict[str, Any] = {} if starts is None else {"init": starts[place]}
            model = self._fit(trainer, place, changes, watch if place == 0 else None)
            epochs.append(model.info.metrics.get("best_epoch"))
            models.append(model)
        value = float(np.mean([self.measure(model) for model in models]))
        found = None if None in epochs else max(1, round(float(np.mean(epochs))))
        return Outcome(value, found, tuple(models))

    def measure(self, model: Any) -> float:
        """The metric of a finished model."""
        report = evaluate(
            model, self.valid, metrics=self.metric, relevant=self.relevant, threads=self.threads
        )
        return report[self.metric]

    def _fit(self, trainer: Trainer, place: int, changes: dict[str, Any], watch: Watch | None) -> Any:
        has = trainer.params()
        wanted = {"progress": False} | ({} if self.threads is None else {"threads": self.threads})
        changes |= {name: value for name, value in wanted.items() if name in has}
        if self.seeds > 1:
            changes["seed"] = has["seed"] + place
        fitted: Any = trainer.replace(**changes)
        if not self.validates_epochs(trainer):
            return fitted.replace(**({"stopping": None} if "stopping" in has else {})).fit(self.train)

        def tell(epoch: Epoch) -> None:
            if watch is not None and epoch.validation:
                watch(epoch.number, epoch.validation[self.metric])

        rule = replace(has["stopping"] or Stopping(patience=PATIENCE), metric=self.metric)
        with told_apart(self._watched, self.train):  # by how they were split, or before the search
            return fitted.replace(stopping=rule).fit(self.train, self._watched, callbacks=[tell])
