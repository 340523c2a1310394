"""A comparison as Markdown, as GitHub shows it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tastespace.reports.text import COSTS, printable
from tastespace.reports.words import (
    NONE,
    against_reference,
    amount,
    arrow,
    best,
    headline,
    legend,
    number,
    percent,
    probability,
    share,
    signed,
)

if TYPE_CHECKING:
    from tastespace.reports.comparison import Comparison

_MARKS = {"better": " ▲", "worse": " ▼", "open": ""}


def markdown(comparison: Comparison) -> str:
    """The whole comparison."""
    parts = [
        "# Comparison of models",
        escape(headline(comparison)),
        grid(["model", *(metric + arrow(metric) for metric in comparison.metrics)], _values(comparison)),
        escape(legend(comparison)),
        "## Costs",
        grid(["model", *COSTS.values()], _costs(comparison)),
    ]
    if comparison.tested:
        parts += ["## Tests", grid(_TESTED, _tests(comparison)), _explained(comparison)]
    parts += ["## How", f"Split: {escape(comparison.facts.how)}.", f"{escape(comparison.protocol)}."]
    if comparison.warnings:
        parts += ["## Warnings", "\n".join(f"- {escape(warning)}" for warning in comparison.warnings)]
    versions = ", ".join(f"{name} {version}" for name, version in comparison.facts.versions.items())
    return "\n\n".join([*parts, escape(f"Made {comparison.facts.made} with {versions}.")]) + "\n"


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells come escaped, all but the first column are aligned to the right."""
    head = f"| {' | '.join(columns)} |"
    rule = "| --- |" + " ---: |" * (len(columns) - 1)
    return "\n".join([head, rule, *(f"| {' | '.join(row)} |" for row in rows)])


def escape(text: str) -> str:
    """Text whose characters mean themselves in Markdown, cells of tables among it."""
    shown = html.escape(printable(text), quote=False)
    for mark in "\\`*_[]|$~#":
        shown = shown.replace(mark, f"\\{mark}")
    return shown


def _values(comparison: Comparison) -> Iterable[list[str]]:
    for model in comparison.models:
        row = [escape(model) + (" (reference)" if model == comparison.reference else "")]
        for metric in comparison.metrics:
            found = comparison.estimates[model].get(metric)
            if found is None:
                row.append(NONE)
                continue
            star = r"\*" if model in best(comparison, metric) else ""
            cell = f"{number(found.value)}{star}{_MARKS[against_reference(comparison, metric, model)]}"
            if found.deviation is not None:
                cell += f" ± {number(found.deviation)}"
            if found.low is not None:
                cell += f"<br>{number(found.low)} to {number(found.high)}"
            row.append(cell)
        yield row


def _costs(comparison: Comparison) -> Iterable[list[str]]:
    for model in comparison.models:
        costs = comparison.costs(model)
        yield [escape(model), *(escape(amount(costs[name])) for name in COSTS)]


_TESTED = (
    "metric", "model", "against", "difference", "interval", "permutation", "Wilcoxon", "sign", "d", "better", "worse",
)  # fmt: skip


def _tests(comparison: Comparison) -> Iterable[list[str]]:
    for test in comparison.tested:
        found = test.paired
        yield [
            escape(test.metric),
            escape(test.model),
            escape(test.against),
            signed(found.difference),
            f"{signed(found.low)} to {signed(found.high)}",
            *(escape(probability(p)) for p in (test.holm_permutation, test.holm_wilcoxon, test.holm_sign)),
            signed(found.d, 2),
            share(found.better),
            share(found.worse),
        ]


def _explained(comparison: Comparison) -> str:
    return escape(
        f"Differences are the model's less the other's, with {percent(comparison)} intervals. P-values are corrected "
        f"by Holm over all {len(comparison.tested)} rows. d is the mean of the users' differences over their standard "
        "deviation; better and worse are shares of users."
    )
