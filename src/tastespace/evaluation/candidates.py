"""Rankings over a few candidates instead of all items: drawn at random, or given.

Such values depend on how the candidates came about, and they do not order models as rankings of all items do
(Krichene, Rendle, "On sampled metrics for item recommendation", KDD 2020). They are here to repeat published
protocols; every report over candidates says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError
from tastespace.evaluation.targets import HeldOut, Targets, check_kinds, seen

Id = str | int
Strategy = Literal["uniform", "popularity"]


@dataclass(frozen=True)
class Sampled:
    """Rank each user's relevant items among a few drawn ones; for `tastespace.evaluate(candidates=)`.

    The candidates of a user are the relevant items that the model knows and `negatives` distinct items drawn from
    those that are neither in the user's history nor in the user's test events. A user with fewer such items gets all
    there are. A draw depends on the seed, on the user's place in the test set and on what may be drawn, not on
    threads or blocks; so models over the same items and histories rank the same candidates.

    Parameters
    ----------
    negatives
        Items to draw for each user, at least 1.
    strategy
        ``"uniform"``: all items alike. ``"popularity"``: one after the other, each in proportion to the training
        events of the items that are left; items without any are never drawn.
    seed
        Whole number from 0 to 2^64 - 1.

    Raises
    ------
    ParameterError
        A setting is outside its range.

    References
    ----------
    Krichene, Rendle, "On sampled metrics for item recommendation", KDD 2020, on why such values mislead.
    """

    negatives: int = 99
    strategy: Strategy = "uniform"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, end in (("negatives", 1, 2**31), ("seed", 0, 2**64)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < end:
                raise ParameterError(
                    f"{name} of Sampled must be a whole number of at least {least}; got {value!r}"
                )
        if self.strategy not in get_args(Strategy):
            raise ParameterError(
                f'strategy of Sampled must be "uniform" or "popularity"; got {self.strategy!r}'
            )


@dataclass(frozen=True, eq=False)
class Candidates:
    """Rank each user's own list of candidates; for `tastespace.evaluate(candidates=)`.

    The lists are complete: a relevant item that is not in its user's list cannot be hit. Users without a list are not
    scored. Candidates that the model does not know are never ranked, and neither are seen ones where seen items are
    removed. All of these are counted.

    Parameters
    ----------
    lists
        Interactions, whose events are the candidates, or items by user, ``{user: [items]}``.

    Raises
    ------
    InputError
        The lists are neither.
    """

    lists: Interactions | Mapping[Id, Iterable[Id]]

    def __post_init__(self) -> None:
        if not isinstance(self.lists, Interactions | Mapping):
            raise InputError(
                "candidates must be Interactions or a dictionary of users with the items to rank, "
                f"{{user: [items]}}; got {type(self.lists).__name__}"
            )

    def interactions(self) -> Interactions:
        """The lists as interactions; users with an empty list are left out.

        Raises
        ------
        InputError
            Ids are neither all text nor all integers.
        EmptyError
            All lists are empty.
        """
        if isinstance(self.lists, Interactions):
            return self.lists
        for user, items in self.lists.items():
            if isinstance(items, str | bytes) or not isinstance(items, Iterable):
                raise InputError(f"the candidates of user {user!r} must be a list of items; got {items!r}")
        by_user: dict[Id, list[Any]] = {user: list(items) for user, items in self.lists.items()}
        if not any(by_user.values()):
            raise EmptyError("all lists of candidates are empty, so there is nothing to rank")
        users = Vocabulary(list(by_user), noun="user")
        items = Vocabulary(list(dict.fromkeys(chain.from_iterable(by_user.values()))), noun="item")
        return Interactions.from_events(
            users,
            items,
            np.repeat(np.arange(len(users)), [len(listed) for listed in by_user.values()]),
            items.rows(list(chain.from_iterable(by_user.values()))),
            duplicates="first",
            explicit=False,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Candidates in the rows of a model, 4 bytes each.

    Attributes
    ----------
    indptr
        Offsets of the scored users into `items`, int64 (users + 1,).
    items
        Item rows, ascending within a user, int32.
    how
        What the protocol says of them.
    counts
        What the report counts of them.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    how: str
    counts: dict[str, int]


def drawn(
    sampled: Sampled,
    held_out: HeldOut,
    n_items: int,
    history: Csr | None,
    trained: Csr | None,
    *,
    exclude_seen: bool,
    threads: int,
) -> Pool:
    """Draw the candidates of all scored users.

    Raises
    ------
    HistoryError
        Popularity is asked for, and the model holds no history.
    """
    weights = None
    if sampled.strategy == "popularity":
        if trained is None:
            raise HistoryError(
                'Sampled(strategy="popularity") counts the training events of items, and the model holds none; '
                'use strategy="uniform", or save the model with history=True'
            )
        weights = np.cumsum(np.bincount(trained.indices, minlength=n_items)).astype(np.uint64)
    targets = held_out.relevant
    tested = held_out.gather(targets.test_rows, None, cold=False)
    indptr, items, found = _native.sample_candidates(
        int(sampled.seed),
        targets.test_rows,
        n_items,
        int(sampled.negatives),
        weights,
        targets.rows,
        None if history is None else (history.indptr, history.indices),
        (tested.indptr, tested.items),
        (targets.indptr, targets.items),
        exclude_seen,
        threads,
    )
    alike = "uniformly" if weights is None else "by popularity"
    warm = targets.rows >= 0
    return Pool(
        indptr,
        items,
        f"ranking relevant items among {sampled.negatives:,} drawn {alike} for each user (seed {sampled.seed})",
        {"users_few_candidates": int(np.count_nonzero(found[warm] < sampled.negatives))},
    )


def with_lists(lists: Interactions, users: Vocabulary, items: Vocabulary) -> NDArray[np.bool_]:
    """Which users of a test set have a list of candidates, whose items are those of a model.

    Raises
    ------
    InputError
        Ids of the lists are text and the others integers, or the other way round.
    """
    check_kinds("candidates", lists.users, lists.items, "what is evaluated", users, items)
    found: NDArray[np.bool_] = lists.users.find(users) >= 0
    return found


def given(
    lists: Interactions,
    held_out: HeldOut,
    items: Vocabulary,
    history: Csr | None,
    *,
    exclude_seen: bool,
    threads: int,
) -> Pool:
    """Bring given candidates of scored users, who all have some, into the rows of a model."""
    targets = held_out.relevant
    table = lists.by_user.take_rows(lists.users.find(held_out.users)[targets.test_rows])
    indptr, rows, _, listed, known, _ = _native.gather_events(
        table.indptr, table.indices, None, targets.rows, items.find(lists.items), None, False, False, threads
    )
    warm = targets.rows >= 0
    pool = Targets(targets.test_rows, targets.rows, indptr, rows, np.empty(0, np.float32))
    counts = {"candidates_cold": int((listed - known)[warm].sum())}
    inside = _native.common_events(
        np.arange(len(warm), dtype=np.int32), targets.indptr, targets.items, indptr, rows, threads
    )
    counts["events_relevant_unlisted"] = int(np.count_nonzero(~inside))
    if exclude_seen and history is not None:
        kept = Csr(indptr, rows, len(items)).select(~seen(pool, history, threads))
        indptr, rows = kept.indptr, kept.indices
    mean = len(rows) / max(1, int(warm.sum()))
    return Pool(indptr, rows, f"ranking given candidates, {mean:,.4g} a user", counts)
