"""The map of the space: items where a model has put them, seen along its two widest directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import ParameterError, missing_extra
from tastespace.plots.labels import place_labels
from tastespace.plots.style import SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel
    from tastespace.models.protocol import Id

__all__ = ["principal_plane", "space"]

_OTHER = ("#BBBBBB", "o")
_GRID = (
    5  # labels go to the best-known item of each cell of a 5 x 5 grid first, then to the second, and so on
)


def space(
    model: FactorModel,
    *,
    titles: Mapping[Id, str] | None = None,
    groups: Mapping[Id, str] | None = None,
    items: int = 400,
    labels: int = 45,
    ax: Axes | None = None,
) -> Axes:
    """Draw the best-known items of a model in the plane that shows most of their differences.

    The item factors are scaled to length 1, so that the direction of a taste counts and not how strong it is, and
    projected on their first two principal components. The area of a mark grows with the number of events.

    Parameters
    ----------
    model
        A model with at least two factors.
    titles
        Text by item id, for the labels; the id where it is absent.
    groups
        Name of a group by item id, such as a genre. The six largest groups have a colour and a marker each, the others
        are grey.
    items
        How many items to draw: those with most events in the histories or, without histories, those with the longest
        factors.
    labels
        How many items to label at most: the best known, spread over the plane. Labels without a free place are left
        out.
    ax
        Where to draw; None makes a new figure. Text is dark or light as its background asks, so dark styles work.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        The model has fewer than 2 factors or 3 items, `items` < 3, or `labels` < 0.
    MissingExtraError
        Matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
        from matplotlib.colors import to_rgb
    except ImportError:
        raise missing_extra("drawing the space", "plot") from None
    if items < 3:
        raise ParameterError(f"items of space must be >= 3; got {items}")
    if labels < 0:
        raise ParameterError(f"labels of space must be >= 0; got {labels}")
    if len(model.items) < 3 or model.factors < 2:
        raise ParameterError(
            f"a map needs at least 3 items and 2 factors; the model has {len(model.items):,} items, "
            f"{model.factors} factors"
        )

    fame = _fame(model)
    shown = np.argsort(-fame, kind="stable")[:items]
    points, share = principal_plane(model.item_factors[shown])
    ids = model.items.ids[shown].tolist()
    area = 14 + 120 * fame[shown] / max(float(fame[shown].max()), 1.0)  # points squared

    if ax is None:
        _, ax = plt.subplots(figsize=(11, 8.5), layout="constrained")
    paper = to_rgb(ax.get_facecolor())
    ink = "#222222" if np.dot(paper, (0.299, 0.587, 0.114)) > 0.5 else "#EEEEEE"

    of_item = groups or {}
    _draw_marks(ax, points, area, [of_item.get(item, "") for item in ids], paper, ink)
    _draw_frame(ax, share, ink)
    order = _spread(points)[:labels]
    place_labels(
        ax,
        points,
        order,
        [(titles or {}).get(ids[row], str(ids[row])) for row in order],
        radii=np.sqrt(area) / 2,
        ink=ink,
        paper=paper,
    )
    return ax


def principal_plane(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions of vectors, seen in the plane that shows most of their variance.

    Parameters
    ----------
    vectors
        Shape (n, k), n >= 2 and k >= 2. Vectors are scaled to length 1; zero vectors stay.

    Returns
    -------
    points
        Shape (n, 2). Each axis points to its longer tail, whatever signs the decomposition happens to return.
    share
        Share of the variance on either axis, shape (2,).
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    centred = (directions - directions.mean(axis=0)).astype(np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    points = left[:, :2] * values[:2]
    points *= np.where((points**3).sum(axis=0) < 0, -1.0, 1.0)
    return points, values[:2] ** 2 / max(float((values**2).sum()), np.finfo(np.float64).tiny)


def _fame(model: FactorModel) -> NDArray[np.float64]:
    """How well known each item is, (items,)."""
    if model.history is None:
        return np.asarray(np.linalg.norm(model.item_factors, axis=1), np.float64)
    return np.bincount(model.history.indices, minlength=len(model.items)).astype(np.float64)


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


def _draw_marks(
    ax: Axes,
    points: NDArray[np.float64],
    area: NDArray[np.float64],
    names: Sequence[str],
    paper: tuple[float, float, float],
    ink: str,
) -> None:
    largest = [name for name, _ in Counter(filter(None, names)).most_common(len(SERIES))]
    styles = dict(zip(largest, SERIES, strict=False))
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
            label=name or ("other" if styles else None),
            edgecolors=[paper],
            linewidths=0.5,
            alpha=0.9,
            zorder=2 if name else 1.5,  # the named groups lie on top
        )
    if styles:
        legend = ax.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=len(styles) + 1,
            frameon=False,
            labelcolor=ink,
            handletextpad=0.1,
            columnspacing=1.4,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_sizes([60])  # type: ignore[attr-defined]  # one size, not that of the first mark


def _draw_frame(ax: Axes, share: NDArray[np.float64], ink: str) -> None:
    """The two axes through the centre, without ticks: only directions and distances mean something."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.margins(0.05)
    ax.spines[:].set_visible(False)
    ax.axhline(0, color=ink, linewidth=0.6, alpha=0.15, zorder=1)
    ax.axvline(0, color=ink, linewidth=0.6, alpha=0.15, zorder=1)
    ax.set_xlabel(f"1st component, {share[0]:.0%} of the variance", color=ink, fontsize=9)
    ax.set_ylabel(f"2nd component, {share[1]:.0%}", color=ink, fontsize=9)
