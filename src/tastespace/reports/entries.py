"""What is compared: trainers, trainers with training events of their own, and models."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tastespace.data.interactions import Interactions
from tastespace.errors import InputError, ParameterError
from tastespace.models.protocol import Recommender

Transform: TypeAlias = Callable[[Interactions], Interactions]


class Learner(Protocol):
    """Anything that fits: a trainer of tastespace, or one like it."""

    def fit(self, train: Interactions) -> Recommender:
        """Learn a model."""


#: A trainer, a model, or a trainer and what to do with the training events before it sees them.
Entrant: TypeAlias = Learner | Recommender | tuple[Learner, Transform]


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the models that are compared.

    Attributes
    ----------
    name
        As the caller names it.
    trainer
        What learns it; None where it is fitted already.
    transform
        What its training events become first.
    model
        The fitted model; None where it is to be learned.
    """

    name: str
    trainer: Any = None
    transform: Transform | None = None
    model: Recommender | None = None

    @property
    def takes(self) -> set[str]:
        """Names of the parameters of the trainer's fit."""
        return set(inspect.signature(self.trainer.fit).parameters)

    def events(self, train: Interactions) -> Interactions:
        """The training events as the trainer is to see them.

        Raises
        ------
        InputError
            The transform returns something else than events.
        """
        if self.transform is None:
            return train
        events = self.transform(train)
        if not isinstance(events, Interactions):
            raise InputError(
                f"the transform of a model must return Interactions; got {type(events).__name__}: "
                "write it like lambda train: train.as_implicit()"
            )
        return events

    def seeded(self, seeds: int) -> list[tuple[int | None, Any]]:
        """A seed and a trainer for each fit: several where the trainer has a seed, else one without."""
        settings = self.trainer.params() if hasattr(self.trainer, "params") else {}
        if "seed" not in settings:
            return [(None, self.trainer)]
        first = int(settings["seed"])
        return [(seed, self.trainer.replace(seed=seed)) for seed in range(first, first + seeds)]


def read_entries(models: Mapping[str, Entrant]) -> list[Entry]:
    """The entries of a comparison.

    Raises
    ------
    ParameterError
        There is none, or a name is no text.
    InputError
        One is neither trainer nor model.
    """
    if not isinstance(models, Mapping):
        raise InputError(f'models must be a mapping such as {{"als": ts.ALS()}}; got {type(models).__name__}')
    if not models:
        raise ParameterError('models is empty; name at least one, such as {"als": ts.ALS()}')
    for name in models:
        if not isinstance(name, str) or not name.strip():
            raise ParameterError(f"the names of models must be text; got {name!r}")
    return [read_entry(name, value) for name, value in models.items()]


def read_entry(name: str, value: object) -> Entry:
    """One entry, from what the caller gives.

    Raises
    ------
    InputError
        It is neither trainer nor model.
    """
    transform: Any = None
    thing: Any = value
    if isinstance(value, tuple) and len(value) == 2:
        thing, transform = value
        if _is_model(thing):
            raise InputError(
                f"models[{name!r}] is fitted already, so a transform of its training events is too late"
            )
        if not callable(transform):
            raise InputError(
                f"models[{name!r}]: beside the trainer stands a function of the training events, such as "
                f"lambda train: train.as_implicit(); got {type(transform).__name__}"
            )
    if isinstance(thing, type):
        raise InputError(
            f"models[{name!r}] is the class {thing.__name__}; pass one of it, {thing.__name__}()"
        )
    if _is_model(thing):
        return Entry(name, model=thing)
    if not callable(getattr(thing, "fit", None)):
        raise InputError(
            f"models[{name!r}] must be a trainer, a model, or (trainer, function of the training events); "
            f"got {type(value).__name__}"
        )
    return Entry(name, trainer=thing, transform=transform)


def _is_model(thing: Any) -> bool:
    return callable(getattr(thing, "rank", None)) and not isinstance(thing, type)
