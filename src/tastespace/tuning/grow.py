"""Wider and wider: factors doubled from the best solution for as long as that helps."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from tastespace.errors import NumericalError
from tastespace.trainers.base import Trainer
from tastespace.tuning.search import OutOfTime, Search, Trial

#: Factors at which doubling ends, unless the caller says otherwise.
WIDEST = 1024

#: A penalty that is best for few factors is too weak for many, so a stronger one is tried at every width.
STRONGER = 2.0


def grow(search: Search, widest: int) -> tuple[Trial, ...]:
    """Double the factors of the best trial, each time from the model before, until validation stops improving.

    Every width is tried with the penalty of the one before, and with twice that. Adds every attempt to
    ``search.found``. The learned columns are kept and as many random ones added, so an attempt
    needs fewer epochs than a start from nothing.

    Returns
    -------
    tuple of Trial
        The best trial, and the doublings that improved on it, in order: `Tuning.fit` goes the same way.
    """
    best = search.best()
    assert best is not None  # a search without a whole trial does not return
    stages = [best]
    try:
        models = search.validation.run(best.trainer, lambda epoch, value: _check(search)).models
        while (width := 2 * stages[-1].trainer.params()["factors"]) <= widest:
            attempts = [
                _attempt(search, trainer, models) for trainer in _wider(search, stages[-1].trainer, width)
            ]
            winner, found = attempts[0]
            for trial, theirs in attempts[1:]:
                if search.better(trial.value, winner.value) or math.isnan(winner.value):
                    winner, found = trial, theirs
            if not search.better(winner.value, stages[-1].value):
                break
            models = found
            stages.append(winner)
    except OutOfTime:
        pass
    except KeyboardInterrupt:
        print(f"interrupted: {stages[-1].trainer.params()['factors']} factors are kept", file=sys.stderr)
    return tuple(stages)


def _wider(search: Search, trainer: Trainer, width: int) -> list[Trainer]:
    """The trainer with more factors, with its penalty and with a stronger one."""
    wider = trainer.replace(factors=width)
    penalty = wider.settled(search.train).params().get("regularization")
    return [wider] if penalty is None else [wider, wider.replace(regularization=STRONGER * penalty)]


def _attempt(search: Search, trainer: Trainer, models: tuple[Any, ...]) -> tuple[Trial, tuple[Any, ...]]:
    """A trainer fitted from these models, and the models that it ends with."""
    _check(search)
    started, value, epochs = time.perf_counter(), math.nan, None
    try:
        outcome = search.validation.run(trainer, lambda epoch, value: _check(search), models)
        value, epochs, models = outcome.value, outcome.epochs, outcome.models
    except NumericalError:
        pass
    trial = Trial("grown", value, time.perf_counter() - started, epochs, trainer)
    search.found.append(trial)
    return trial, models


def _check(search: Search) -> None:
    if search.late():
        raise OutOfTime
