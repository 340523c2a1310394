"""The epochs of an iterative trainer: progress, callbacks, validation, early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol, TypeVar

from tastespace.data.interactions import Interactions
from tastespace.errors import ParameterError
from tastespace.evaluation import Evaluation
from tastespace.evaluation.directions import has_cutoff
from tastespace.evaluation.overlap import check_apart
from tastespace.evaluation.rating import RATING
from tastespace.models.factor_model import FactorModel
from tastespace.models.padding import Floats
from tastespace.models.temporal import TemporalModel
from tastespace.trainers.progress import progress_bar
from tastespace.trainers.stopping import Callback, Epoch, Stopping

#: What a run keeps of an epoch, to go back to it.
State = tuple[Floats, ...]

#: What a run ends in.
M = TypeVar("M", bound=FactorModel | TemporalModel)
M_co = TypeVar("M_co", bound=FactorModel | TemporalModel, covariant=True)


class Run(Protocol[M_co]):
    """One fit under way."""

    def half_epoch(self, side: Literal["user", "item"]) -> None:
        """Trains one side against the other; an epoch is the users, then the items.

        Steps that change both sides are taken in the items' half, and the users' half is empty.
        """

    def objective(self) -> float:
        """The minimised sum at the present state."""

    def keep(self) -> State:
        """A copy of what :meth:`model` needs of the present state."""

    def measured(self) -> M_co:
        """A model of the factors as they stand, to be measured and let go before training goes on."""

    def model(self, state: State | None = None) -> M_co:
        """The finished model at a kept state, or at the present one: every user solved exactly."""


def run_epochs(
    run: Run[M],
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
    converged: Callable[[], bool] | None = None,
) -> M:
    """Trains for at most ``epochs`` epochs and returns the last model, or the best by ``stopping``.

    With ``valid`` and no rule, RMSE decides where the model ``rates``, and NDCG@10 elsewhere.

    Epochs are compared with users after the steps of one half-epoch from the items of that epoch. That is the users'
    half of the next epoch done early, so measuring trains no differently and costs little more than the ranking. Only
    the users of the best epoch are solved exactly, as in every finished model, and the metric of that model is measured
    once more: ``info.metrics`` holds the latter.

    ``converged`` is asked after each epoch without ``valid``, and ends training.

    Raises
    ------
    ParameterError
        If there is a stopping rule without a validation set, or its metric is unknown.
    """
    if valid is None:
        if stopping is not None:
            raise ParameterError(f"stopping of {name} needs a validation set; pass fit(train, valid=...)")
        return _run_all(run, name, epochs, callbacks, progress, converged)
    rule = stopping or Stopping("rmse" if rates else "ndcg@10")
    if rule.metric in RATING and not rates:
        raise ParameterError(
            f"{name} predicts no ratings, so {rule.metric!r} cannot stop it; use ranks, such as 'ndcg@10'"
        )
    if has_cutoff(rule.metric) and "@" not in rule.metric:
        raise ParameterError(
            f"metric of Stopping must name its cut-off, such as 'ndcg@10'; got {rule.metric!r}"
        )
    test = Evaluation(train.users, train.items, train.by_user, valid, metrics=rule.metric, threads=threads)
    check_apart(valid, train, "train")
    best: State | None = None
    best_value, best_epoch, misses = 0.0, 0, 0
    ahead: float | None = None  # seconds of the next epoch's first half, where that is done
    with progress_bar(name, epochs, progress) as tick:
        for number in range(1, epochs + 1):
            seconds = _timed(lambda: run.half_epoch("user")) if ahead is None else ahead
            seconds += _timed(lambda: run.half_epoch("item"))
            ahead = None
            objective = run.objective() if callbacks else 0.0
            validation: dict[str, float] = {}
            if number % rule.every == 0 or (number == epochs and best is None):
                state = run.keep()
                # The users as they stand answer to the items of the epoch before. Their half of the next epoch brings
                # them up to date, and has to be done anyway.
                ahead = _timed(lambda: run.half_epoch("user"))
                value = test.run(run.measured())[rule.metric]
                validation[rule.metric] = value
                misses += 1
                if best is None or rule.better(value, best_value):
                    best, best_value, best_epoch, misses = state, value, number, 0
            for callback in callbacks:
                callback(Epoch(number, epochs, seconds, objective, validation))
            tick("  ".join(f"{metric} {value:.4f}" for metric, value in validation.items()))
            if misses >= rule.patience:
                break
    assert best is not None  # the last epoch is measured at the latest
    model = run.model(best)
    metrics = {"best_epoch": best_epoch, rule.metric: test.run(model)[rule.metric]}
    return replace(model, info=replace(model.info, metrics=metrics))


def _run_all(
    run: Run[M],
    name: str,
    epochs: int,
    callbacks: Sequence[Callback],
    progress: bool | None,
    converged: Callable[[], bool] | None,
) -> M:
    with progress_bar(name, epochs, progress) as tick:
        for number in range(1, epochs + 1):
            seconds = _timed(lambda: run.half_epoch("user")) + _timed(lambda: run.half_epoch("item"))
            if callbacks:  # the objective is only computed for them
                epoch = Epoch(number, epochs, seconds, run.objective(), {})
                for callback in callbacks:
                    callback(epoch)
            tick("")
            if converged is not None and converged():
                break
    return run.model()


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
