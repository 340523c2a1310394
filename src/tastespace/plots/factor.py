"""What a factor means: the items, or users, at its ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import EmptyError, ParameterError
from tastespace.plots.fonts import lettering
from tastespace.plots.needs import choice, count, events_of, factors_of, history_of, texts
from tastespace.plots.style import SERIES, axis, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel
    from tastespace.models.protocol import Id

__all__ = ["factor"]

_ROW = 0.24  # inches of height for each bar
_LEAST = 1e-4  # of the longest bar; what is all shorter is rounding, and no end


def factor(
    model: FactorModel,
    number: int,
    n: int = 10,
    *,
    of: Literal["items", "users"] = "items",
    titles: Mapping[Id, str] | None = None,
    min_events: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the items, or users, at both ends of a factor.

    What the ends have in common, and what parts them, is what the factor means, if it means anything: single factors do
    where they are ordered by what they explain (`TruncatedSVD`) or cannot be below 0 (`NMF`), and in other models any
    rotation of all factors would predict the same. Which end is the upper one is chance.

    Parameters
    ----------
    model
        A model with factors.
    number
        The column of the factors, from 0.
    n
        How many at each end. None is drawn twice. A factor that is nowhere below 0, but for rounding, has no lower end,
        and one nowhere above it no upper end.
    of
        Whose factors: those of the items or of the users.
    titles
        Text by id; the id where it is absent.
    min_events
        Leave out those with fewer events in the histories, of whom little is known.
    ax
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        There is no such factor; or `n` or `of` is out of its range.
    InputError
        `titles` name no id of the model.
    EmptyError
        No item has so many events.
    HistoryError
        `min_events` is asked for and the model holds no history.
    UnsupportedError
        The model has no factors.
    MissingExtraError
        Matplotlib is not installed.
    """
    choice("of of factor", of, ("items", "users"))
    model = factors_of(model, "factor")
    n = count("n of factor", n, 1)
    if count("number of factor", number, 0) >= model.factors:
        raise ParameterError(f"the model has factors 0..{model.factors - 1}; got number={number}")
    vectors = model.item_factors if of == "items" else model.user_factors
    rows = _with_events(model, of, count("min_events of factor", min_events, 0))
    chosen = rows[_ends(vectors[rows, number], n)]
    values = vectors[chosen, number]
    known = getattr(model, of)
    labels, family = lettering(texts(known.ids[chosen], titles, known))

    ax = axis(ax, "drawing a factor", (6.4, max(1.6, 0.7 + _ROW * len(chosen))))
    from matplotlib.ticker import MaxNLocator

    places = np.arange(len(chosen), dtype=np.float64)[::-1]  # the largest on top
    if n < len(chosen) < len(rows):
        places[:n] += 0.6  # a gap between the ends, where those between are left out
    for positive, (colour, _) in zip((True, False), SERIES, strict=False):
        side = (values > 0) == positive
        ax.barh(places[side], values[side], height=0.72, color=colour)
    ink = dress(ax, x=f"factor {number} of the {of}", y="", grid="x")
    ax.set_yticks(places, labels, fontsize=8.5, fontfamily=family)
    for label in ax.get_yticklabels():
        label.set_parse_math(False)  # a title may hold dollar signs
    ax.set_ylim(-0.7, places[0] + 0.7)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.margins(x=0.03)
    ax.axvline(0, color=ink, linewidth=0.8, alpha=0.5)
    return ax


def _with_events(model: FactorModel, of: str, least: int) -> NDArray[np.intp]:
    """Rows of those with enough events."""
    if least == 0:
        return np.arange(len(getattr(model, of)))
    history = history_of(model, "min_events of factor")
    events = events_of(history, of)
    rows = np.flatnonzero(events >= least)
    if not len(rows):
        raise EmptyError(f"none of the {of} has {least:,} events; the most is {events.max():,}")
    return rows


def _ends(values: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """Places of the n largest values, largest first, and of the n smallest; none twice, and equal ones in order."""
    order = np.argsort(-values, kind="stable")
    least = _LEAST * float(np.abs(values).max())
    if values.min() >= -least:
        return order[:n]
    if values.max() <= least:
        return order[-n:]
    return order if len(order) <= 2 * n else np.concatenate([order[:n], order[-n:]])
