"""The spectrum: how much each direction of a model carries, and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tastespace.errors import EmptyError
from tastespace.models.projection_rows import ProjectionRows
from tastespace.plots.needs import factors_of
from tastespace.plots.style import DASHES, SERIES, Look, axis, dress, key_above, traced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.factor_model import FactorModel

__all__ = ["singular_values", "spectrum"]

_MARKED = 40  # up to so many values have a mark each
_BLOCK = 65_536  # rows at a time


def spectrum(model: FactorModel, *, ax: Axes | None = None) -> Axes:
    """Draw the singular values of a model, and the share that the first of them explain together.

    Of `TruncatedSVD` these are the singular values of the table, and shares are of the sum of its squared cells (with
    ``centred=True`` of the variance). Any other factor model is no decomposition of its table; drawn are the singular
    values of its own scores without mean and biases, the product P Q', and shares of the sum of their squares. They
    tell how many directions the model really uses, and nothing of how well it fits.

    Parameters
    ----------
    model
        A model with factors.
    ax
        Where to draw; None makes a new figure. The shares get a scale of their own, on the right.

    Returns
    -------
    matplotlib.axes.Axes
        That of the singular values.

    Raises
    ------
    UnsupportedError
        The model has no factors.
    EmptyError
        All factors are zeros.
    MissingExtraError
        Matplotlib is not installed.
    """
    model = factors_of(model, "spectrum")
    values, shares, whole = singular_values(model)
    if not values.any():
        raise EmptyError(
            "all factors of the model are zeros, so there is no spectrum; lower the regularization"
        )

    ax = axis(ax, "drawing a spectrum")
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    places = np.arange(1, len(values) + 1)
    ink = dress(ax, x="number of factors, largest first", y="singular value")
    bars = ax.bar(places, values, width=0.8, color=SERIES[0][0])
    ax.set_xlim(0.3, len(values) + 0.7)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

    right = ax.twinx()
    right.tastespace_ink = ink  # type: ignore[attr-defined]  # it has no background of its own to choose by
    right.set_facecolor(ax.get_facecolor())
    dress(right, x="", y=f"cumulative share of {whole}", grid="none")  # it would lie over the bars
    right.spines["bottom"].set_visible(False)
    look = Look(*SERIES[1], DASHES[0])
    line = traced(right, places, np.cumsum(shares), look, size=5 if len(values) <= _MARKED else 0)
    right.set_ylim(0, 1.02 if shares.sum() > 0.5 else None)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    key_above(right, [bars, line], ["singular value", "cumulative share"])
    return ax


def singular_values(model: FactorModel) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """The singular values of a model, falling; the share of each one's square; and in what."""
    if isinstance(model.solver, ProjectionRows):
        solver = model.solver
        whole = "the variance" if model.info.params.get("centred") else "all squared cells"
        return np.asarray(solver.singular_values), np.asarray(solver.explained_variance_ratio), whole
    # P Q' has the squared singular values of root(P'P) Q'Q root(P'P), which is as small as the factors are few.
    scales, basis = np.linalg.eigh(_gram(model.user_factors))
    root = (basis * np.sqrt(np.clip(scales, 0, None))) @ basis.T
    squares = np.clip(np.linalg.eigvalsh(root @ _gram(model.item_factors) @ root)[::-1], 0, None)
    total = float(squares.sum())
    return np.sqrt(squares), squares / total if total > 0 else squares, "squared scores P Q′"


def _gram(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The products of all pairs of columns, in double precision without a copy of the whole."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK].astype(np.float64)
        total += block.T @ block
    return total
