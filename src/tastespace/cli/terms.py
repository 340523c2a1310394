"""Events in the terms of a model: a text file holds ``"42"`` where the model may know 42."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions
    from tastespace.data.vocabulary import Vocabulary
    from tastespace.models.protocol import Recommender


def in_terms_of(model: Recommender, events: Interactions) -> Interactions:
    """The events with ids of the model's type."""
    return replace(
        events, users=_recoded(events.users, model.users), items=_recoded(events.items, model.items)
    )


def _recoded(ids: Vocabulary, known: Vocabulary) -> Vocabulary:
    from tastespace.data.vocabulary import Vocabulary

    if ids.kind == known.kind:
        return ids
    return Vocabulary([known.coerce(str(id)) for id in ids], noun=ids.noun)
