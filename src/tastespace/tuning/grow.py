"""Wider and wider: factors doubled from the best solution for as long as that helps."""

from __future__ import annotations

import sys
import time

from tastespace.errors import NumericalError
from tastespace.tuning.search import OutOfTime, Search, Tried

#: Factors at which doubling ends, unless the caller says otherwise.
WIDEST = 1024


def grow(search: Search, widest: int) -> tuple[Tried, ...]:
    """Double the factors of the best trial, each time from the model before, until validation stops improving.

    Adds every attempt to ``search.found``. The learned columns are kept and as many random ones added, so an attempt
    needs fewer epochs than a start from nothing.

    Returns
    -------
    tuple of Tried
        The best trial, and the doublings that improved on it, in order: `Tuning.fit` goes the same way.
    """
    best = search.best()
    assert best is not None  # a search without a whole trial does not return
    stages = [best]
    try:
        models = search.validation.run(best.chosen(), lambda epoch, value: _check(search)).models
        while (width := 2 * stages[-1].trainer.params()["factors"]) <= widest:
            _check(search)
            started = time.perf_counter()
            trainer = search.trainer.replace(**best.trainer.params() | {"factors": width})
            try:
                outcome = search.validation.run(trainer, lambda epoch, value: _check(search), models)
            except NumericalError:
                break
            tried = Tried("grown", outcome.value, time.perf_counter() - started, outcome.epochs, trainer)
            search.found.append(tried)
            if not search.better(outcome.value, stages[-1].value):
                break
            models = outcome.models
            stages.append(tried)
    except OutOfTime:
        pass
    except KeyboardInterrupt:
        print(f"interrupted: {stages[-1].trainer.params()['factors']} factors are kept", file=sys.stderr)
    return tuple(stages)


def _check(search: Search) -> None:
    if search.late():
        raise OutOfTime
