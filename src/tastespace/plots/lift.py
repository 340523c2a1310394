"""How often items are recommended for how often they are met: the bias of a model towards popular items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import EmptyError
from tastespace.plots.needs import able, count, events_of, history_of
from tastespace.plots.style import DASHES, SERIES, Look, axis, dress, key, note, traced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.protocol import Recommender

__all__ = ["lifts", "popularity_against_lift"]

_BINS = 12  # at most, of equal width in logarithms of events
_BATCH = 4096  # users at a time


def popularity_against_lift(
    model: Recommender,
    n: int = 10,
    *,
    users: int = 20_000,
    exclude_seen: bool = True,
    threads: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many times more often items are recommended than they are met, against how often they are met.

    The lift of an item is its share of all recommendations over its share of all events. On the line at 1 a model
    recommends as people choose. Lists are shorter than histories, so nearly every model leaves out what is rarely met
    and lifts what is popular; how early and how far the line falls is the model's popularity bias.

    Parameters
    ----------
    model
        With histories.
    n
        Length of the lists.
    users
        So many users are recommended to at most, spread evenly over all.
    exclude_seen
        Whether lists leave out what a user has seen.
    threads
        At most this many; None: all cores. The picture does not depend on it.
    ax
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A mark for each recommended item, those that never are in a row below; the lift of all items of about one
        popularity together, and that of the median item among them, never recommended ones counted.

    Raises
    ------
    UnsupportedError
        It is no model.
    HistoryError
        The model was saved without histories.
    EmptyError
        Nothing can be recommended to these users.
    ParameterError
        `n` or `users` < 1.
    MissingExtraError
        Matplotlib is not installed.
    """
    n = count("n of popularity_against_lift", n, 1)
    users = count("users of popularity_against_lift", users, 1)
    events, lift, asked = lifts(model, n, users, exclude_seen=exclude_seen, threads=threads)
    ax = axis(ax, "drawing popularity against lift", (6.4, 4.4))
    from matplotlib.ticker import LogLocator

    met = events > 0
    never = met & (lift == 0)
    some = met & (lift > 0)
    places, together, median = _by_popularity(events[met], lift[met])
    least = min(0.5, *(float(lifts[lifts > 0].min()) for lifts in (lift, together)))
    floor = float(10 ** (np.floor(np.log10(least)) - 0.5))  # where "never" stands
    ink = dress(ax, x="events of an item in the histories", y="lift: share of lists / share of events")
    ax.set_xscale("log")
    ax.set_yscale("log")
    colour = SERIES[0][0]
    ax.scatter(events[some], lift[some], s=9, color=colour, alpha=0.35, linewidths=0, label="an item")
    ax.scatter(
        events[never],
        np.full(never.sum(), floor / 1.3),
        s=22,
        marker="|",
        color=colour,
        alpha=0.35,
        linewidths=0.8,
    )
    ax.axhline(1, color=ink, linewidth=1, linestyle=(0, (4, 3)), alpha=0.7)
    names = ("all items of this popularity", "median item")
    for values, series, dashes, name in zip((together, median), SERIES[1:3], DASHES[:2], names, strict=True):
        traced(ax, places, np.maximum(values, floor), Look(*series, dashes), name=name)
    _set_ticks(ax, floor, float(lift.max()), bool(never.any()))
    # Decades alone would leave hardly a number on a short axis.
    few = events[met].max() < 1000 * events[met].min()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    key(ax, ink, "upper left")
    people = f"{asked:,} users" if asked == len(model.users) else f"{asked:,} of {len(model.users):,} users"
    note(ax, f"lists of {n} for {people}; {never.sum():,} of {met.sum():,} items are in none", ink)
    return ax


def lifts(
    model: Recommender, n: int, users: int, *, exclude_seen: bool = True, threads: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Events and lift of each item of the model, and to how many users it recommended.

    An item without events has the lift 0, whatever its share of the lists, which still counts in that of the others.
    """
    able(model, "rank", "popularity_against_lift")
    history = history_of(model, "popularity_against_lift")
    everyone = len(model.users)
    rows = np.unique(np.linspace(0, everyone - 1, min(users, everyone)).round().astype(np.int32))
    listed = np.zeros(len(model.items), np.int64)
    for start in range(0, len(rows), _BATCH):
        found, _ = model.rank(rows[start : start + _BATCH], n, exclude_seen=exclude_seen, threads=threads)
        listed += np.bincount(found[found >= 0], minlength=len(listed))
    events = events_of(history)
    if not listed[events > 0].any():
        raise EmptyError(
            "no item with events is recommended to any of these users: have they seen all? Pass exclude_seen=False"
        )
    lift = np.divide(
        listed / listed.sum(), events / events.sum(), out=np.zeros(len(listed)), where=events > 0
    )
    return events, lift, len(rows)


def _by_popularity(
    events: NDArray[np.int64], lift: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Places of groups of items of about equal popularity; the lift of all in a group together, and of its median."""
    width = np.log(events.max() + 1.0) / _BINS
    group = np.minimum((np.log(events) / width).astype(np.int64), _BINS - 1)
    present = np.unique(group)
    met = np.bincount(group, weights=events)[present]
    # The mean of lifts by events is the lift of the group as a whole: its share of the lists over that of the events.
    together = np.bincount(group, weights=events * lift)[present] / met
    places = np.exp(np.bincount(group, weights=np.log(events))[present] / np.bincount(group)[present])
    median = np.array([np.median(lift[group == one]) for one in present])
    return places, together, median


def _set_ticks(ax: Axes, floor: float, highest: float, never: bool) -> None:
    """Powers of ten from the row of those never recommended upwards, as plain numbers."""
    powers = np.arange(np.ceil(np.log10(floor)), np.ceil(np.log10(highest)) + 1)
    ticks = [floor, *(10**powers).tolist()] if never else (10**powers).tolist()
    ax.set_ylim(floor / 1.8, highest * 1.5)
    ax.set_yticks(ticks, ["never" if never and place == floor else f"{place:g}" for place in ticks])
    ax.yaxis.minorticks_off()
    ax.xaxis.set_major_formatter(lambda place, _: f"{place:,.0f}")
    ax.xaxis.minorticks_off()
