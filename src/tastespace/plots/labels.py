"""Labels for points that cover neither each other nor the points that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, pi, sin
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

__all__ = ["place_labels"]

# Gaps between a mark and its label, in points, and directions, in sixteenths of a turn: beside, above, below first.
_GAPS = (2.0, 8.0, 16.0, 26.0, 38.0)
_DIRECTIONS = (0, 8, 2, 6, 14, 10, 4, 12, 1, 7, 15, 9, 3, 5, 13, 11)
_LEADER_FROM = 8.0  # gaps from here on get a line to the mark
_MARGIN = 2.0  # points kept free around a label
_CROWDED = 4.0  # a place that covers more marks than this is no place


def place_labels(
    ax: Axes,
    points: NDArray[np.float64],
    rows: Sequence[int],
    texts: Sequence[str],
    *,
    radii: NDArray[np.float64],
    ink: ColorType,
    paper: ColorType,
    size: float = 8.0,
) -> int:
    """Label some points of a scatter plot, each where there is room.

    Labels are placed one after another, so the first matter most. Each tries places around its mark, near ones first,
    inside the axes, that cover no label, no line and no labelled mark, and takes the one that covers the fewest other
    marks; a label without a place is left out. A thin line leads to a label that is not beside its mark.

    Parameters
    ----------
    ax
        Axes whose limits and size are final.
    points
        All points drawn, shape (n, 2), in data coordinates.
    rows
        The points to label, most important first.
    texts
        Their labels.
    radii
        Radius of each mark in points (1/72 inch), shape (n,).
    ink, paper
        Colours of the text, and of the halo that keeps it legible over marks.
    size
        Font size in points.

    Returns
    -------
    int
        How many labels were placed.
    """
    from matplotlib.patheffects import withStroke

    figure = ax.get_figure(root=True)
    if figure is None or not texts:
        return 0
    figure.draw_without_rendering()  # settles the layout, and with it the places on the screen
    pixel = figure.dpi / 72  # in points
    marks = ax.transData.transform(points)
    room = ax.get_window_extent()
    frame = np.array([room.x0, room.y0, room.x1, room.y1])
    taken = np.empty((0, 4))
    lines = np.empty((0, 2))
    placed = 0
    for row, text in zip(rows, texts, strict=True):
        label = ax.annotate(
            text,
            points[row],
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            color=ink,
            zorder=4,
            path_effects=[withStroke(linewidth=2.2, foreground=paper)],
        )
        extent = label.get_window_extent()
        half = np.array([extent.width, extent.height]) / 2 + _MARGIN * pixel
        others = np.delete(marks, row, axis=0)
        named = marks[[other for other in rows if other != row]]
        best, lowest = None, _CROWDED
        for gap, offset in _places(half, radii[row] * pixel, pixel):
            centre = marks[row] + offset
            box = np.concatenate([centre - half, centre + half])
            line = _line(marks[row], box, pixel) if gap >= _LEADER_FROM else np.empty((0, 2))
            if (
                (box[:2] < frame[:2]).any()
                or (box[2:] > frame[2:]).any()
                or _overlaps(box, taken)
                or _inside(lines, box).any()
                or _inside(named, box, _MARGIN * pixel).any()
                or any(_inside(line, other).any() for other in taken)
            ):
                continue
            cost = float(_inside(others, box).sum()) + 0.06 * gap
            if cost < lowest:
                best, lowest = (gap, offset, box, line), cost
        if best is None:
            label.remove()
            continue
        gap, offset, box, line = best
        label.xyann = tuple(offset / pixel)
        if len(line):
            ends = ax.transData.inverted().transform(line[[0, -1]])
            ax.plot(
                ends[:, 0],
                ends[:, 1],
                color=ink,
                linewidth=0.5,
                alpha=0.6,
                zorder=3,
                scalex=False,
                scaley=False,
            )
        taken = np.vstack([taken, box])
        lines = np.vstack([lines, line])
        placed += 1
    return placed


def _places(
    half: NDArray[np.float64], radius: float, pixel: float
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Gaps (points) and offsets (pixels) of a label's centre at which its box just keeps the gap from the mark."""
    for gap in _GAPS:
        reach = radius + gap * pixel
        for direction in _DIRECTIONS:
            x, y = cos(direction * pi / 8), sin(direction * pi / 8)
            yield gap, np.array([x * (reach + half[0]), y * (reach + half[1])])


def _line(mark: NDArray[np.float64], box: NDArray[np.float64], pixel: float) -> NDArray[np.float64]:
    """Points, a few pixels apart, on the line from a mark to the nearest point of a box."""
    end = np.clip(mark, box[:2], box[2:])
    steps = max(2, int(np.hypot(*(end - mark)) / (3 * pixel)))
    return mark + np.linspace(0, 1, steps)[:, None] * (end - mark)


def _overlaps(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    return bool(((boxes[:, :2] < box[2:]) & (boxes[:, 2:] > box[:2])).all(axis=1).any())


def _inside(points: NDArray[np.float64], box: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
    return ((points > box[:2] - margin) & (points < box[2:] + margin)).all(axis=1)
