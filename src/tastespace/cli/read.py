"""``tastespace read``: what is in a file of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tastespace.cli.console import write, write_json, write_table
from tastespace.cli.options import Json
from tastespace.cli.source import Columns, Selection, Source

if TYPE_CHECKING:
    from tastespace.data.interactions import Interactions


def read(source: Source, columns: Columns, selection: Selection, json: Json = False) -> None:
    """Read events and say what there is: users, items, ratings, times, rows that were skipped.

    Example: tastespace read ratings.csv --user userId --item movieId --rating rating --timestamp timestamp
    """
    events = selection.apply(columns.read(source))
    if json:
        write_json(summary(events))
        return
    write(str(events))
    if events.skipped:
        write(f"{events.skipped:,} rows skipped because they could not be used")
    write("")
    write_table(
        ["events of", "min", "median", "mean", "max"],
        [
            [side, *(f"{value:,.10g}" for value in _spread(csr.counts()).values())]
            for side, csr in (("a user", events.by_user), ("an item", events.by_item))
        ],
        right=("min", "median", "mean", "max"),
    )


def summary(events: Interactions) -> dict[str, Any]:
    """The numbers of the summary line, for a program."""
    times = events.by_user.times
    return {
        "users": events.n_users,
        "items": events.n_items,
        "events": events.n_events,
        "explicit": events.explicit,
        "scale": events.scale,
        "density": events.n_events / (events.n_users * events.n_items),
        "first_time": None if times is None else int(times.min()),
        "last_time": None if times is None else int(times.max()),
        "kinds": events.kinds,
        "skipped": events.skipped,
        "events_per_user": _spread(events.by_user.counts()),
        "events_per_item": _spread(events.by_item.counts()),
    }


def _spread(counts: Any) -> dict[str, float]:
    import numpy as np

    return {
        "min": int(counts.min()),
        "median": float(np.median(counts)),
        "mean": round(float(counts.mean()), 2),
        "max": int(counts.max()),
    }
