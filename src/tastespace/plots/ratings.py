"""Predicted ratings against those that were given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.data.threads import resolve_threads
from tastespace.errors import EmptyError, InputError, NumericalError, UnsupportedError
from tastespace.evaluation.answers import blamed, is_timed, name_of
from tastespace.evaluation.calibration import Calibration
from tastespace.evaluation.scoring import predict_rows
from tastespace.plots.marks import scale
from tastespace.plots.needs import able
from tastespace.plots.style import DASHES, SERIES, Look, axis, dress, key_above, note, paper, traced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.models.protocol import Recommender

__all__ = ["predicted_against_actual"]

_BOXES = 21  # so many different ratings have a box each; more are drawn as a density
_ENOUGH = 20  # predictions in a tenth of the scale whose mean is drawn
_WHISKERS = (5, 25, 50, 75, 95)  # percentiles of a box


def predicted_against_actual(
    model: Recommender, test: Interactions | Split, *, threads: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what a model predicts for each rating that was given, on events that it has not seen.

    A box holds the middle half of the predictions for one given rating, its line is their median, and its whiskers
    reach from the 5th to the 95th percentile. Boxes of a good model rise, and less steeply than the dashed diagonal:
    ratings hold chance, which nobody predicts. Whether predictions can be taken at their word is another question, and
    the line of calibration answers it: the mean of the given ratings where so much was predicted. It lies on the
    diagonal if what is predicted at 4 stars gets 4 stars on average. Tenths of the scale with fewer than 20 predictions
    are left out of it.

    Parameters
    ----------
    model
        Predicts ratings.
    test
        Held-out ratings, or a split with them. Those of users or items that the model does not know are left out, and
        the picture says how many. A model whose scores depend on the moment is asked at the times of the events.
    threads
        At most this many; None: all cores. The picture does not depend on it.
    ax
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedError
        It is no model, or one that predicts no ratings.
    InputError
        The test events are no ratings.
    EmptyError
        The model knows user and item of none of them.
    NumericalError
        A prediction is not finite; names user and item.
    MissingExtraError
        Matplotlib is not installed.
    """
    able(model, "score_pairs", "predicted_against_actual")
    given, predicted, cold = _pairs(model, test, resolve_threads(threads))
    ax = axis(ax, "drawing predictions", (6.4, 4.6))
    low, high = model.scale  # type: ignore[misc]  # _pairs has asked for it
    ink = dress(ax, x="rating given", y="rating predicted", grid="y")
    ratings = np.unique(given)
    dense = len(ratings) > _BOXES
    if dense:
        _draw_density(ax, given, predicted, ink)
        # An edge, as lines have it: over the lightest colours the diagonal would vanish.
        ax.plot([low, high], [low, high], color=paper(ax), linewidth=3)
    else:
        _draw_boxes(ax, ratings, [predicted[given == rating] for rating in ratings], ink)
    ax.plot(
        [low, high],
        [low, high],
        color=ink,
        linewidth=1,
        linestyle=(0, (4, 3)),
        alpha=1.0 if dense else 0.7,
        label="predicted = given",
    )
    calibration = Calibration((low, high))
    calibration.add(predicted.astype(np.float64), given)
    means = calibration.table()
    enough = means["events"] >= min(_ENOUGH, means["events"].max())
    look = Look(*SERIES[1], DASHES[0])
    name = "calibration: mean given, by prediction"
    traced(ax, means["given"][enough], means["predicted"][enough], look, name=name)
    pad = 0.04 * (high - low)
    ax.set_xlim(min(low, float(ratings[0])) - pad, max(high, float(ratings[-1])) + pad)
    ax.set_ylim(low - pad, high + pad)
    key_above(ax, *ax.get_legend_handles_labels())
    left_out = f"; {cold:,} of unknown users or items left out" if cold else ""
    note(ax, f"{len(given):,} ratings{left_out}", ink)
    return ax


def _pairs(
    model: Recommender, test: Interactions | Split, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Given and predicted ratings of the known pairs, and how many there are of others."""
    if model.scale is None:
        raise UnsupportedError(
            f"the scores of {model.info.trainer} are no ratings, so they cannot be compared with any; use ALS, FunkSVD "
            "or another model of ratings"
        )
    events = test.test if isinstance(test, Split) else test
    if not isinstance(events, Interactions):
        raise InputError(f"the test set must be Interactions or a Split; got {type(test).__name__}")
    if not events.explicit:
        raise InputError(
            "the test events are no ratings; name the column with read(..., rating=...), and leave as_implicit out"
        )
    users = model.users.find(events.users.ids)[events.user_rows()]
    items = model.items.find(events.items.ids)[events.by_user.indices]
    warm = (users >= 0) & (items >= 0)
    if not warm.any():
        raise EmptyError(
            f"the model knows user and item of none of the {events.n_events:,} test ratings; are the ids of the same "
            "type, and was it trained on the other part of the same data?"
        )
    times = events.by_user.times
    more: dict[str, Any] = {"times": times[warm]} if is_timed(model) and times is not None else {}
    predicted = predict_rows(model, users[warm], items[warm], threads=threads, **more)
    bad = np.flatnonzero(~np.isfinite(predicted))
    if len(bad):
        user, item = name_of(model.users, users[warm][bad[0]]), name_of(model.items, items[warm][bad[0]])
        raise NumericalError(
            f"the predicted rating of user {user} for item {item} is {predicted[bad[0]]}; check "
            + blamed(model, "score_pairs")
        )
    kept = np.clip(predicted, *model.scale).astype(np.float32)
    return events.by_user.filled_values()[warm], kept, int((~warm).sum())


def _draw_density(ax: Axes, given: NDArray[np.float32], predicted: NDArray[np.float32], ink: str) -> None:
    """How many ratings are where, with a scale beside the picture."""
    cells = ax.hexbin(given, predicted, gridsize=32, bins="log", mincnt=1, cmap=scale(ax), linewidths=0.2)
    cells.set_clim(1, max(2.0, float(np.asarray(cells.get_array()).max())))
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was drawn on
    # Within the axis that was given, so that no other picture of the figure has to make room.
    bar = figure.colorbar(
        cells, cax=ax.inset_axes((1.02, 0, 0.025, 1)), format=lambda count, _: f"{count:,.0f}"
    )
    bar.outline.set_visible(False)
    bar.ax.minorticks_off()
    bar.ax.tick_params(colors=ink, labelsize=8, length=0)
    bar.ax.set_ylabel("ratings", fontsize=9, color=ink)


def _draw_boxes(
    ax: Axes, ratings: NDArray[np.float32], predicted: list[NDArray[np.float32]], ink: str
) -> None:
    """A box for each rating, at its place on the axis."""
    gap = float(np.diff(ratings).min()) if len(ratings) > 1 else 1.0
    names = ("whislo", "q1", "med", "q3", "whishi")
    stats = [dict(zip(names, np.percentile(own, _WHISKERS).tolist(), strict=True)) for own in predicted]
    ax.bxp(
        stats,
        positions=ratings.tolist(),
        widths=0.62 * gap,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": SERIES[0][0], "edgecolor": ink, "linewidth": 0.6, "alpha": 0.5},
        medianprops={"color": ink, "linewidth": 1.6},
        whiskerprops={"color": ink, "linewidth": 0.8, "alpha": 0.7},
        capprops={"color": ink, "linewidth": 0.8, "alpha": 0.7},
    )
    if len(ratings) <= 11:
        ax.set_xticks(ratings.tolist(), [f"{rating:g}" for rating in ratings.tolist()])
