"""Topics as a sheet: the heaviest words of each, with bars."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from tastespace.errors import EmptyError, InputError
from tastespace.models.topics import Topics
from tastespace.plots.needs import count, factors_of, shorten
from tastespace.plots.style import DARK_INK, SERIES, axis, ink, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel
    from tastespace.models.protocol import Id

__all__ = ["topics"]

_WIDTH, _ROW = 1.9, 0.19  # inches of a column and of a line of the sheet
_FILLED = 0.93  # share of a column that its bars may take


def topics(
    model: FactorModel | Topics,
    n_words: int = 10,
    *,
    titles: Mapping[Id, str] | None = None,
    columns: int = 4,
    ax: Axes | None = None,
) -> Axes:
    """Draw the topics of a model as a sheet of words, each on a bar as long as its share of the topic.

    Parameters
    ----------
    model
        A model with factors of 0 or more, or what its ``topics(...)`` returned, of which the first words are drawn.
    n_words
        Words of each topic.
    titles
        Text by word (item), where the items are not words; the item where it is absent.
    columns
        Topics beside each other.
    ax
        Where to draw; None makes a new figure as large as the sheet. On a given axis letters shrink to fit.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedError
        The model has no factors, or some below 0.
    EmptyError
        There are no topics.
    InputError
        `titles` name none of their items.
    ParameterError
        `n_words` or `columns` < 1.
    MissingExtraError
        Matplotlib is not installed.
    """
    n_words, columns = count("n_words of topics", n_words, 1), count("columns of topics", columns, 1)
    table = model if isinstance(model, Topics) else factors_of(model, "topics").topics(n_words)
    words = table["item"].tolist()
    if titles and words and not any(word in titles for word in words):
        raise InputError(
            f"titles name none of the topics' items: these are like {words[0]!r}, theirs like {next(iter(titles))!r}"
        )
    sheet = _sheet(table, n_words, titles or {})
    if not sheet:
        raise EmptyError("there are no topics to draw: every factor is 0; lower the penalties")
    columns = min(columns, len(sheet))
    lines = ceil(len(sheet) / columns)
    rows = 1 + max(len(words) for words in sheet.values())  # with the heading
    ax = axis(ax, "drawing topics", (_WIDTH * columns, 0.3 + _ROW * (rows + 1) * lines))

    longest = max(weight for words in sheet.values() for _, weight in words)
    colour = ink(ax)
    ax.set_xlim(0, columns)
    ax.set_ylim((rows + 1) * lines - 1, -0.1)
    ax.set_axis_off()
    note(ax, f"bars: share of the topic; the longest is {longest:.1%}", colour)
    size = _letters(ax)
    shade = 0.38 if colour == DARK_INK else 0.6  # text stands on it
    for place, (topic, words) in enumerate(sheet.items()):
        left, top = place % columns, place // columns * (rows + 1)
        write: dict[str, Any] = {
            "va": "center",
            "color": colour,
            "fontsize": size,
            "parse_math": False,
            "in_layout": False,
        }
        ax.text(left, top + 0.5, f"topic {topic}", fontweight="bold", **write)
        places = top + 1.5 + np.arange(len(words))
        widths = [_FILLED * weight / longest for _, weight in words]
        ax.barh(places, widths, left=left, height=0.86, color=SERIES[0][0], alpha=shade)
        for height, (word, _) in zip(places.tolist(), words, strict=True):
            _fit(ax, ax.text(left + 0.015, height, word, **write), left + _FILLED)
    return ax


def _sheet(table: Topics, n: int, titles: Mapping[Any, str]) -> dict[int, list[tuple[str, float]]]:
    """Words and weights by topic, heaviest first."""
    found: dict[int, list[tuple[str, float]]] = {}
    for topic, rank, item, weight in zip(
        *(table[name].tolist() for name in ("topic", "rank", "item", "weight")), strict=True
    ):
        if rank <= n:
            found.setdefault(topic, []).append((str(titles.get(item, item)), weight))
    return found


def _letters(ax: Axes) -> float:
    """The size of letters that fit between two lines of the sheet, in points."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    figure.draw_without_rendering()  # settles the layout
    (_, first), (_, second) = ax.transData.transform([(0, 0), (0, 1)])
    return float(min(9.0, 0.78 * abs(first - second) * 72 / figure.dpi))


def _fit(ax: Axes, text: Any, right: float) -> None:
    """Shorten a text until it ends left of a place."""
    end = ax.transData.transform((right, 0))[0]
    words = text.get_text()
    for letters in range(len(words), 1, -1):
        text.set_text(shorten(words, letters))
        if text.get_window_extent().x1 <= end:
            return
