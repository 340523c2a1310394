"""What all trainers share: frozen settings, checked when made."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
import scipy.sparse

from tastespace.data.interactions import Interactions
from tastespace.data.memory import beside_sparse
from tastespace.data.split import Split
from tastespace.errors import EmptyError, InputError, ParameterError
from tastespace.models.factor_model import FactorModel
from tastespace.trainers.stopping import Stopping

#: The largest count that every kernel takes, and the largest seed.
MOST, MOST_SEED = 2**31 - 1, 2**64 - 1


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

    def settled(self, train: Interactions) -> Self:
        """This trainer with the values that it would choose from the data, such as a ``regularization`` of None."""
        return self

    def _refuse(self, name: str, need: str) -> ParameterError:
        return ParameterError(f"{name} of {type(self).__name__} must be {need}; got {getattr(self, name)!r}")

    def _check_count(self, name: str, least: int, most: int = MOST) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise self._refuse(name, f"a whole number >= {least}")
        if int(value) > most:
            raise self._refuse(name, f"at most {most:,}")
        object.__setattr__(self, name, int(value))  # a NumPy integer is as good

    def _check_loop(self) -> None:
        """Checks what every trainer has that learns factors in epochs."""
        self._check_count("factors", 1)
        self._check_count("epochs", 1)
        self._check_seed()
        self._check_type("stopping", (Stopping, type(None)), "a Stopping, or None")
        self._check_type("progress", (bool, type(None)), "True, False or None")

    def _check_decay(self) -> None:
        """Checks the share of the learning rates that is gone at the end."""
        self._check_number("decay", least=0)
        if self.params()["decay"] > 1:
            raise self._refuse("decay", "in 0..1")

    def _check_seed(self) -> None:
        self._check_count("seed", 0, MOST_SEED)

    def _check_number(
        self, name: str, *, above: float | None = None, least: float | None = None, most: float | None = None
    ) -> None:
        value = getattr(self, name)
        number = (
            not isinstance(value, bool)
            and isinstance(value, (int, float, np.number))
            and math.isfinite(value)
        )
        if above is not None and not (number and value > above):
            raise self._refuse(name, f"> {above:g}")
        if least is not None and not (number and value >= least):
            raise self._refuse(name, f">= {least:g}")
        if most is not None and value > most:
            raise self._refuse(name, f"at most {most:g}")
        if not isinstance(value, int):
            object.__setattr__(self, name, float(value))

    def _check_type(self, name: str, kinds: type | tuple[type, ...], need: str) -> None:
        if not isinstance(getattr(self, name), kinds):
            raise self._refuse(name, need)

    def _check_init(self) -> None:
        init = getattr(self, "init", None)
        if not isinstance(init, FactorModel | tuple | None) and not (isinstance(init, str) and init == "svd"):
            raise self._refuse("init", "'svd', a model, a pair of arrays, or None")

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise self._refuse(name, f"one of {', '.join(map(repr, choices))}")


#: Settings that the model does not depend on.
WITHOUT_EFFECT = ("threads", "progress")


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """Settings as plain data for a model's file: what is not a number, text or None becomes its ``repr``."""
    return {
        name: value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
        for name, value in params.items()
        if name not in WITHOUT_EFFECT
    }


def check_events(trainer: str, name: str, events: object) -> Interactions:
    """The events, if they are such and not empty.

    Raises
    ------
    InputError
        If they are something else.
    EmptyError
        If there are none.
    """
    if isinstance(events, Split):
        raise InputError(f"{trainer}.fit takes events as {name}; got a Split: pass split.train")
    if not isinstance(events, Interactions):
        raise InputError(f"{trainer}.fit takes Interactions as {name}; got {_other(events)}")
    if events.n_events == 0:
        raise EmptyError(f"{trainer} has nothing to learn from: {name} holds no events")
    return events


def _other(events: object) -> str:
    """What was given in place of events, and what to do with it."""
    if isinstance(events, np.ndarray):
        return (
            f"{beside_sparse(events)}: pass ts.read(scipy.sparse.csr_array(...)); tastespace.sklearn has NMF and "
            "TruncatedSVD of matrices"
        )
    call = "..."
    if scipy.sparse.issparse(events):
        call = "matrix"
    elif hasattr(events, "columns"):
        call = "table, user=..., item=..."
    return f"{type(events).__name__}: make them with ts.read({call})"


def check_ratings(trainer: str, name: str, events: object) -> None:
    """Raises InputError or EmptyError unless there are ratings."""
    if not check_events(trainer, name, events).explicit:
        raise InputError(
            f"{trainer} learns ratings, and these events have none; name the column with read(..., rating=...), "
            "or use ImplicitALS"
        )
