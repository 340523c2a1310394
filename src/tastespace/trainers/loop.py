"""The epochs of an iterative trainer: progress, callbacks, validation, early stopping."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tastespace.data.interactions import Interactions
from tastespace.errors import ParameterError
from tastespace.evaluation import evaluate
from tastespace.models.factor_model import FactorModel
from tastespace.trainers.progress import progress_bar
from tastespace.trainers.stopping import Callback, Epoch, Stopping


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
    valid: Interactions | None,
    stopping: Stopping | None,
    callbacks: Sequence[Callback],
    progress: bool | None,
    threads: int,
) -> FactorModel:
    """Trains for at most ``epochs`` epochs and returns the last model, or the best by ``stopping``.

    Raises
    ------
    ParameterError
        If there is a stopping rule without a validation set.
    """
    if stopping is not None and valid is None:
        raise ParameterError(f"stopping of {name} needs a validation set; pass fit(train, valid=...)")
    if stopping is None and valid is not None:
        stopping = Stopping("rmse") if valid.explicit and run.model().scale is not None else Stopping()
    best: FactorModel | None = None
    best_value, best_epoch, misses = 0.0, 0, 0
    with progress_bar(name, epochs, progress) as tick:
        for number in range(1, epochs + 1):
            start = time.perf_counter()
            run.epoch()
            seconds = time.perf_counter() - start
            validation: dict[str, float] = {}
            if stopping is not None and valid is not None and number % stopping.every == 0:
                model = run.model()
                value = measure(model, valid, stopping.metric, threads)
                validation[stopping.metric] = value
                if best is None or stopping.better(value, best_value):
                    best, best_value, best_epoch, misses = model, value, number, 0
                else:
                    misses += 1
            if callbacks:
                told = Epoch(number, epochs, seconds, run.objective(), validation)
                for callback in callbacks:
                    callback(told)
            tick("  ".join(f"{metric} {value:.4f}" for metric, value in validation.items()))
            if stopping is not None and misses >= stopping.patience:
                break
    if best is None or stopping is None:
        return run.model()
    metrics = {"best_epoch": best_epoch, stopping.metric: best_value}
    return replace(best, info=replace(best.info, metrics=metrics))


def measure(model: FactorModel, valid: Interactions, metric: str, threads: int) -> float:
    """One metric on the validation set."""
    base, _, cutoff = metric.partition("@")
    if cutoff and not cutoff.isdigit():
        raise ParameterError(f"metric must look like 'ndcg@10' or 'rmse'; got {metric!r}")
    k = int(cutoff) if cutoff else 10
    return float(evaluate(model, valid, k=k, metrics=[base], threads=threads)[metric])
