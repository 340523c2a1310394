"""The map of the space: items or users where a model has put them, seen in a plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import ParameterError
from tastespace.plots.fonts import lettering
from tastespace.plots.labels import place_labels
from tastespace.plots.marks import draw_marks, is_numeric
from tastespace.plots.needs import choice, count, events_of, factors_of, matching, texts
from tastespace.plots.projection import neighbour_plane, principal_plane
from tastespace.plots.style import axis, ink, paper, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel
    from tastespace.models.protocol import Id

__all__ = ["principal_plane", "space"]

# Labels go to the best-known item of each cell of a 5 x 5 grid first, then to the second, and so on.
_GRID = 5
_LARGEST = 134.0  # square points of a mark at most
_SMALLEST = 0.1  # of the largest
_COVERED = 0.2  # share of the picture that the marks may cover, were all of them the largest


def space(
    model: FactorModel,
    *,
    of: Literal["items", "users"] = "items",
    method: Literal["pca", "umap"] = "pca",
    titles: Mapping[Id, str] | None = None,
    groups: Mapping[Id, str] | Mapping[Id, float] | None = None,
    name: str = "",
    items: int = 400,
    labels: int = 45,
    ax: Axes | None = None,
) -> Axes:
    """Draw the best-known items, or users, of a model in a plane.

    The factors are scaled to length 1, so that the direction of a taste counts and not how strong it is. The area of a
    mark grows with the number of events, from the least to the most that is shown.

    Parameters
    ----------
    model
        A model with at least two factors.
    of
        Whose factors: those of the items or of the users.
    method
        ``"pca"``: the plane that shows most of their differences; distances in it are true as far as the shares of the
        variance on its axes go. ``"umap"``: a plane that keeps neighbours together and bends the rest, for which
        distances and axes mean little; needs the extra ``umap``.
    titles
        Text by id, for the labels; the id where it is absent.
    groups
        A feature by id. Names of groups, such as genres: the six largest have a colour and a marker each, the others
        are grey. Or numbers, such as years: a scale of colours; who is absent is a grey cross.
    name
        What the feature is called, for the key.
    items
        How many items (or users) to draw: those with most events in the histories or, without histories, those with the
        longest factors.
    labels
        How many to label at most: the best known, spread over the plane. Labels without a free place are left out.
    ax
        Where to draw; None makes a new figure. Text is dark or light as its background asks, so dark styles work. The
        labels are placed for the size that the axis has now: beside other pictures, draw the map last.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        The model has fewer than 2 factors or 3 items, `items` < 3, `labels` < 0, or `of` or `method` is unknown.
    InputError
        `titles` or `groups` name no id of the model; or a feature is not finite, or no number and no text.
    UnsupportedError
        The model is no factor model.
    MissingExtraError
        Matplotlib is not installed, or umap-learn where `method` asks for it.
    """
    choice("of of space", of, ("items", "users"))
    choice("method of space", method, ("pca", "umap"))
    items, labels = count("items of space", items, 3), count("labels of space", labels, 0)
    model = factors_of(model, "space", 0)
    known = getattr(model, of)
    if len(known) < 3 or model.factors < 2:
        raise ParameterError(
            f"a map needs at least 3 {of} and 2 factors; the model has {len(known):,} {of}, "
            f"{model.factors} factors"
        )
    feature = matching(groups, known, "groups")
    numeric = is_numeric(feature, known.noun)

    fame = _fame(model, of)
    shown = np.argsort(-fame, kind="stable")[:items]
    vectors = (model.item_factors if of == "items" else model.user_factors)[shown]
    ids = known.ids[shown]
    shown_texts = texts(ids, titles, known)

    x: Sequence[str]
    y: Sequence[str]
    if method == "pca":
        points, share = principal_plane(vectors)
        first, second = (f"{one:.0%}" for one in share)
        x = (f"1st component, {first} of the variance", f"1st component, {first}", first)
        y = (f"2nd component, {second}", second)
    else:
        points = neighbour_plane(vectors)
        x, y = ("UMAP: neighbours are near; the axes mean nothing", "UMAP"), ()
    ax = axis(ax, "drawing the space", (11, 8.5))
    ax.set_xticks([])  # only directions and distances mean something
    ax.set_yticks([])
    area = _areas(fame[shown], ax)
    draw_marks(ax, points, area, [feature.get(id) for id in ids.tolist()], numeric=numeric, name=name)
    _draw_frame(ax, x, y, centre=method == "pca")
    order = _spread(points)[:labels]
    names, family = lettering([shown_texts[row] for row in order])
    place_labels(
        ax,
        points,
        order,
        names,
        radii=np.sqrt(area) / 2,
        ink=ink(ax),
        paper=paper(ax),
        family=family,
    )
    return ax


def _fame(model: FactorModel, of: str) -> NDArray[np.float64]:
    """How well known each item is or how active each user, (items,) or (users,)."""
    if model.history is None:
        vectors = model.item_factors if of == "items" else model.user_factors
        return np.asarray(np.linalg.norm(vectors, axis=1), np.float64)
    return events_of(model.history, of).astype(np.float64)


def _areas(fame: NDArray[np.float64], ax: Axes) -> NDArray[np.float64]:
    """The area of each mark in square points; smaller where many share a small picture."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # it is drawn on
    box = settled(ax)
    room = max(box.width, 0.0) * max(box.height, 0.0) * (72 / figure.dpi) ** 2
    largest = min(_LARGEST, max(_COVERED * room / len(fame), 4.0))
    least, most = float(fame.min()), float(fame.max())
    grown = (fame - least) / (most - least) if most > least else np.full(len(fame), 0.3)
    return np.asarray(largest * (_SMALLEST + (1 - _SMALLEST) * grown))


def _spread(points: NDArray[np.float64]) -> list[int]:
    """Rows so that the first of every cell of a grid come first, then the second of every cell, and so on."""
    low, high = points.min(axis=0), points.max(axis=0)
    cells = np.minimum((points - low) / np.where(high > low, high - low, 1) * _GRID, _GRID - 1).astype(int)
    counts: Counter[tuple[int, int]] = Counter()
    turns = []
    for x, y in cells.tolist():
        turns.append(counts[x, y])
        counts[x, y] += 1
    return sorted(range(len(points)), key=turns.__getitem__)


def _draw_frame(ax: Axes, x: Sequence[str], y: Sequence[str], *, centre: bool) -> None:
    """No frame, but two lines through the centre, where there is one, and names.

    Of the names of each axis, given from long to short, it has the first that is not longer than it.
    """
    ax.margins(0.05)
    ax.spines[:].set_visible(False)
    if centre:
        ax.axhline(0, color=ink(ax), linewidth=0.6, alpha=0.15, zorder=1)
        ax.axvline(0, color=ink(ax), linewidth=0.6, alpha=0.15, zorder=1)
    for own, names in ((ax.xaxis, x), (ax.yaxis, y)):
        across = own is ax.xaxis
        for name in (*names, ""):
            own.set_label_text(name, color=ink(ax), fontsize=9)
            room, extent = settled(ax), own.label.get_window_extent()
            if extent.width <= room.width if across else extent.height <= room.height:
                break
