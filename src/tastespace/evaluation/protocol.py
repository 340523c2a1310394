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
    among: str | None = None,
    cold: bool = False,
    timed: bool = False,
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
    among
        How candidates were ranked; None means all items.
    cold
        Whether cold users are scored, and ratings with a cold user or item predicted.
    timed
        Whether ratings are predicted at the times of the test events.
    """
    sentences = []
    if ranking is not None:
        parts = [
            f"{counts['users_scored']:,} of {counts['users']:,} test users scored by "
            + (among or f"full ranking over {n_items:,} items"),
            "seen items removed" if ranking else "seen items kept",
            f"relevant = {relevance}",
        ]
        if counts["users_cold"]:
            parts.append(
                f"{_count(counts['users_cold'], 'cold user')} {'scored with empty lists' if cold else 'not scored'}"
            )
        if counts["users_without_relevant"]:
            parts.append(
                f"{_count(counts['users_without_relevant'], 'user')} without a relevant item not scored"
            )
        if counts["events_relevant_cold"]:
            parts.append(_missed(counts["events_relevant_cold"], "cold"))
        if ranking and counts["events_relevant_seen"]:
            parts.append(_missed(counts["events_relevant_seen"], "seen"))
        for key, words in _CANDIDATES.items():
            noun, _, rest = words.partition("|")
            if counts.get(key):
                parts.append(rest.format(_count(counts[key], noun)))
        sentences.append(", ".join(parts))
    if scale is not None:
        low, high = scale
        parts = [
            f"ratings of {counts['events' if cold else 'events_warm']:,} of {counts['events']:,} test events "
            f"predicted{', each at its time' if timed else ''}, kept inside {low:g}..{high:g}"
        ]
        if counts["events_cold"]:
            parts.append(
                f"{_count(counts['events_cold'], 'event')} with a cold user or item "
                + ("predicted from what is known of the other" if cold else "not scored")
            )
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


#: What a report over candidates cannot be used for.
CAUTION = (
    "values over candidates depend on how these were chosen and do not order models as a full ranking does (Krichene "
    "and Rendle, KDD 2020); to compare models, leave candidates out"
)

#: What is said of counts that only candidates have: the noun, and the words around its number.
_CANDIDATES = {
    "users_without_candidates": "user|{} without candidates not scored",
    "users_few_candidates": "user|{} with fewer items to draw from",
    "candidates_cold": "cold candidate|{} not ranked",
    "events_relevant_unlisted": "test event|{} not among the candidates counted as misses",
}


def _missed(n: int, kind: str) -> str:
    """Say how many relevant test events nobody can hit; several may be on one item."""
    events = f"1 test event on a {kind} item" if n == 1 else f"{n:,} test events on {kind} items"
    return f"{events} counted as misses"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
