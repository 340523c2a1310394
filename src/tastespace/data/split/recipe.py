"""How a split was made, so that its training side can be split once more in the same manner."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ParamSpec

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
        Its arguments beside the events.
    """

    make: Callable[..., Split]
    settings: Mapping[str, Any]

    def again(self, train: Interactions) -> Split:
        """The training side split in the same manner: its test side is a validation set for tuning.

        Raises
        ------
        EmptyError
            If too few events are left for that.
        """
        return self.make(train, **self.settings)


def remembered(make: Callable[P, Split]) -> Callable[P, Split]:
    """A function of ``ts.split`` whose splits carry its own arguments, without the events, as their recipe."""
    signature = inspect.signature(make)
    events = next(iter(signature.parameters))

    @functools.wraps(make)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> Split:
        settings = signature.bind(*args, **kwargs).arguments
        del settings[events]
        return replace(make(*args, **kwargs), recipe=Recipe(remembering, settings))

    return remembering


def recut(split: Split, make: Callable[..., Split]) -> Split:
    """A split at a moment with the recipe to cut its training side where it leaves the same share: a date would not."""
    share = split.train.n_events / (split.train.n_events + split.test.n_events)
    return replace(split, recipe=Recipe(make, {"at": share}))
