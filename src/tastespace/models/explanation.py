"""Why a score is what it is."""

from __future__ import annotations

from dataclasses import dataclass

from tastespace.models.table import Table


@dataclass(frozen=True, eq=False)
class Explanation:
    """A score as the sum ``mean + item_bias + sum of parts["contribution"]``.

    Attributes
    ----------
    user, item
        Ids; ``user`` is None for a visitor.
    score
        The sum, raw (not kept inside a rating scale).
    mean, item_bias
        What the item has for everybody.
    parts
        One row for each item of the user's history, strongest first: item, value, contribution; of a blend, one for
        each item and model, and a column model.
    """

    user: str | int | None
    item: str | int
    score: float
    mean: float
    item_bias: float
    parts: Table

    def __str__(self) -> str:
        """The sum, line by line, with the ten strongest parts."""
        shown = self.parts.head(10)
        who = "the visitor" if self.user is None else f"user {self.user}"
        lines = [f"item {self.item} for {who}: score {self.score:.4f}"]
        entries = [("mean", self.mean), ("item bias", self.item_bias)]
        entries += [
            (f"{item} ({', '.join([f'{value:g}', *model])})", part) for item, value, part, *model in shown
        ]
        rest = len(self.parts) - len(shown)
        if rest:
            entries.append((f"{rest} more items", float(self.parts["contribution"][10:].sum())))
        width = max(len(name) for name, _ in entries)
        return "\n".join([*lines, *(f"  {name:<{width}}  {value:+.4f}" for name, value in entries)])
