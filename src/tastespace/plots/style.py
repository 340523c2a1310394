"""One look for all pictures: colours, marks, and ink that fits its background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tastespace.errors import ParameterError, missing_extra
from tastespace.plots.needs import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox
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
_BEYOND = 1.25  # of the width of a picture, that a key of one column may have
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


def axis(ax: object, what: str, size: tuple[float, float] = (6.4, 4.0)) -> Axes:
    """The given axis, or that of a new figure.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    ParameterError
        What was given is no axis.
    """
    try:
        from matplotlib import pyplot as plt
        from matplotlib.axes import Axes
    except ImportError:
        raise missing_extra(what, "plot") from None
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    if not isinstance(ax, Axes):
        shape = getattr(ax, "shape", None)
        got = type(ax).__name__ if shape is None else f"an array of {shape}: pass one of them, such as ax[0]"
        raise ParameterError(f"ax must be one axis of Matplotlib; got {got}")
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
    """A line above the picture and its key: what was left out, or how it was counted.

    On a narrow axis it becomes two lines, of smaller letters if they must be; what is longer still is cut.
    """
    width = settled(ax).width
    for size in (9, 8, 7, 6):
        title = ax.set_title("", loc="left", fontsize=size, color=colour, parse_math=False, pad=_above(ax))
        lines = [""]
        for word in text.split():
            title.set_text(f"{lines[-1]} {word}".strip())
            if lines[-1] and title.get_window_extent().width > width:
                lines.append(word)
            else:
                lines[-1] = title.get_text()
        title.set_text("\n".join(lines))
        if len(lines) <= 2 and title.get_window_extent().width <= width:
            return
    title.set_text(lines[0])
    fit(title, width)


def _above(ax: Axes) -> float:
    """Points between an axis and its note, with room for a key between them."""
    legend, figure = ax.get_legend(), ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    height = 0.0 if legend is None else legend.get_window_extent().y1 - ax.get_window_extent().y1
    return max(6.0, height * 72 / figure.dpi + 3.0)


def settled(ax: Axes) -> Bbox:
    """Where an axis stands in pixels, once the layout of its figure has settled."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    figure.draw_without_rendering()
    return ax.get_window_extent()


def fit(text: Text, width: float) -> None:
    """Shorten a text until it is not wider than so many pixels."""
    words = text.get_text()
    for letters in range(len(words), 0, -1):
        text.set_text(shorten(words, letters))
        if text.get_window_extent().width <= width:
            return
    text.set_text("")


def key_above(
    ax: Axes,
    handles: Sequence[Any],
    names: Sequence[str],
    title: str = "",
    *,
    family: Sequence[str] | None = None,
) -> Legend | None:
    """A legend above the picture, in as many columns as are not wider than it.

    None where it would be much wider all the same, or take more than half of the height: there the picture stands
    without.
    """
    box = settled(ax)  # before a key that may be too wide
    for size, columns in ((size, columns) for size in (9, 7) for columns in range(len(names), 0, -1)):
        legend = ax.legend(
            handles,
            names,
            title=title or None,
            title_fontsize=size + 1,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=columns,
            frameon=False,
            fontsize=size,
            labelcolor=ink(ax),
            handletextpad=0.3,
            columnspacing=1.4,
        )
        legend.get_title().set_color(ink(ax))
        for text in (legend.get_title(), *legend.get_texts()):
            text.set_parse_math(False)  # a name may hold dollar signs
            if family is not None:
                text.set_fontfamily(list(family))
        extent = legend.get_window_extent()
        room = box.width * (_BEYOND if columns == 1 else 1)
        if extent.width <= room and extent.height <= box.height / 2:
            return legend
    legend.remove()
    return None


def key(ax: Axes, colour: str, where: Literal["best", "upper left"] = "best") -> None:
    """A legend of the lines that have a name, without a frame, by default where it covers least."""
    if len(ax.get_legend_handles_labels()[1]) < 2:
        return
    legend = ax.legend(loc=where, frameon=False, fontsize=9, labelcolor=colour)
    legend.set_in_layout(False)  # it is inside
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold dollar signs
