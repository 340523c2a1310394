"""Topics as a sheet: the heaviest words of each, with bars."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError
from tastespace.models.topics import Topics
from tastespace.plots.fonts import lettering
from tastespace.plots.needs import count, factors_of, matching, shorten, titled
from tastespace.plots.style import DARK_INK, SERIES, axis, fit, ink, note, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel
    from tastespace.models.protocol import Id

__all__ = ["topics"]

_WIDTH, _ROW = 1.9, 0.19  # inches of a column and of a line of the sheet
_NARROWEST = 3.4  # inches of a sheet, so that its note has room
_LONGEST = 100  # letters of a word, before it is cut to its column
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
        `titles` are no mapping, or name none of their items.
    ParameterError
        `n_words` or `columns` < 1.
    MissingExtraError
        Matplotlib is not installed.
    """
    n_words, columns = count("n_words of topics", n_words, 1), count("columns of topics", columns, 1)
    table = model if isinstance(model, Topics) else factors_of(model, "topics").topics(n_words)
    known = (
        Vocabulary(dict.fromkeys(table["item"].tolist()), noun="item")
        if isinstance(model, Topics)
        else model.items
    )
    sheet = _sheet(table, n_words, matching(titles, known, "titles"))
    if not sheet:
        raise EmptyError("there are no topics to draw: every factor is 0; lower the penalties")
    columns = min(columns, len(sheet))
    lines = ceil(len(sheet) / columns)
    rows = 1 + max(len(words) for words in sheet.values())  # with the heading
    ax = axis(ax, "drawing topics", (max(_WIDTH * columns, _NARROWEST), 0.3 + _ROW * (rows + 1) * lines))

    longest = max(weight for words in sheet.values() for _, weight in words)
    colour = ink(ax)
    ax.set_xlim(0, columns)
    ax.set_ylim((rows + 1) * lines - 1, -0.1)
    ax.set_axis_off()
    note(ax, f"bars: share of the topic; the longest is {longest:.1%}", colour)
    size = _letters(ax)
    drawn, family = lettering([word for words in sheet.values() for word, _ in words])
    next_word = iter(drawn)
    shade = 0.38 if colour == DARK_INK else 0.6  # text stands on it
    for place, (topic, words) in enumerate(sheet.items()):
        left, top = place % columns, place // columns * (rows + 1)
        write: dict[str, Any] = {
            "va": "center",
            "color": colour,
            "fontsize": size,
            "fontfamily": family,
            "parse_math": False,
            "in_layout": False,
        }
        ax.text(left, top + 0.5, f"topic {topic}", fontweight="bold", **write)
        places = top + 1.5 + np.arange(len(words))
        widths = [_FILLED * weight / longest for _, weight in words]
        ax.barh(places, widths, left=left, height=0.86, color=SERIES[0][0], alpha=shade)
        right = ax.transData.transform((left + _FILLED, 0))[0]
        for height, word in zip(places.tolist(), next_word, strict=False):
            text = ax.text(left + 0.015, height, word, **write)
            fit(text, right - text.get_window_extent().x0)
    return ax


def _sheet(table: Topics, n: int, titles: Mapping[Any, object]) -> dict[int, list[tuple[str, float]]]:
    """Words and weights by topic, heaviest first."""
    found: dict[int, list[tuple[str, float]]] = {}
    for topic, rank, item, weight in zip(
        *(table[name].tolist() for name in ("topic", "rank", "item", "weight")), strict=True
    ):
        if rank <= n:
            found.setdefault(topic, []).append((shorten(titled(titles, item), _LONGEST), weight))
    return found


def _letters(ax: Axes) -> float:
    """The size of letters that fit between two lines of the sheet, in points."""
    settled(ax)
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    (_, first), (_, second) = ax.transData.transform([(0, 0), (0, 1)])
    return float(min(9.0, 0.78 * abs(first - second) * 72 / figure.dpi))
