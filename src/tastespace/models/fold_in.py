"""Histories of many newcomers, as the rows that a model can solve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import BadRowError, EmptyError, InputError
from tastespace.models.padding import Floats, blank
from tastespace.models.reading import Reader
from tastespace.models.solvers import RowSolver, Side


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Events of newcomers on the items of a model.

    Attributes
    ----------
    table
        (newcomers, items of the model); empty rows where the model knows none of a newcomer's items.
    skipped
        Events on items that the model does not know.
    """

    table: Csr
    skipped: int

    @classmethod
    def of(
        cls,
        events: Interactions,
        items: Vocabulary,
        solver: Reader,
        scale: tuple[float, float] | None,
    ) -> Histories:
        """Map the items of `events` to rows of `items`.

        Raises
        ------
        InputError
            If the model needs ratings and there are none, or needs weights above 0 and there is another; or if
            these are no events.
        BadRowError
            If a rating is outside the scale; names user and item.
        EmptyError
            If no item is known.
        """
        if not isinstance(events, Interactions):
            raise InputError(
                f"fold_in_many takes Interactions, as ts.read makes them; got {type(events).__name__}"
            )
        if solver.ratings and not events.explicit:
            raise InputError("fold_in_many of a rating model takes ratings, and these events have none")
        solver.check(events)
        if solver.ratings and scale is not None:
            _check_scale(events, scale)
        table = events.by_user
        columns = items.find(events.items)[table.indices]
        known = columns >= 0
        if not known.any():
            raise EmptyError(
                f"fold_in_many knows none of the {events.n_items:,} items of these events, such as "
                f"{events.items.ids[:1].tolist()[0]!r}"
            )
        return cls(
            Csr.build(
                table.row_of()[known],
                columns[known],
                rows=table.rows,
                columns=len(items),
                values=None if table.values is None else table.values[known],
                times=None if table.times is None else table.times[known],
                weights=None if table.weights is None else table.weights[known],
                duplicates="last",  # there are none
            ),
            int(np.count_nonzero(~known)),
        )

    def solve(self, solver: RowSolver, fixed: Side, threads: int) -> tuple[Floats, Floats]:
        """Factors (newcomers, stride) and biases (newcomers,); zeros where nothing is known."""
        filled = np.flatnonzero(self.table.counts())
        if len(filled) == self.table.rows:
            return solver.users(self.table, fixed, threads)
        factors, bias = blank(self.table.rows, fixed.factors.shape[1]), np.zeros(self.table.rows, np.float32)
        factors[filled], bias[filled] = solver.users(self.table.take_rows(filled), fixed, threads)
        return factors, bias


def _check_scale(events: Interactions, scale: tuple[float, float]) -> None:
    values = events.by_user.filled_values()
    outside = (values < scale[0]) | (values > scale[1])
    if outside.any():
        event = int(outside.argmax())
        [user] = events.users.ids[events.user_rows()[[event]]].tolist()
        [item] = events.items.ids[events.by_user.indices[[event]]].tolist()
        raise BadRowError(
            f"ratings in fold_in_many must be in {scale[0]:g}..{scale[1]:g}, the scale of the model; user {user!r} "
            f"gave item {item!r} {values[event]:g}"
        )
