"""One look for all pictures: colours, marks, and ink that fits its background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tastespace.errors import missing_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from numpy.typing import ArrayLike

#: A style of lines, as Matplotlib has them.
Dashes = str | tuple[int, tuple[float, float]]

# "Bright" by Paul Tol (https://sronpersonalpages.nl/~pault/): told apart with any colour vision, on white and on black.
# Each has a marker of its own too, so that a grey print can be read.
SERIES = (
    ("#4477AA", "o"),
    ("#EE6677", "s"),
    ("#228833", "^"),
    ("#CCBB44", "D"),
    ("#66CCEE", "v"),
    ("#AA3377", "P"),
)
DASHES: tuple[Dashes, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
)  # of the first six series, the next six, and all others
FAINT = 0.18  # opacity of lines that only guide the eye
DARK_INK, LIGHT_INK = "#222222", "#EEEEEE"


class Look(NamedTuple):
    """How one series is drawn; told from all others by at least one of the three up to 18 series."""

    colour: str
    marker: str
    dashes: Dashes


def looks(names: Sequence[str]) -> dict[str, Look]:
    """The look of each series, by its place."""
    return {
        name: Look(*SERIES[place % len(SERIES)], DASHES[min(place // len(SERIES), len(DASHES) - 1)])
        for place, name in enumerate(names)
    }


def axis(ax: Axes | None, what: str, size: tuple[float, float] = (6.4, 4.0)) -> Axes:
    """The given axis, or that of a new figure.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        raise missing_extra(what, "plot") from None
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def paper(ax: Axes) -> tuple[float, float, float]:
    """The colour behind an axis: its own or, where that is transparent, the figure's."""
    from matplotlib.colors import to_rgb, to_rgba

    figure = ax.get_figure(root=True)
    if to_rgba(ax.get_facecolor())[3] == 0 and figure is not None:
        return to_rgb(figure.get_facecolor())
    return to_rgb(ax.get_facecolor())


def ink(ax: Axes) -> str:
    """The colour of text: that which a page has set, else dark on light and light on dark."""
    given = getattr(ax, "tastespace_ink", None)
    if given is not None:
        return str(given)
    red, green, blue = paper(ax)
    return LIGHT_INK if 0.299 * red + 0.587 * green + 0.114 * blue <= 0.5 else DARK_INK


def dress(ax: Axes, *, x: str, y: str, grid: Literal["x", "y", "both", "none"] = "y") -> str:
    """Give an axis its labels, faint guides and no frame.

    Returns
    -------
    str
        The colour of its ink.
    """
    colour = ink(ax)
    ax.set_xlabel(x, color=colour, fontsize=10, parse_math=False)
    ax.set_ylabel(y, color=colour, fontsize=10, parse_math=False)
    ax.tick_params(colors=colour, labelsize=9, length=0)
    ax.tick_params(which="minor", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(colour)
    ax.spines["bottom"].set_alpha(0.5)
    if grid != "none":
        ax.grid(visible=True, axis=grid, color=colour, alpha=FAINT, linewidth=0.7)
    ax.set_axisbelow(True)
    return colour


def traced(
    ax: Axes, x: ArrayLike, y: ArrayLike, look: Look, *, size: float = 6.0, name: str | None = None
) -> Line2D:
    """A line with an edge in the colour of the paper, so that it is told from bars and marks in a grey print."""
    shape: dict[str, Any] = {"zorder": 4, "clip_on": False}
    ax.plot(x, y, color=paper(ax), linewidth=4.0, **shape)
    [line] = ax.plot(
        x,
        y,
        color=look.colour,
        linestyle=look.dashes,
        linewidth=1.8,
        marker=look.marker if size else None,
        markersize=size,
        markeredgecolor=paper(ax),
        markeredgewidth=0.8,
        label=name,
        **shape,
    )
    return line


def note(ax: Axes, text: str, colour: str) -> None:
    """A line above the picture: what was left out, or how it was counted."""
    ax.set_title(text, loc="left", fontsize=9, color=colour, parse_math=False)


def key_above(ax: Axes, handles: Sequence[Any], names: Sequence[str], title: str = "") -> Legend:
    """A legend above the picture, in as many columns as are not wider than it."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    figure.draw_without_rendering()  # settles the layout, before a key that may be too wide
    for columns in range(len(names), 0, -1):
        legend = ax.legend(
            handles,
            names,
            title=title or None,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=columns,
            frameon=False,
            fontsize=9,
            labelcolor=ink(ax),
            handletextpad=0.3,
            columnspacing=1.4,
        )
        for text in (legend.get_title(), *legend.get_texts()):
            text.set_parse_math(False)  # a name may hold dollar signs
        if legend.get_window_extent().width <= ax.get_window_extent().width:
            break
    legend.get_title().set_color(ink(ax))
    return legend


def key(ax: Axes, colour: str, where: Literal["best", "upper left"] = "best") -> None:
    """A legend of the lines that have a name, without a frame, by default where it covers least."""
    if len(ax.get_legend_handles_labels()[1]) < 2:
        return
    legend = ax.legend(loc=where, frameon=False, fontsize=9, labelcolor=colour)
    legend.set_in_layout(False)  # it is inside
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold dollar signs
