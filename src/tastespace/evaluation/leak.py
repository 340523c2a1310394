"""The warning that a model was given events later than those it is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tastespace.data.interactions import Interactions
from tastespace.data.split import Leak, Split

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender


def leak_warnings(model: Recommender, test: Interactions | Split) -> list[str]:
    """A sentence if the future leaked, or none.

    What the model was trained on is in its history; where that is missing or has no times, the training side of the
    split stands for it. Nothing can be said where the test events have no times.
    """
    events = test.test if isinstance(test, Split) else test
    leak = None
    if model.history is not None:
        leak = Leak.between(model.users, model.history, events.users, events.by_user)
    if leak is None and isinstance(test, Split):
        leak = test.leak()
    warning = None if leak is None else leak.warning()
    return [] if warning is None else [warning]
