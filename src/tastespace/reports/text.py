"""A comparison in plain text, at most 100 columns wide."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tastespace.reports.words import (
    NONE,
    against_reference,
    amount,
    arrow,
    best,
    headline,
    legend,
    number,
)

if TYPE_CHECKING:
    from tastespace.reports.comparison import Comparison

WIDTH = 100
_NAME = 28  # columns of the widest name
_CELL = 17  # columns of a value, its interval below it
_BOUND = "\N{NO-BREAK SPACE}"
_MARKS = {"better": "▲", "worse": "▼", "open": " "}
COSTS = {"fit_seconds": "fit s", "score_seconds": "score s", "fit_mb": "fit MB", "model_mb": "model MB"}


def plain_text(comparison: Comparison) -> str:
    """The whole comparison for a terminal."""
    models = comparison.models
    names = [_short(name) for name in models]
    side = max(len("reference "), *map(len, names)) + 2
    fitting = max(1, (WIDTH - side) // _CELL)
    blocks = max(1, -(-len(comparison.metrics) // fitting))
    per_block = -(-len(comparison.metrics) // blocks)  # blocks of like width
    lines = [*filled(_title(comparison)), ""]
    for start in range(0, len(comparison.metrics), max(1, per_block)):
        lines += [*_block(comparison, names, comparison.metrics[start : start + per_block], side), ""]
    lines += [" " * side + "".join(f"{title:>11}" for title in COSTS.values())]
    for name, model in zip(names, models, strict=True):
        costs = comparison.costs(model)
        lines.append(name.ljust(side) + "".join(f"{amount(costs[cost]):>11}" for cost in COSTS))
    lines.append("")
    lines += filled(headline(comparison))
    # A mark at the end of a line, with what it means on the next, would be hard to read.
    bound = re.sub(r"(?<=[*▲▼±↓]) ", _BOUND, printable(legend(comparison)))
    lines += [line.replace(_BOUND, " ") for line in textwrap.wrap(bound, WIDTH, break_on_hyphens=False)]
    for warning in comparison.warnings:
        lines += filled(f"warning: {warning}")
    return "\n".join(line.rstrip() for line in [*lines, *filled(comparison.protocol)])


def printable(text: str) -> str:
    """Text with control characters written out: a name must not steer a terminal or break a table."""
    return text if text.isprintable() else repr(text)[1:-1]


def _block(comparison: Comparison, names: Sequence[str], metrics: Sequence[str], side: int) -> list[str]:
    lines = [" " * side + "".join(f"{metric + arrow(metric):<{_CELL}}" for metric in metrics)]
    for name, model in zip(names, comparison.models, strict=True):
        values, ranges = [], []
        for metric in metrics:
            found = comparison.estimates[model].get(metric)
            if found is None:
                values.append(NONE)
                ranges.append("")
                continue
            mark = _MARKS[against_reference(comparison, metric, model)]
            star = "*" if model in best(comparison, metric) else " "
            spread = "" if found.deviation is None else f"±{number(found.deviation)}"
            values.append(f"{number(found.value)}{star}{mark}{spread}")
            ranges.append("" if found.low is None else f"{number(found.low)}..{number(found.high)}")
        under = "reference" if model == comparison.reference and len(names) > 1 else ""
        lines.append(name.ljust(side) + "".join(f"{value:<{_CELL}}" for value in values))
        if under or any(ranges):
            lines.append(f" {under}".ljust(side) + "".join(f"{text:<{_CELL}}" for text in ranges))
    return lines


def _title(comparison: Comparison) -> str:
    n = len(comparison.models)
    return f"Comparison: {n} {'model' if n == 1 else 'models'}, {comparison.facts.how}"


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _NAME else shown[: _NAME - 1] + "…"


def filled(text: str) -> list[str]:
    """Lines of at most so many columns."""
    return textwrap.wrap(printable(text), WIDTH, break_on_hyphens=False)
