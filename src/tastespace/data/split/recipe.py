"""How a split was made, so that its training side can be split once more in the same manner."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from tastespace.data.split.checks import events_of

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.split.parts import Split

P = ParamSpec("P")


@dataclass(frozen=True)
class Recipe:
    """A split to be made again.

    Attributes
    ----------
    make
        A function of ``ts.split``.
    settings
        Its arguments beside the events, read-only.
    """

    make: Callable[..., Split]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Recipe, (self.make, dict(self.settings))  # a read-only view cannot be pickled

    def again(self, train: Interactions) -> Split:
        """The training side split in the same manner: its test side is a validation set for tuning.

        A split by chance draws anew, from a seed that follows from its own: drawn from the same one, what is held out
        the second time would depend on where it stood the first time.

        Raises
        ------
        EmptyError
            If too few events are left for that.
        """
        settings = dict(self.settings)
        if "seed" in settings:
            settings["seed"] = following(settings["seed"])
        return self.make(train, **settings)


def following(seed: int) -> int:
    """The seed of a second draw, independent of the first: 32 bits of NumPy's ``SeedSequence((seed, 1))``."""
    return int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])


def remembered(make: Callable[P, Split]) -> Callable[P, Split]:
    """A function of ``ts.split`` whose splits carry its own arguments, without the events, as their recipe.

    Raises
    ------
    InputError
        When it is called with something else than events.
    """
    signature = inspect.signature(make)
    events = next(iter(signature.parameters))

    @functools.wraps(make)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> Split:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        settings = dict(given.arguments)
        events_of(settings.pop(events), make.__name__)
        return replace(make(*args, **kwargs), recipe=Recipe(remembering, settings))

    return remembering


def recut(split: Split, make: Callable[..., Split]) -> Split:
    """A split at a moment with the recipe to cut its training side where it leaves the same share: a date would not."""
    share = split.train.n_events / (split.train.n_events + split.test.n_events)
    return replace(split, recipe=Recipe(make, {"at": share}))
