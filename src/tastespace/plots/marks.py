"""Marks of a map, coloured by a feature: a colour and a shape for each group, or a scale of colours for numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import InputError
from tastespace.plots.fonts import lettering
from tastespace.plots.needs import shorten
from tastespace.plots.style import SERIES, ink, key_above, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from tastespace.models.protocol import Id

__all__ = ["draw_marks", "is_numeric"]

_OTHER = ("#BBBBBB", "o")
_OUTER = (
    2,
    98,
)  # percentiles; numbers beyond have the colour of the end, so that one price does not grey all others
_NAMED = 26  # letters of a group's name


def is_numeric(feature: Mapping[Id, object], noun: str) -> bool:
    """Whether a feature has numbers, and not names of groups.

    Raises
    ------
    InputError
        It mixes both, holds something else, or a number that is not finite; names the id.
    """
    kinds = set()
    for id, value in feature.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if number and not np.isfinite(float(value)):  # type: ignore[arg-type]
            raise InputError(
                f"the feature of {noun} {id!r} is {value}; leave out {noun}s whose value is unknown"
            )
        if not number and not isinstance(value, str):
            raise InputError(
                f"the feature of {noun} {id!r} is {value!r}; it must be a number, or the name of a group"
            )
        kinds.add(number)
    if len(kinds) > 1:
        raise InputError(
            f"the feature of {noun}s mixes numbers and names; use str(...) to make all of them names"
        )
    return kinds == {True}


def draw_marks(
    ax: Axes,
    points: NDArray[np.float64],
    area: NDArray[np.float64],
    values: Sequence[object],
    *,
    numeric: bool,
    name: str,
) -> None:
    """Draw points in the colours of their values, with a key above the picture.

    Parameters
    ----------
    ax
        Where.
    points
        Shape (n, 2).
    area
        Of each mark in square points, shape (n,).
    values
        Name of a group or a number for each point; None where it has none.
    numeric
        Whether the values are numbers.
    name
        Of the feature, for the key; may be empty.
    """
    if numeric:
        _draw_numbers(ax, points, area, values, name)
    else:
        _draw_groups(ax, points, area, [str(value or "") for value in values], name)


def _draw_groups(
    ax: Axes, points: NDArray[np.float64], area: NDArray[np.float64], names: Sequence[str], title: str
) -> None:
    largest = [name for name, _ in Counter(filter(None, names)).most_common(len(SERIES))]
    styles = dict(zip(largest, SERIES, strict=False))
    *shown, title = (shorten(name, _NAMED) for name in (*largest, title))
    (*shown, title), family = lettering([*shown, title])
    words = dict(zip(largest, shown, strict=True))
    for name, (colour, marker) in [*styles.items(), ("", _OTHER)]:
        rows = [row for row, own in enumerate(names) if (own if own in styles else "") == name]
        if not rows:
            continue
        ax.scatter(
            points[rows, 0],
            points[rows, 1],
            s=area[rows],
            c=colour,
            marker=marker,
            label=words.get(name) or ("other" if styles else None),
            edgecolors=[paper(ax)],
            linewidths=0.5,
            alpha=0.9,
            zorder=2 if name else 1.5,  # the named groups lie on top
        )
    if not styles:
        return
    legend = key_above(ax, *ax.get_legend_handles_labels(), title, family=family)
    for handle in legend.legend_handles if legend is not None else ():
        if handle is not None:
            handle.set_sizes([60])  # type: ignore[attr-defined]  # one size, not that of the first mark


def _draw_numbers(
    ax: Axes, points: NDArray[np.float64], area: NDArray[np.float64], values: Sequence[object], name: str
) -> None:
    numbers = np.array([np.nan if value is None else float(value) for value in values])  # type: ignore[arg-type]
    known = np.isfinite(numbers)
    edge: dict[str, Any] = {"edgecolors": [paper(ax)], "linewidths": 0.5, "alpha": 0.9}
    ax.scatter(
        points[~known, 0], points[~known, 1], s=area[~known], c=_OTHER[0], marker="X", zorder=1.5, **edge
    )
    if not known.any():
        return
    low, high = np.percentile(numbers[known], _OUTER).tolist()
    marks = ax.scatter(
        points[known, 0],
        points[known, 1],
        s=area[known],
        c=numbers[known],
        cmap=scale(ax),
        vmin=low,
        vmax=high,
        zorder=2,
        **edge,
    )
    figure = ax.get_figure(root=True)
    assert figure is not None  # the axis was drawn on
    beyond = {
        (False, False): "neither",
        (True, False): "min",
        (False, True): "max",
        (True, True): "both",
    }[bool(numbers[known].min() < low), bool(numbers[known].max() > high)]
    # Within the axis that was given, so that no other picture of the figure has to make room.
    bar = figure.colorbar(
        marks, cax=ax.inset_axes((0.3, 1.03, 0.4, 0.025)), orientation="horizontal", extend=beyond
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=ink(ax), labelsize=8, length=0, top=True, labeltop=True, labelbottom=False)
    [name], family = lettering([shorten(name, _NAMED)])
    bar.ax.set_ylabel(
        name,
        rotation=0,
        ha="right",
        va="center",
        labelpad=12,
        fontsize=9,
        fontfamily=family,
        color=ink(ax),
        parse_math=False,
    )


def scale(ax: Axes) -> Colormap:
    """Colours from few to much, without the end that would be lost on the paper of the axis.

    Lightness rises all the way, so it can be read in grey and with any colour vision.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    first, last = (0.0, 0.9) if ink(ax) < "#8" else (0.2, 1.0)
    return ListedColormap(colormaps["viridis"](np.linspace(first, last, 256)))
