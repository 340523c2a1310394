"""Labels for points that cover neither each other nor the points that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, pi, sin
from typing import TYPE_CHECKING, NamedTuple

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
_DISTANCE = 0.04  # what a point of gap costs; a covered mark costs 1
_CROWDED = 4.0  # a place that costs more is no place


class _Place(NamedTuple):
    """A place for a label, in pixels: its box (x0, y0, x1, y1) and the line to its mark, as points."""

    offset: NDArray[np.float64]
    box: NDArray[np.float64]
    line: NDArray[np.float64]
    cost: float


@dataclass
class _Board:
    """What is on the picture already, in pixels."""

    frame: NDArray[np.float64]  # (x0, y0, x1, y1)
    marks: NDArray[np.float64]  # (n, 2)
    radii: NDArray[np.float64]  # (n,)
    named: NDArray[np.bool_]  # (n,): marks that are to have a label
    boxes: list[NDArray[np.float64]] = field(default_factory=list)
    lines: list[NDArray[np.float64]] = field(default_factory=list)

    def best_place(self, row: int, half: NDArray[np.float64], pixel: float) -> _Place | None:
        """The cheapest place for the label of a mark; `half` is half its width and height."""
        found = [place for place in self._places(row, half, pixel) if self._is_free(place)]
        best = min(found, key=lambda place: place.cost, default=None)
        return best if best is not None and best.cost <= _CROWDED else None

    def _places(self, row: int, half: NDArray[np.float64], pixel: float) -> Iterator[_Place]:
        mark = self.marks[row]
        for gap in _GAPS:
            reach = self.radii[row] + gap * pixel
            for direction in _DIRECTIONS:
                offset = np.array([cos(direction * pi / 8), sin(direction * pi / 8)]) * (reach + half)
                box = np.concatenate([mark + offset - half, mark + offset + half])
                line = _line(mark, box, pixel) if gap >= _LEADER_FROM else np.empty((0, 2))
                covered = _touches(box, self.marks, self.radii) | self._crosses(line)
                covered[row] = False
                if not (covered & self.named).any():
                    yield _Place(offset, box, line, float(covered.sum()) + _DISTANCE * gap)

    def _crosses(self, line: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which marks lie on a line, (n,)."""
        away = np.linalg.norm(self.marks[:, None] - line[None], axis=2)
        return np.asarray((away < self.radii[:, None]).any(axis=1))

    def _is_free(self, place: _Place) -> bool:
        inside = (place.box[:2] >= self.frame[:2]).all() and (place.box[2:] <= self.frame[2:]).all()
        return bool(
            inside
            and not any(
                (place.box[:2] < box[2:]).all() and (place.box[2:] > box[:2]).all() for box in self.boxes
            )
            and not any(_touches(place.box, line).any() for line in self.lines)
            and not any(_touches(box, place.line).any() for box in self.boxes)
        )


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
    family: Sequence[str] | None = None,
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
    family
        Of the fonts; None: the style's.

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
    named = np.zeros(len(points), dtype=bool)
    named[list(rows)] = True
    board = _Board(
        np.array(ax.get_window_extent().extents), ax.transData.transform(points), radii * pixel, named
    )
    for row, text in zip(rows, texts, strict=True):
        label = ax.annotate(
            text,
            tuple(points[row]),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            fontfamily=family,
            color=ink,
            zorder=4,
            parse_math=False,  # a title may hold dollar signs
            path_effects=[withStroke(linewidth=2.2, foreground=paper)],
        )
        label.set_in_layout(False)  # it is inside; else other axes would make room for it, and it would move
        extent = label.get_window_extent()
        place = board.best_place(row, np.array([extent.width, extent.height]) / 2 + _MARGIN * pixel, pixel)
        if place is None:
            label.remove()
            continue
        label.xyann = tuple(place.offset / pixel)
        board.boxes.append(place.box)
        if len(place.line):
            board.lines.append(place.line)
            ends = ax.transData.inverted().transform(place.line[[0, -1]])
            ax.plot(*ends.T, color=ink, linewidth=0.5, alpha=0.6, zorder=3, scalex=False, scaley=False)
    return len(board.boxes)


def _line(mark: NDArray[np.float64], box: NDArray[np.float64], pixel: float) -> NDArray[np.float64]:
    """Points, a few pixels apart, on the line from a mark to the nearest point of a box."""
    end = np.clip(mark, box[:2], box[2:])
    steps = max(2, int(np.hypot(*(end - mark)) / (3 * pixel)))
    return np.asarray(mark + np.linspace(0, 1, steps)[:, None] * (end - mark))


def _touches(
    box: NDArray[np.float64], points: NDArray[np.float64], radii: NDArray[np.float64] | float = 0.0
) -> NDArray[np.bool_]:
    """Which points, or the squares around marks of some radius, lie in a box, (n,)."""
    reach = np.broadcast_to(radii, len(points))[:, None]
    return np.asarray(((points + reach > box[:2]) & (points - reach < box[2:])).all(axis=1))
