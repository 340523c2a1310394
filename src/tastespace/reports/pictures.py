"""The pictures of a comparison, as far as its data reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tastespace.evaluation.directions import base
from tastespace.plots import learning_curves, quality_against_k, quality_by_popularity, time_against_quality
from tastespace.plots.svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tastespace.reports.comparison import Comparison


class Picture(NamedTuple):
    """A picture with its words."""

    title: str
    svg: str
    caption: str


def pictures(comparison: Comparison) -> list[Picture]:
    """All that can be drawn.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    found = []
    for number, (title, draw, caption) in enumerate(_drawings(comparison)):
        found.append(Picture(title, inline_svg(_without_key(draw), f"picture-{number}"), caption))
    return found


Drawing = tuple[str, Callable[["Axes"], object], str]


def _drawings(comparison: Comparison) -> Iterator[Drawing]:
    names, headline = comparison.models, comparison.headline
    metric = base(headline)
    lengths = _by_length(comparison)
    if lengths:
        yield (
            "Quality against length of the list",
            lambda ax: quality_against_k(lengths, metric=metric, names=names, ax=ax),
            f"{metric} of lists of k items. Lines that cross order the models differently at different k.",
        )
    groups = _by_popularity(comparison)
    if groups is not None:
        labels, values = groups
        others = [name for name in names if name not in values]
        left_out = (
            f" Left out, because other training events make other groups: {', '.join(others)}."
            if others
            else ""
        )
        yield (
            "Quality by popularity of the items",
            lambda ax: quality_by_popularity(values, labels, metric=headline, names=names, ax=ax),
            f"{headline} where only held-out items of a group count. Each group has the same share of the training "
            "events; the axis shows how many an item has. A model that is good only on the right repeats what is "
            f"popular.{left_out}",
        )
    yield from _learning(comparison)
    costs = _by_time(comparison)
    if costs:
        yield (
            "Time against quality",
            lambda ax: time_against_quality(costs, metric=headline, names=names, ax=ax),
            f"{headline} with its interval against seconds of fitting.",
        )


def _without_key(draw: Callable[[Axes], object]) -> Callable[[Axes], object]:
    """The page has one key for all pictures."""

    def drawn(ax: Axes) -> None:
        draw(ax)
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()

    return drawn


def _by_length(comparison: Comparison) -> dict[str, dict[int, float]]:
    """The headline's metric by model and k, means over seeds; empty without at least two k."""
    found: dict[str, dict[int, float]] = {}
    for model, several in comparison.runs.items():
        line: dict[int, float] = {}
        for name in several[0].report:
            metric, at, k = name.partition("@")
            if at and metric == base(comparison.headline):
                line[int(k)] = float(np.mean([run.report[name] for run in several]))
        if len(line) > 1:
            found[model] = line
    return found


def _by_popularity(comparison: Comparison) -> tuple[list[str], dict[str, list[float]]] | None:
    """Labels of the groups and the headline by model; None where the comparison has no slices.

    Groups are by the training events of each model, so only models with the reference's groups are drawn.
    """
    table = comparison.slices("item_popularity")
    if table is None or comparison.headline not in table.columns:
        return None
    by_model: dict[str, dict[str, float]] = {}
    for row in table.rows():
        if row["slice"] != "cold":
            by_model.setdefault(row["model"], {})[str(row["slice"])] = float(row[comparison.headline])
    labels = list(by_model[comparison.reference])
    values = {model: list(line.values()) for model, line in by_model.items() if list(line) == labels}
    return ([_short(label) for label in labels], values) if len(labels) > 1 else None


def _short(label: str) -> str:
    """``2,009 items, 1-120 events`` as ``1–120``."""
    return label.rpartition(", ")[2].removesuffix(" events").replace("-", "–")


def _learning(comparison: Comparison) -> Iterator[Drawing]:
    """One picture for each validation metric; without any, how far the objectives have come."""
    points: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    objectives: dict[str, tuple[list[float], list[float]]] = {}
    for model, several in comparison.runs.items():
        curve = several[0].curve
        if len(curve) < 2:
            continue
        first = curve[0].objective or 1.0
        objectives[model] = ([float(p.epoch) for p in curve], [p.objective / first for p in curve])
        for point in curve:
            for metric, value in point.validation.items():
                line = points.setdefault(metric, {}).setdefault(model, ([], []))
                line[0].append(float(point.epoch))
                line[1].append(value)
    for metric, lines in points.items():
        yield (
            f"Learning: {metric} on the validation set",
            _curves(lines, metric, comparison.models),
            "By epoch. The model that is compared is that of the best epoch.",
        )
    if objectives and not points:
        yield (
            "Learning: the objective",
            _curves(objectives, "objective, first epoch = 1", comparison.models),
            "What each model minimises on the training set, by epoch. It tells when a model has settled and says "
            "nothing of quality; pass valid= for that.",
        )


def _curves(lines: Any, metric: str, names: tuple[str, ...]) -> Callable[[Axes], object]:
    return lambda ax: learning_curves(lines, metric=metric, names=names, ax=ax)


def _by_time(comparison: Comparison) -> dict[str, tuple[float, float, float | None, float | None]]:
    found = {}
    for model in comparison.models:
        seconds = comparison.costs(model)["fit_seconds"]
        estimate = comparison.estimates[model].get(comparison.headline)
        if seconds is not None and estimate is not None:
            found[model] = (seconds, estimate.value, estimate.low, estimate.high)
    return found
