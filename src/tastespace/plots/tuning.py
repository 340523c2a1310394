"""A search for settings: what every trial reached, and how that depends on one parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tastespace.errors import ParameterError
from tastespace.evaluation.selection import nearest
from tastespace.plots.needs import finite
from tastespace.plots.style import SERIES, axis, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.table import Table

_STATES = {
    "complete": (*SERIES[0], "whole trials"),
    "grown": (*SERIES[2], "factors doubled"),
    "pruned": ("#BBBBBB", "x", "pruned, best epoch until then"),
}
_LINE = SERIES[1][0]
_SIZE = (7.0, 4.0)
_COLUMNS = ("number", "state", "value", "seconds", "epochs")


def search(trials: Table, metric: str, *, lower: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the value of every trial on the validation events, and the best of the whole ones so far.

    Parameters
    ----------
    trials
        As `Tuning.trials` has them.
    metric
        What the values are, for the axis.
    lower
        Whether less is better.
    ax
        Where to draw; None makes a new figure.

    Raises
    ------
    ParameterError
        No trial has a value.
    MissingExtraError
        Matplotlib is not installed.
    """
    finite(trials["value"], "trials")
    ax = axis(ax, "drawing a search", _SIZE)
    _marks(ax, trials, trials["number"].astype(float))
    whole = np.where(np.isin(trials["state"], ["complete", "grown"]), trials["value"], np.nan)
    best = (np.fmin if lower else np.fmax).accumulate(whole)
    ax.step(trials["number"], best, where="post", color=_LINE, linewidth=1.5, label="best so far", zorder=1)
    _finish(ax, "trial", metric)
    return ax


def parameter(trials: Table, name: str, metric: str, *, ax: Axes | None = None) -> Axes:
    """Draw the value of every trial against one parameter; numbers over more than a factor of 20 in logarithms.

    Parameters
    ----------
    trials
        As `Tuning.trials` has them.
    name
        A searched parameter, or ``"epochs"``.
    metric
        What the values are, for the axis.
    ax
        Where to draw; None makes a new figure.

    Raises
    ------
    ParameterError
        If there is no such parameter (suggests the nearest), or no trial has a value.
    MissingExtraError
        Matplotlib is not installed.
    """
    known = [column for column in trials.columns if column not in _COLUMNS[:-1]]
    if name not in known:
        hint = nearest(str(name), known)
        raise ParameterError(f"the search has no parameter {name!r}{hint or ';'} it has {', '.join(known)}")
    finite(trials["value"], "trials")
    ax = axis(ax, "drawing a search", _SIZE)
    values = trials[name]
    if values.dtype == object:  # choices in words, in the order in which they came
        words = list(dict.fromkeys(values.tolist()))
        _marks(ax, trials, np.array([words.index(value) for value in values.tolist()], float))
        ax.set_xticks(range(len(words)), words)
    else:
        _marks(ax, trials, values.astype(float))
        if values.min() > 0 and values.max() / values.min() > 20:
            ax.set_xscale("log")
    _finish(ax, name, metric)
    return ax


def _marks(ax: Axes, trials: Table, x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    for state, (colour, marker, label) in _STATES.items():
        rows = trials["state"] == state
        if rows.any():
            ax.scatter(x[rows], trials["value"][rows], c=colour, marker=marker, s=28, label=label, zorder=2)


def _finish(ax: Axes, x: str, metric: str) -> None:
    """The labels, and the key above the picture: trials may lie anywhere in it."""
    ink = dress(ax, x=x, y=f"{metric} on validation")
    ax.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0,
        fontsize="small",
        labelcolor=ink,
    )
