"""Where a model comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tastespace.data.interactions import Interactions


@dataclass(frozen=True)
class ModelInfo:
    """How a model was made; stored in its file as plain data.

    Attributes
    ----------
    trainer
        Name of the trainer, such as ``ALS``.
    params
        The trainer's parameters, with defaults that were chosen from the data filled in.
    data
        Summary of the training data: users, items, events, explicit, scale, first and last time (Unix seconds).
        Of a model made by ``fold_in_many`` also ``folded_in``: users, events, events_on_unknown_items.
    metrics
        What was measured while training, such as the best validation metric.
    version
        The release of tastespace that trained it.
    """

    trainer: str
    params: dict[str, Any]
    data: dict[str, Any]
    metrics: dict[str, Any] = field(default_factory=dict)
    version: str = ""


def summarize(train: Interactions) -> dict[str, Any]:
    """The summary of a training set that a model keeps."""
    times = train.by_user.times
    return {
        "users": train.n_users,
        "items": train.n_items,
        "events": train.n_events,
        "explicit": train.explicit,
        "scale": None if train.scale is None else list(train.scale),
        "first_time": None if times is None else int(times.min()),
        "last_time": None if times is None else int(times.max()),
    }
