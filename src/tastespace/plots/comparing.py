"""Pictures that compare models: quality against k, popularity and time, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from tastespace.errors import InputError, ParameterError
from tastespace.plots.needs import finite
from tastespace.plots.style import Look, axis, dress, key, looks
from tastespace.trainers.stopping import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learning_curves", "quality_against_k", "quality_by_popularity", "time_against_quality"]


def quality_against_k(
    values: Mapping[str, Mapping[int, float]],
    *,
    metric: str = "ndcg",
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric at several lengths of the list, one line for each model.

    Parameters
    ----------
    values
        By model, then by k.
    metric
        Its name, for the axis.
    names
        All models of a set of pictures, so that each keeps its colour in all of them; None: those of `values`.
    ax
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        There is nothing to draw.
    MissingExtraError
        Matplotlib is not installed.
    """
    finite((value for line in values.values() for value in line.values()), "values")
    ax = axis(ax, "drawing quality against k")
    look = _looks(values, names)
    places = sorted({k for line in values.values() for k in line})
    for name, line in values.items():
        ks = sorted(line)
        _line(ax, [float(k) for k in ks], [line[k] for k in ks], name, look[name])
    ax.set_xscale("log")
    ax.set_xticks(places, [str(k) for k in places])
    ax.xaxis.minorticks_off()
    ax.set_ylim(bottom=0)
    key(ax, dress(ax, x="k, length of the list", y=f"{metric}@k"))
    return ax


def quality_by_popularity(
    values: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    *,
    metric: str = "ndcg@10",
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric in groups of items, from the least to the most popular, one line for each model.

    Parameters
    ----------
    values
        By model, one value for each group; NaN where a group has none.
    labels
        Of the groups, least popular first.
    metric, names, ax
        As in `quality_against_k`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        A model has another number of values than there are labels; or there is nothing to draw.
    MissingExtraError
        Matplotlib is not installed.
    """
    for name, line in values.items():
        if len(line) != len(labels):
            raise ParameterError(f"{name!r} has {len(line)} values for {len(labels)} groups of items")
    finite((value for line in values.values() for value in line), "values")
    ax = axis(ax, "drawing quality by popularity")
    look = _looks(values, names)
    for name, line in values.items():
        _line(ax, list(range(1, len(line) + 1)), line, name, look[name])
    ax.set_xticks(range(1, len(labels) + 1), labels, rotation=35, ha="right", rotation_mode="anchor")
    for label in ax.get_xticklabels():
        label.set_parse_math(False)
    ax.set_ylim(bottom=0)
    key(ax, dress(ax, x="training events of an item, least popular first", y=metric))
    return ax


def learning_curves(
    values: Mapping[str, tuple[Sequence[float], Sequence[float]] | Sequence[Epoch]],
    *,
    metric: str = "ndcg@10",
    x: str = "epoch",
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how models learn, one line for each.

    Parameters
    ----------
    values
        By model: the epochs that a callback was told, as ``fit(..., callbacks=[epochs.append])`` collects them for any
        trainer that learns in epochs; or places on the x axis, and values there.
    metric
        What the values are: of epochs ``"objective"``, or a metric that was measured on the validation set; otherwise
        just the name for the axis.
    x
        What the places are: ``"epoch"`` or ``"seconds"``, those of training alone.
    names, ax
        As in `quality_against_k`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        These are neither epochs nor places and values.
    ParameterError
        The metric was measured in none of a model's epochs; or there is nothing to draw.
    MissingExtraError
        Matplotlib is not installed.
    """
    curves = {name: _curve(name, told, metric, x) for name, told in values.items()}
    finite((value for _, line in curves.values() for value in line), "values")
    ax = axis(ax, "drawing learning curves")
    from matplotlib.ticker import MaxNLocator  # here, because the line before says so nicely if it is missing

    look = _looks(values, names)
    for name, curve in curves.items():
        _line(ax, *curve, name, look[name])
    if x == "epoch":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    key(ax, dress(ax, x=x, y=metric))
    return ax


def time_against_quality(
    values: Mapping[str, tuple[float, float, float | None, float | None]],
    *,
    metric: str = "ndcg@10",
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each model costs and what it gives: seconds of fitting, on a logarithmic axis, against a metric.

    Parameters
    ----------
    values
        By model: seconds, value, and the bounds of its interval or None.
    metric, names, ax
        As in `quality_against_k`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        There is nothing to draw.
    MissingExtraError
        Matplotlib is not installed.
    """
    finite((value for _, value, *_ in values.values()), "values")
    ax = axis(ax, "drawing time against quality")
    from matplotlib.ticker import LogLocator

    look = _looks(values, names)
    for name, (seconds, value, low, high) in values.items():
        own = look[name]
        bounds = None if low is None or high is None else [[max(0, value - low)], [max(0, high - value)]]
        ax.errorbar(
            max(seconds, 1e-3),
            value,
            yerr=bounds,
            color=own.colour,
            marker=own.marker,
            markersize=8,
            linestyle="none",
            elinewidth=1.6,
            capsize=3,
            label=name,
        )
    ax.set_xscale("log")
    ax.margins(x=0.12)
    spread = [max(seconds, 1e-3) for seconds, *_ in values.values()]
    few = max(spread) < 30 * min(spread)  # decades alone would leave hardly a number on the axis
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    ax.xaxis.set_major_formatter(lambda place, _: f"{place:g}")
    ax.xaxis.minorticks_off()
    key(ax, dress(ax, x="seconds of fitting", y=metric, grid="both"))
    return ax


def _curve(
    name: str, told: tuple[Sequence[float], Sequence[float]] | Sequence[Epoch], metric: str, x: str
) -> tuple[Sequence[float], Sequence[float]]:
    """Places and values of one line."""
    epochs = [epoch for epoch in told if isinstance(epoch, Epoch)] if isinstance(told, Sequence) else []
    if not epochs or len(epochs) < len(told):
        try:
            places, line = told
            if len(places) == len(line):  # type: ignore[arg-type]
                return places, line  # type: ignore[return-value]
        except (TypeError, ValueError):
            pass
        raise InputError(
            f"the learning curve of {name!r} must be the epochs of a callback, or places and as many values; got "
            f"{type(told).__name__}: collect epochs with fit(..., callbacks=[epochs.append])"
        )
    if metric == "objective":
        measured = [(epoch, epoch.objective) for epoch in epochs]
    else:
        measured = [(epoch, epoch.validation[metric]) for epoch in epochs if metric in epoch.validation]
    if not measured:
        known = sorted({key for epoch in epochs for key in epoch.validation})
        raise ParameterError(
            f"no epoch of {name!r} was measured by {metric!r}; there is {', '.join([*known, 'objective'])}"
        )
    seconds = dict(
        zip((epoch.number for epoch in epochs), accumulate(epoch.seconds for epoch in epochs), strict=True)
    )
    return (
        [float(epoch.number) if x == "epoch" else seconds[epoch.number] for epoch, _ in measured],
        [value for _, value in measured],
    )


def _looks(values: Mapping[str, object], names: Sequence[str] | None) -> dict[str, Look]:
    return looks(list(values) if names is None else [*names, *(name for name in values if name not in names)])


def _line(ax: Axes, x: Sequence[float], y: Sequence[float], name: str, look: Look) -> None:
    ax.plot(
        x,
        np.asarray(y, np.float64),
        color=look.colour,
        marker=look.marker,
        linestyle=look.dashes,
        linewidth=1.8,
        markersize=5,
        label=name,
    )
