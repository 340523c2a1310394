"""Numbers and findings in words, the same in every form of a report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from tastespace.evaluation.directions import direction

if TYPE_CHECKING:
    from tastespace.reports.comparison import Comparison
    from tastespace.reports.cross_validation import CrossValidation
    from tastespace.reports.summary import Test

NONE = "–"
Verdict = Literal["better", "worse", "open"]


def number(value: float | None, digits: int = 4) -> str:
    """A value with so many decimals; a dash where there is none."""
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}f}"


def amount(value: float | None) -> str:
    """Seconds or megabytes with three figures at most."""
    if value is None or math.isnan(value):
        return NONE
    if 0 < value < 0.005:
        return "< 0.01"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def signed(value: float, digits: int = 4) -> str:
    """A difference, with its sign; a dash where there is none."""
    return NONE if math.isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def probability(p: float) -> str:
    """A p-value; below one in a thousand only that."""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def share(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.0f} %"


def arrow(metric: str) -> str:
    """What to put behind a metric of which less is better."""
    return " ↓" if direction(metric) < 0 else ""


def best(comparison: Comparison, metric: str) -> tuple[str, ...]:
    """The models with the best value, equal but for rounding; none where no side is better or there is one model."""
    found = {
        model: of[metric].value
        for model, of in comparison.estimates.items()
        if metric in of and not math.isnan(of[metric].value)
    }
    if not direction(metric) or len(found) < 2:
        return ()
    top = max(found.values(), key=lambda value: direction(metric) * value)
    return tuple(model for model, value in found.items() if math.isclose(value, top, rel_tol=1e-12))


def level(comparison: Comparison) -> float:
    """The p-value below which a difference is called more than chance."""
    return round(1 - comparison.facts.confidence, 10)


def verdict(test: Test, level: float) -> Verdict:
    """Whether the model is better or worse than the other, or that is open."""
    if not test.holm_permutation < level:
        return "open"
    return "better" if test.paired.difference * direction(test.metric) > 0 else "worse"


def against_reference(comparison: Comparison, metric: str, model: str) -> Verdict:
    """The verdict on a model against the reference."""
    test = comparison.test(metric, model)
    return "open" if test is None else verdict(test, level(comparison))


def headline(comparison: Comparison) -> str:
    """The finding on the main metric in one or two sentences."""
    metric = comparison.headline
    names = best(comparison, metric)
    if not names:
        return f"{metric} has one value here, so there is no order to tell."
    if len(names) > 1:
        value = number(comparison.estimates[names[0]][metric].value)
        return f"{', '.join(names[:-1])} and {names[-1]} share the best {metric}: {value}."
    [name] = names
    top = comparison.estimates[name][metric]
    said = f"{name} has the best {metric}: {number(top.value)}"
    if top.low is not None:
        said += f" ({percent(comparison)} interval {number(top.low)} to {number(top.high)})"
    rest = [
        test for test in comparison.tested if test.metric == metric and name in (test.model, test.against)
    ]
    if not rest:
        return f"{said}."
    close = [
        test.against if test.model == name else test.model
        for test in rest
        if verdict(test, level(comparison)) == "open"
    ]
    if close:
        return f"{said}. The test does not tell it from {', '.join(close)}."
    others = "the other model" if len(rest) == 1 else f"all {len(rest)} others"
    return f"{said}. Its lead over {others} is more than chance."


def percent(comparison: Comparison | CrossValidation) -> str:
    """The confidence of the intervals, as ``95 %``."""
    confidence = comparison.facts.confidence if hasattr(comparison, "facts") else comparison.confidence
    return f"{100 * confidence:g} %"


def legend(comparison: Comparison, *, best_mark: str = "*", better: str = "▲", worse: str = "▼") -> str:
    """What the marks in the table mean."""
    said = f"{best_mark} best. " if any(best(comparison, metric) for metric in comparison.metrics) else ""
    if comparison.tested:
        n = len(comparison.tested)
        corrected = f"Holm's correction over all {n} tests, " if n > 1 else ""
        said += (
            f"{better} better and {worse} worse than {comparison.reference} by more than chance: "
            f"paired permutation test, {corrected}p < {level(comparison):g}. "
        )
    said += f"{percent(comparison)} intervals from {comparison.facts.resamples:,} bootstrap samples of users."
    if comparison.facts.seeds > 1:
        said += f" ± standard deviation over {comparison.facts.seeds} seeds."
    if any(direction(metric) < 0 for metric in comparison.metrics):
        said += " ↓ less is better."
    return said
