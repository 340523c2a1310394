"""The search: one trial after another, until there are enough or the time is up."""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.errors import NumericalError
from tastespace.trainers.base import Trainer
from tastespace.trainers.progress import progress_bar
from tastespace.tuning.dimensions import Choices
from tastespace.tuning.spaces import Space, build, place_of
from tastespace.tuning.trial import Validation

if TYPE_CHECKING:
    from optuna import Study
    from optuna import Trial as Asked
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Method = Literal["tpe", "random", "grid"]
METHODS = ("tpe", "random", "grid")
PRUNERS = (True, False, "median", "halving")

#: Epochs of a trial before it may be pruned, and whole trials before any may.
WARM_UP, STARTUP = 2, 5


class OutOfTime(Exception):  # noqa: N818 - not an error: the budget is spent
    """The seconds are over; what is under way is not counted."""


class Pruned(Exception):  # noqa: N818 - not an error: the trial is not worth more epochs
    """The trial falls behind the others."""


@dataclass(frozen=True)
class Trial:
    """One trial that counts.

    Attributes
    ----------
    state
        ``"complete"``, ``"pruned"`` (value and epochs: the best until then), ``"failed"`` (left the range of
        float32) or ``"grown"``.
    value
        NaN if it failed.
    seconds
        Spent on it.
    epochs
        The best number of epochs; None where they are not validated.
    trainer
        What was tried.
    """

    state: str
    value: float
    seconds: float
    epochs: int | None
    trainer: Trainer

    def chosen(self) -> Trainer:
        """The trainer with the epochs that were best, ready for a fit without validation."""
        changes: dict[str, Any] = {} if self.epochs is None else {"epochs": self.epochs}
        if "stopping" in self.trainer.params():
            changes["stopping"] = None
        return self.trainer.replace(**changes)


@dataclass
class Search:
    """A search under way.

    Attributes
    ----------
    trainer, space, train
        What to draw, around what, for which events.
    validation
        Measures a trainer.
    study
        Holds the trials.
    trials, method, seed
        How many, and how they are drawn.
    prune
        Whether and how trials that fall behind are ended.
    deadline
        On the clock of ``time.monotonic``; None: no limit.
    progress
        Whether to show a bar.
    found
        The trials that count, in order.
    interrupted
        Whether Ctrl-C ended it.
    """

    trainer: Trainer
    space: Space
    train: Interactions
    validation: Validation
    study: Study
    trials: int
    method: Method
    seed: int
    prune: bool | str
    deadline: float | None
    progress: bool | None
    found: list[Trial] = field(default_factory=list)
    interrupted: bool = False

    @property
    def better(self) -> Callable[[float, float], bool]:
        """Whether the first value improves on the second."""
        return (lambda a, b: a > b) if self.study.direction.name == "MAXIMIZE" else (lambda a, b: a < b)

    def best(self) -> Trial | None:
        """The first of the best whole trials."""
        best: Trial | None = None
        for trial in self.found:
            if trial.state in ("complete", "grown") and (
                best is None or self.better(trial.value, best.value)
            ):
                best = trial
        return best

    def late(self) -> bool:
        """Whether the time is up; never before one trial is whole, because without any there is no answer."""
        return self.deadline is not None and time.monotonic() > self.deadline and self.best() is not None

    def run(self) -> None:
        """Goes through the trials; Ctrl-C ends the search and keeps what was found, if anything was.

        Raises
        ------
        KeyboardInterrupt
            At Ctrl-C before one trial was whole.
        """
        self.found = [self._trial(told) for told in counted(self.study)]
        title = f"tune {type(self.trainer).__name__}"
        with progress_bar(title, self.trials, self.progress) as tick:
            for _ in self.found:
                tick(self._note())
            try:
                while len(self.found) < self.trials and not self.late():
                    self._one()
                    tick(self._note())
            except OutOfTime:
                pass
            except KeyboardInterrupt:
                if self.best() is None:
                    raise
                self.interrupted = True
        if self.interrupted:
            whole = len(self.found)
            print(
                f"interrupted: the best of {whole} trial{'' if whole == 1 else 's'} is kept", file=sys.stderr
            )

    def _note(self) -> str:
        best = self.best()
        return "" if best is None else f"best {self.validation.metric} {best.value:.4f}"

    def _grid_point(self, number: int) -> dict[str, Any]:
        """The points of a grid in order, the last parameter fastest."""
        values = [entry.values for entry in self.space.values() if isinstance(entry, Choices)]
        point = next(itertools.islice(itertools.product(*values), number, None))
        return dict(zip(self.space, point, strict=True))

    def _one(self) -> None:
        """The next trial, told to the study however it ends."""
        from optuna.trial import TrialState

        asked = self._ask()
        if self._repeated(asked):
            return
        built = build(self.trainer, self.space, asked.params, self.train)
        values: dict[int, float] = {}
        start = time.perf_counter()
        state = TrialState.FAIL
        notes: dict[str, Any] = {}
        try:
            outcome = self.validation.run(built, self._watch(asked, values))
            state, notes = TrialState.COMPLETE, {"value": outcome.value, "epochs": outcome.epochs}
        except Pruned:
            epoch = self._best_epoch(values)
            state, notes = TrialState.PRUNED, {"value": values[epoch], "epochs": epoch}
        except NumericalError as error:
            notes = {"failed": str(error)}
        except BaseException:
            self.study.tell(asked, state=TrialState.FAIL)  # of no account: a resumed search draws it again
            raise
        notes["seconds"] = time.perf_counter() - start
        self._tell(asked, state, notes)

    def _tell(self, asked: Asked, state: Any, notes: Mapping[str, Any]) -> None:
        for name, note in notes.items():
            asked.set_user_attr(name, note)
        told = self.study.tell(asked, notes["value"] if state.name == "COMPLETE" else None, state)
        self.found.append(self._trial(told))

    def _ask(self) -> Asked:
        """The next point: of the grid, the trainer itself, or drawn.

        Samplers are made anew for each trial from the seed and the number of trials that count, so that a resumed
        search draws what an uninterrupted one would have drawn.
        """
        number = len(self.found)
        fixed: dict[str, Any] | None = None
        if self.method == "grid":
            fixed = self._grid_point(number)
        elif number == 0:
            fixed = place_of(self.trainer, self.space, self.train)
        if fixed is not None:
            self.study.enqueue_trial(fixed)
        self.study.sampler = self._sampler(number)
        self.study.pruner = self._pruner()
        return self.study.ask({name: entry.distribution() for name, entry in self.space.items()})

    def _sampler(self, number: int) -> BaseSampler:
        from optuna.samplers import RandomSampler, TPESampler

        seed = int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0])
        return TPESampler(seed=seed) if self.method == "tpe" else RandomSampler(seed=seed)

    def _pruner(self) -> BasePruner:
        from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner

        if self.prune == "halving":
            return SuccessiveHalvingPruner(min_resource=WARM_UP)
        if self.prune:
            return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARM_UP)
        return NopPruner()

    def _watch(self, asked: Asked, values: dict[int, float]) -> Callable[[int, float], None]:
        def watch(epoch: int, value: float) -> None:
            values[epoch] = value
            asked.report(value, epoch)
            if self.late():
                raise OutOfTime
            if asked.should_prune():
                raise Pruned

        return watch

    def _best_epoch(self, values: dict[int, float]) -> int:
        best = next(iter(values))
        for epoch, value in values.items():
            if self.better(value, values[best]):
                best = epoch
        return best

    def _repeated(self, asked: Asked) -> bool:
        """Whether the same was tried before: then it is not done again, because it would end the same."""
        from optuna.trial import TrialState

        for earlier in counted(self.study):
            if earlier.params == asked.params and earlier.state != TrialState.FAIL:
                for epoch, value in earlier.intermediate_values.items():
                    asked.report(value, epoch)
                self._tell(asked, earlier.state, earlier.user_attrs | {"seconds": 0.0})
                return True
        return False

    def _trial(self, told: FrozenTrial) -> Trial:
        notes = told.user_attrs
        state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(told.state.name, "failed")
        return Trial(
            state,
            notes.get("value", math.nan),
            notes["seconds"],
            notes.get("epochs"),
            build(self.trainer, self.space, told.params, self.train),
        )


def counted(study: Study) -> list[FrozenTrial]:
    """The finished trials, without those that were interrupted."""
    return [trial for trial in study.get_trials(deepcopy=False) if "seconds" in trial.user_attrs]
