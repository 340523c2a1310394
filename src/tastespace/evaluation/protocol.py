"""The sentence that says how a report was made."""

from __future__ import annotations

from tastespace.evaluation.targets import Relevance


def describe(
    counts: dict[str, int],
    n_items: int,
    *,
    ranking: bool | None,
    relevance: str,
    scale: tuple[float, float] | None,
) -> str:
    """Say who was scored, against what, and what was left out.

    Parameters
    ----------
    counts
        See `tastespace.evaluation.report.Report.counts`.
    n_items
        Items of the model.
    ranking
        Whether seen items were removed from the rankings; None without rankings.
    relevance
        From `describe_relevance`.
    scale
        The rating scale; None without rating metrics.
    """
    sentences = []
    if ranking is not None:
        parts = [
            f"{counts['users_scored']:,} of {counts['users']:,} test users scored by full ranking "
            f"over {n_items:,} items",
            "seen items removed" if ranking else "seen items kept",
            f"relevant = {relevance}",
        ]
        if counts["users_cold"]:
            parts.append(f"{_count(counts['users_cold'], 'cold user')} not scored")
        if counts["users_without_relevant"]:
            parts.append(
                f"{_count(counts['users_without_relevant'], 'user')} without a relevant item not scored"
            )
        if counts["events_relevant_cold"]:
            parts.append(f"{_count(counts['events_relevant_cold'], 'cold test item')} counted as misses")
        if ranking and counts["events_relevant_seen"]:
            parts.append(f"{_count(counts['events_relevant_seen'], 'seen test item')} counted as misses")
        sentences.append(", ".join(parts))
    if scale is not None:
        low, high = scale
        parts = [
            f"ratings of {counts['events_warm']:,} of {counts['events']:,} test events predicted, "
            f"kept inside {low:g}..{high:g}"
        ]
        if counts["events_cold"]:
            parts.append(f"{_count(counts['events_cold'], 'event')} with a cold user or item not scored")
        sentences.append(", ".join(parts))
    return "; ".join(sentences)


def describe_relevance(relevant: Relevance, explicit: bool) -> str:
    """Say which test items count as relevant."""
    value = "rating" if explicit else "weight"
    if relevant is None:
        return "every test item"
    if callable(relevant):
        return f"{value} passes {getattr(relevant, '__name__', type(relevant).__name__)}"
    return f"{value} >= {relevant:g}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
