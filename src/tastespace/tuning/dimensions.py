"""What a parameter may be in a search: choices, a range, or a multiple of the trainer's own default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from tastespace.errors import ParameterError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

#: What a choice may be; anything else could not be written to a file of trials.
PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Choices:
    """One of several values, written as a list."""

    values: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def samples(self) -> tuple[Any, ...]:
        """Values that show whether the trainer takes all that may be drawn."""
        return self.values

    def holds(self, value: Any) -> bool:
        """Whether the value may be drawn."""
        return any(type(value) is type(choice) and value == choice for choice in self.values)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.values))


@dataclass(frozen=True)
class Range:
    """Any number from ``low`` to ``high``, both included; whole numbers alone, or evenly in the logarithm."""

    low: float
    high: float
    log: bool
    whole: bool

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def samples(self) -> tuple[Any, ...]:
        """Values that show whether the trainer takes all that may be drawn."""
        return (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Whether the value may be drawn."""
        number = isinstance(value, Integral if self.whole else Real) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def __str__(self) -> str:
        return (
            f"{self.low:g} to {self.high:g}"
            + (", log" if self.log else "")
            + (", whole" if self.whole else "")
        )


@dataclass(frozen=True)
class Relative:
    """A multiple of the value that the trainer would choose for these data, evenly in the logarithm.

    The default of one parameter may depend on others, as the ``regularization`` of ``ImplicitALS`` depends on its
    ``unobserved_weight``: it is taken beside what was drawn for those, so that the search need not learn what the
    default already knows.

    Parameters
    ----------
    low, high
        Least and largest multiple; 0 < low < high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.low < self.high < math.inf):
            raise ParameterError(
                f"Relative takes two numbers, 0 < low < high; got {self.low!r} and {self.high!r}"
            )

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=True)

    def holds(self, value: Any) -> bool:
        """Whether the multiple may be drawn."""
        return bool(self.low <= value <= self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} times the default"


Dimension = Choices | Range | Relative


def dimension(name: str, given: Any, *, fractional: bool) -> Dimension:
    """One entry of a search space.

    Parameters
    ----------
    name
        Of the parameter, for messages.
    given
        A list of choices, ``(low, high)``, ``(low, high, "log")`` or a :class:`Relative`.
    fractional
        Whether the parameter is a number with decimals, so that a range of whole numbers means all between them.

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    if isinstance(given, Choices | Range | Relative):
        return given
    if isinstance(given, list):
        return _choices(name, given)
    if isinstance(given, tuple) and len(given) in (2, 3):
        return _range(name, given, fractional=fractional)
    raise ParameterError(
        f"{name} in the search space must be a list of choices, (low, high) or (low, high, 'log'); got {given!r}"
    )


def _choices(name: str, given: list[Any]) -> Choices:
    if not given:
        raise ParameterError(f"{name} in the search space has no choices; name some, or leave {name} out")
    values = tuple(value.item() if hasattr(value, "item") else value for value in given)
    for value in values:
        if not isinstance(value, PLAIN):
            raise ParameterError(
                f"choices of {name} in the search space must be numbers, text, booleans or None; got {value!r}"
            )
    return Choices(tuple(dict.fromkeys(values)) if len(set(map(type, values))) == 1 else values)


def _range(name: str, given: tuple[Any, ...], *, fractional: bool) -> Range:
    low, high, *how = given
    if how and how != ["log"]:
        raise ParameterError(
            f"{name} in the search space: the third of a range can only be 'log'; got {how[0]!r}. Choices are written "
            "as a list"
        )
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, Real) or not math.isfinite(end):
            raise ParameterError(
                f"{name} in the search space: both ends of a range must be finite numbers; got {end!r}. Choices are "
                "written as a list"
            )
    if not low < high:
        raise ParameterError(f"{name} in the search space: a range goes from low to high; got {given!r}")
    if how and low <= 0:
        raise ParameterError(f"{name} in the search space: a 'log' range must lie above 0; got {given!r}")
    whole = isinstance(low, Integral) and isinstance(high, Integral) and not fractional
    number = int if whole else float
    return Range(number(low), number(high), bool(how), whole)
