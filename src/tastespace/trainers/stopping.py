"""When to stop: a rule on a validation metric, and what callbacks are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral

from tastespace.errors import ParameterError
from tastespace.evaluation.directions import DIRECTIONS, base, direction


@dataclass(frozen=True)
class Stopping:
    """Stop when a metric on the validation set has not improved for a while, and keep the best epoch.

    Epochs are compared with the users as training has them: a few steps, or with an exact solver the exact solution,
    from the items of that epoch. The users of the kept epoch are then solved exactly, and what ``model.info.metrics``
    says is measured on the returned model; it differs a little from the value of that epoch (see
    ``docs/guide/defaults.md``). Models that are learned by steps are measured and returned as they stand.

    Parameters
    ----------
    metric
        A metric of :func:`tastespace.evaluate`, such as ``"ndcg@10"`` or ``"rmse"``, that has a better side; coverage,
        novelty and others that describe lists have none.
    patience
        Measurements without improvement before training stops, >= 1.
    every
        Epochs between measurements, >= 1.
    """

    metric: str = "ndcg@10"
    patience: int = 3
    every: int = 1

    def __post_init__(self) -> None:
        for name in ("patience", "every"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ParameterError(f"{name} of Stopping must be a whole number >= 1; got {value!r}")
        if not isinstance(self.metric, str):
            raise ParameterError(
                f"metric of Stopping must be one name, such as 'ndcg@10'; got {self.metric!r}"
            )
        if DIRECTIONS.get(base(self.metric)) == 0:
            raise ParameterError(
                f"{self.metric!r} describes lists, and neither more nor less of it is better, so it cannot say when to "
                "stop; use 'ndcg@10'"
            )

    def better(self, new: float, best: float) -> bool:
        """Whether ``new`` improves on ``best``."""
        return new < best if direction(self.metric) < 0 else new > best


@dataclass(frozen=True)
class Epoch:
    """What a callback learns after each epoch.

    Attributes
    ----------
    number, epochs
        This epoch, from 1, and how many there will be at most.
    seconds
        Spent on this epoch's training, validation not included.
    objective
        The minimised sum, penalties included.
    validation
        Metrics on the validation set by name; empty when none were measured. See :class:`Stopping` for the users that
        are measured.
    """

    number: int
    epochs: int
    seconds: float
    objective: float
    validation: dict[str, float] = field(default_factory=dict)


Callback = Callable[[Epoch], None]
