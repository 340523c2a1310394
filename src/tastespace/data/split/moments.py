"""Cuts in time: the past trains, what comes after tests."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tastespace.data.filters import Duration, Moment, duration_seconds, unix_seconds
from tastespace.data.interactions import Interactions
from tastespace.data.split.checks import is_number, is_whole, times_of
from tastespace.data.split.parts import Split, parted
from tastespace.data.split.recipe import recut
from tastespace.errors import ParameterError


def by_time(ratings: Interactions, at: Moment) -> Split:
    """Train on what came before a moment, test on what came at it or later.

    Events of one second stay on one side.

    When to use: for saying how well a model will do in use, which is trained on the past and asked about the future;
    the first choice where events have times. Users and items that appear after the cut are cold, and the report counts
    them.

    Parameters
    ----------
    ratings
        Events with times.
    at
        A number above 0 and below 1: the moment before which this share of the events lies, counting none of
        the events of the cutting second. Otherwise a date, a datetime, ISO text or Unix seconds; UTC unless
        it names a time zone.

    Raises
    ------
    InputError
        If the events have no times.
    ParameterError
        If ``at`` cannot be understood, or is a number that is no share and no Unix second between the events.
    EmptyError
        If one side would be empty.
    """
    times = times_of(ratings, "by_time")
    moment, asked = _moment(times, at, "at")
    return recut(parted(ratings, times >= moment, f"by time at {_written(moment)}{asked}"), by_time)


def rolling(
    ratings: Interactions,
    windows: int = 3,
    *,
    start: Moment | None = None,
    span: Duration | None = None,
    memory: Duration | None = None,
) -> list[Split]:
    """Test on one window of time after another, each time trained on what came before it.

    Events of one second stay in one window.

    When to use: where one cut in time might have hit an odd week: several cuts show how far the numbers move, and
    whether a model that is retrained as often keeps its lead. At the price of one fit for each window.

    Parameters
    ----------
    ratings
        Events with times.
    windows
        How many, at least 1.
    start
        When the first window begins: a share of the events or a moment, as ``at`` of :func:`by_time`. By default half
        of the events lie before it or, with ``span``, the last window ends with the last event.
    span
        How long a window is, such as ``"30d"``. By default the windows share the events from ``start`` on evenly.
    memory
        How far back training reaches, such as ``"1y"``: what is older is left out. By default all the past is used.

    Returns
    -------
    list of Split
        In order of time. Events after a window, and those beyond ``memory``, are on neither side.

    Raises
    ------
    InputError
        If the events have no times.
    ParameterError
        If a setting cannot be understood.
    EmptyError
        If a side of a window would be empty; names the window.
    """
    times = times_of(ratings, "rolling")
    if not is_whole(windows) or windows < 1:
        raise ParameterError(f"windows must be a whole number of at least 1; got {windows!r}")
    back = None if memory is None else round(duration_seconds(memory, "memory"))
    edges = _edges(times, windows, start, span)
    remembered = "" if memory is None else f", trained on {memory} before it"
    splits = []
    for place, (begin, end) in enumerate(pairwise(edges), start=1):
        held = (times >= begin) & (times < end)
        given = times < begin if back is None else (times < begin) & (times >= begin - back)
        how = f"window {place} of {windows}, {_written(begin)} to {_written(end)}{remembered}"
        splits.append(recut(parted(ratings, held, how, given=given), by_time))
    return splits


def _edges(times: NDArray[np.int64], windows: int, start: Moment | None, span: Duration | None) -> list[int]:
    """Where windows begin, and where the last one ends."""
    after = int(times.max()) + 1
    if span is not None:
        length = max(round(duration_seconds(span, "span")), 1)
        first = after - windows * length if start is None else _moment(times, start, "start")[0]
        return [first + place * length for place in range(windows + 1)]
    first = _moment(times, 0.5 if start is None else start, "start")[0]
    later = np.sort(times[times >= first])
    if not len(later):
        return [first] * (windows + 1)  # nothing to test, as the first window will say
    return [first, *later[len(later) * np.arange(1, windows) // windows].tolist(), after]


def _moment(times: NDArray[np.int64], at: Moment, name: str) -> tuple[int, str]:
    """The Unix second that a share of the events or a moment names, and the words for a share."""
    if not (is_number(at) and 0 <= at <= 1):
        moment = unix_seconds(at, name)
        first, last = int(times.min()), int(times.max())
        if is_number(at) and not first < moment <= last:
            raise ParameterError(
                f"{name} must be a share of the events above 0 and below 1, or a moment between them; {at!r} is read "
                f"as Unix seconds, {_written(moment)}, and the events last from {_written(first)} to {_written(last)}"
            )
        return moment, ""
    if at in (0, 1):
        raise ParameterError(
            f"{name} must be a share of the events above 0 and below 1, or a date; got {at!r}"
        )
    position = int(len(times) * at)
    return int(np.partition(times, position)[position]), f" ({at:.4g} of the events)"


def _written(seconds: int) -> str:
    moment = str(np.datetime64(seconds, "s")).replace("T", " ")
    return moment.removesuffix(" 00:00:00")
