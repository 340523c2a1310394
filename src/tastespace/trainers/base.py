"""What all trainers share: frozen settings, checked when made."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from tastespace.errors import EmptyError, InputError, ParameterError


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A frozen description of how to learn; ``fit`` changes nothing in it and returns a frozen model."""

    def params(self) -> dict[str, Any]:
        """The settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def replace(self, **changes: Any) -> Self:
        """A trainer with some settings changed.

        Raises
        ------
        ParameterError
            If a name is not a setting of this trainer, or a value is outside its range.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ParameterError(
                f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {', '.join(sorted(known))}"
            )
        return replace(self, **changes)

    def _refuse(self, name: str, need: str) -> ParameterError:
        return ParameterError(f"{name} of {type(self).__name__} must be {need}; got {getattr(self, name)!r}")

    def _check_count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._refuse(name, f"a whole number >= {least}")

    def _check_number(self, name: str, *, above: float | None = None, least: float | None = None) -> None:
        value = getattr(self, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if above is not None and not (number and value > above):
            raise self._refuse(name, f"> {above:g}")
        if least is not None and not (number and value >= least):
            raise self._refuse(name, f">= {least:g}")

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise self._refuse(name, f"one of {', '.join(map(repr, choices))}")


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """Settings as plain data for a model's file: what is not a number, text or None becomes its ``repr``."""
    return {
        name: value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
        for name, value in params.items()
    }


def check_ratings(trainer: str, explicit: bool) -> None:
    """Raises InputError if the events are not ratings."""
    if not explicit:
        raise InputError(
            f"{trainer} learns ratings, and these events have none; name the column with read(..., rating=...), "
            "or use ImplicitALS"
        )


def check_not_empty(events: int) -> None:
    """Raises EmptyError without events."""
    if events == 0:
        raise EmptyError("there is nothing to learn from: the training set has no events")
