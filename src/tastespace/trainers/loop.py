"""The epochs of an iterative trainer: progress, callbacks, validation, early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from tastespace.data.interactions import Interactions
from tastespace.errors import ParameterError
from tastespace.evaluation import Evaluation
from tastespace.models.factor_model import FactorModel
from tastespace.trainers.progress import progress_bar
from tastespace.trainers.stopping import ERRORS, Callback, Epoch, Stopping


class Run(Protocol):
    """One fit under way."""

    def epoch(self) -> None:
        """Trains for one epoch."""

    def objective(self) -> float:
        """The minimised sum at the present state."""

    def model(self) -> FactorModel:
        """The finished model at the present state; training may go on afterwards."""


def run_epochs(
    run: Run,
    name: str,
    epochs: int,
    *,
    train: Interactions,
    valid: Interactions | None,
    stopping: Stopping | None,
    rates: bool,
    callbacks: Sequence[Callback],
    progress: bool | None,
    threads: int,
) -> FactorModel:
    """Trains for at most ``epochs`` epochs and returns the last model, or the best by ``stopping``.

    With ``valid`` and no rule, RMSE decides where the model ``rates``, and NDCG@10 elsewhere.

    Raises
    ------
    ParameterError
        If there is a stopping rule without a validation set, or its metric is unknown.
    """
    if valid is None:
        if stopping is not None:
            raise ParameterError(f"stopping of {name} needs a validation set; pass fit(train, valid=...)")
        return _run_all(run, name, epochs, callbacks, progress)
    rule = stopping or Stopping("rmse" if rates else "ndcg@10")
    if rule.metric in ERRORS and not rates:
        raise ParameterError(
            f"{name} predicts no ratings, so {rule.metric!r} cannot stop it; use ranks, such as 'ndcg@10'"
        )
    if rule.metric not in ERRORS and "@" not in rule.metric:
        raise ParameterError(
            f"metric of Stopping must name its cut-off, such as 'ndcg@10'; got {rule.metric!r}"
        )
    test = Evaluation(train.users, train.items, train.by_user, valid, metrics=rule.metric, threads=threads)
    best, best_value, best_epoch, misses = None, 0.0, 0, 0
    with progress_bar(name, epochs, progress) as tick:
        for number in range(1, epochs + 1):
            seconds = _timed(run.epoch)
            validation: dict[str, float] = {}
            if number % rule.every == 0 or (number == epochs and best is None):
                model = run.model()
                value = test.run(model)[rule.metric]
                validation[rule.metric] = value
                misses += 1
                if best is None or rule.better(value, best_value):
                    best, best_value, best_epoch, misses = model, value, number, 0
            _tell(callbacks, run, number, epochs, seconds, validation)
            tick("  ".join(f"{metric} {value:.4f}" for metric, value in validation.items()))
            if misses >= rule.patience:
                break
    assert best is not None  # the last epoch is measured at the latest
    metrics = {"best_epoch": best_epoch, rule.metric: best_value}
    return replace(best, info=replace(best.info, metrics=metrics))


def _run_all(
    run: Run, name: str, epochs: int, callbacks: Sequence[Callback], progress: bool | None
) -> FactorModel:
    with progress_bar(name, epochs, progress) as tick:
        for number in range(1, epochs + 1):
            seconds = _timed(run.epoch)
            _tell(callbacks, run, number, epochs, seconds, {})
            tick("")
    return run.model()


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _tell(
    callbacks: Sequence[Callback],
    run: Run,
    number: int,
    epochs: int,
    seconds: float,
    validation: dict[str, float],
) -> None:
    """Tells the callbacks; the objective is only computed for them."""
    if not callbacks:
        return
    epoch = Epoch(number, epochs, seconds, run.objective(), validation)
    for callback in callbacks:
        callback(epoch)
