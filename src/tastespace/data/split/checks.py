"""What the arguments of splits must be."""

from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.errors import InputError, ParameterError


def generator(seed: int) -> np.random.Generator:
    """Return NumPy's PCG64 with this seed.

    Raises
    ------
    ParameterError
        If the seed is not a whole number >= 0.
    """
    if not is_whole(seed) or seed < 0:
        raise ParameterError(f"seed must be a whole number >= 0; got {seed!r}")
    return np.random.Generator(np.random.PCG64(seed))


def share(value: float, name: str, of: str) -> float:
    """Return a share above 0 and below 1.

    Raises
    ------
    ParameterError
        If it is not one; names the parameter and what it is a share of.
    """
    if not is_number(value) or not 0 < value < 1:
        raise ParameterError(f"{name} must be a share of {of} above 0 and below 1; got {value!r}")
    return value


def number_of(value: float, name: str, whole: int) -> int:
    """Return how many of `whole` users or items a share below 1 or a whole number names, at least 1.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if is_whole(value) and value >= 1:
        return value
    if not is_number(value) or not 0 < value < 1:
        raise ParameterError(
            f"{name} must be a share of the {name} above 0 and below 1, or a whole number of at least 1; got {value!r}"
        )
    return max(round(whole * value), 1)


def events_of(given: object, what: str) -> Interactions:
    """Return the events that `what`, a function of ``ts.split``, is to part.

    Raises
    ------
    InputError
        If they are something else.
    """
    if isinstance(given, Interactions):
        return given
    kind = type(given).__name__
    hint = ": pass split.train" if kind == "Split" else ": make them with ts.read(...)"
    raise InputError(f"ts.split.{what} takes Interactions; got {kind}{hint}")


def times_of(ratings: Interactions, what: str) -> NDArray[np.int64]:
    """Return the time of each event.

    Raises
    ------
    InputError
        If these are no events, or have no times; says that `what` needs them.
    """
    events_of(ratings, what)
    times = ratings.by_user.times
    if times is None:
        raise InputError(f"{what} needs the times of events; name their column: read(..., timestamp=)")
    return times


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, and no boolean."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number, and no boolean."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
