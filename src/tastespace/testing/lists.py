"""Checks of recommendations: what is in a list, and that it does not depend on how it was asked for."""

from __future__ import annotations

from collections import defaultdict
from unittest import SkipTest

import numpy as np

from tastespace.data.interactions import Interactions
from tastespace.errors import TastespaceError
from tastespace.evaluation.answers import ranked_by, scored_by
from tastespace.models.protocol import Id, Recommender
from tastespace.models.table import Recommendations
from tastespace.testing.comparing import Refit, expect, same_bits, seen_by, some, unknown_id

__all__ = [
    "equal_scores_go_by_item_row",
    "lists_and_pairs_agree",
    "n_results_wherever_they_exist",
    "one_user_equals_a_batch",
    "only_allowed_and_never_denied_items",
    "rank_gives_distinct_items_best_first",
    "ranks_start_at_one_and_scores_descend",
    "seen_items_never_come_back",
    "stream_equals_batch",
]

Lists = dict[Id, list[tuple[Id, int, float]]]


def one_user_equals_a_batch(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A user asked for alone gets the same bits as among others, from every call."""
    users, items = some(model.users), some(model.items)
    together = _lists(model.recommend(users, 10))
    pairs = [(user, items[i % len(items)]) for i, user in enumerate(users)]
    predicted = model.predict([user for user, _ in pairs], [item for _, item in pairs])
    rows = np.arange(len(model.users), dtype=np.int32)
    ranked = model.rank(rows, 10, exclude_seen=False)
    scored = model.score_pairs(rows, rows % np.int32(len(model.items)))
    for i, (user, item) in enumerate(pairs):
        alone = _lists(model.recommend(user, 10))
        expect(alone.get(user) == together.get(user), f"recommend({user!r}) differs alone and in a batch")
        value = model.predict(user, item)
        expect(
            isinstance(value, float) and np.float32(value) == predicted[i],
            f"predict({user!r}, {item!r}) is {value!r} alone and {predicted[i]!r} in a batch",
        )
        row = model.users.row(user)
        one = model.rank(rows[row : row + 1], 10, exclude_seen=False)
        expect(
            same_bits(one[0][0], ranked[0][row]) and same_bits(one[1][0], ranked[1][row]),
            f"rank of user {user!r} differs alone and in a batch",
        )
        pair = rows[row : row + 1]
        expect(
            same_bits(model.score_pairs(pair, pair % np.int32(len(model.items)))[0:1], scored[row : row + 1]),
            f"score_pairs of user {user!r} differs alone and in a batch",
        )


def stream_equals_batch(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """``recommend_all`` gives every user, in row order, the same bits as one call for all."""
    users = model.users.ids.tolist()
    whole = model.recommend(users, 5)
    for batch in (len(users), max(1, len(users) // 3)):
        parts = list(model.recommend_all(5, batch=batch))
        expect(
            len(parts) == -(-len(users) // batch),
            f"recommend_all(batch={batch}) gives {len(parts)} tables for {len(users)} users",
        )
        for name in whole.columns:
            column = np.concatenate([part[name] for part in parts])
            expect(
                same_bits(column, whole[name]),
                f"column {name!r} of recommend_all(batch={batch}) differs from that of one call",
            )


def ranks_start_at_one_and_scores_descend(
    model: Recommender, train: Interactions, refit: Refit | None
) -> None:
    """Each list counts ranks from 1, descends and repeats no item; lists come in the order of the users."""
    users = _asked(model)
    table = model.recommend(users, len(model.items), exclude_seen=False)
    expect(table.columns[:4] == ("user", "item", "rank", "score"), f"the columns are {table.columns}")
    for name, dtype in (("rank", np.dtype(np.int32)), ("score", np.dtype(np.float32))):
        expect(table[name].dtype == dtype, f"column {name!r} has the type {table[name].dtype}, not {dtype}")
    expect(list(_lists(table)) == users, "the lists are not in the order in which users were asked for")
    for user, ranked in _lists(table).items():
        items, ranks, scores = zip(*ranked, strict=True)
        expect(ranks == tuple(range(1, len(ranks) + 1)), f"the ranks of user {user!r} are {ranks[:5]}...")
        expect(len(set(items)) == len(items), f"the list of user {user!r} repeats an item")
        expect(bool(np.isfinite(scores).all()), f"a score of user {user!r} is not finite")
        expect(bool((np.diff(scores) <= 0).all()), f"the scores of user {user!r} do not descend")


def equal_scores_go_by_item_row(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """Of items with equal scores, those with the lower row come first, and so into a short list."""
    total = len(model.items)
    for row in model.users.rows(_asked(model)):
        one = np.array([row], np.int32)
        for n in (total, max(1, total // 2)):
            items, scores = (answer[0] for answer in model.rank(one, n, exclude_seen=False))
            tied = np.flatnonzero(scores[1:] == scores[:-1])
            wrong = tied[items[tied] > items[tied + 1]]
            expect(
                len(wrong) == 0,
                f"items at rows {items[wrong[:1]]} and {items[wrong[:1] + 1]} have the same score for the user "
                f"at row {row}, and the higher row comes first",
            )


def seen_items_never_come_back(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """What a user did in training is not recommended, unless ``exclude_seen=False``."""
    users = _asked(model)
    found = _lists(model.recommend(users, len(model.items)))
    everything = _lists(model.recommend(users, len(model.items), exclude_seen=False))
    for user in users:
        seen = seen_by(train, user).keys()
        again = [item for item, _, _ in found.get(user, ()) if item in seen]
        expect(not again, f"user {user!r} is recommended {again[:3]}, seen in training")
        absent = seen - {item for item, _, _ in everything[user]}
        expect(not absent, f"with exclude_seen=False, user {user!r} is not recommended {list(absent)[:3]}")


def n_results_wherever_they_exist(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """A list has n items, or all valid ones where they are fewer; a longer list begins like a shorter one."""
    users = _asked(model)
    total = len(model.items)
    longest = _lists(model.recommend(users, total + 7))
    for n in sorted({1, min(10, total), total, total + 7}):
        found = _lists(model.recommend(users, n))
        for user in users:
            valid = total - len(seen_by(train, user))
            got = found.get(user, [])
            expect(
                len(got) == min(n, valid),
                f"recommend({user!r}, n={n}) gives {len(got)} items; {valid} of {total} are valid",
            )
            expect(
                got == longest.get(user, [])[:n],
                f"recommend({user!r}, n={n}) is not the head of a longer list",
            )


def only_allowed_and_never_denied_items(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """``allow`` and ``deny`` give what filtering the whole list would; unknown ids in them have no effect."""
    users, total = _asked(model), len(model.items)
    whole = _lists(model.recommend(users, total))
    some_items = {unknown_id(model.items), *model.items.ids[::3].tolist()}
    best = {unknown_id(model.items), *(item for ranked in whole.values() for item, _, _ in ranked[:2])}
    cases: tuple[tuple[str, set[Id] | None, set[Id] | None], ...] = (
        ("allow", some_items, None),
        ("deny", None, best),
        ("allow and deny", some_items, best),
        ("an empty allow", set(), None),
        ("an empty deny", None, set()),
    )
    for words, allow, deny in cases:
        found = _lists(
            model.recommend(
                users,
                total,
                allow=None if allow is None else list(allow),
                deny=None if deny is None else list(deny),
            )
        )
        for user, ranked in whole.items():
            left = [
                (item, score)
                for item, _, score in ranked
                if (allow is None or item in allow) and (deny is None or item not in deny)
            ]
            got = found.get(user, [])
            if getattr(model, "listwise", False):  # what is left is ranked anew
                expect(
                    {item for item, _, _ in got} == {item for item, _ in left},
                    f"{words} give user {user!r} other items than the {len(left)} left of the whole list",
                )
                continue
            expect(
                got == [(item, rank, score) for rank, (item, score) in enumerate(left, 1)],
                f"{words} give user {user!r} {len(got)} items, not the {len(left)} left of the whole list",
            )


def lists_and_pairs_agree(model: Recommender, train: Interactions, refit: Refit | None) -> None:
    """The scores of a list are those of ``score_pairs``, unless the model says that they are not: ``listwise``."""
    if getattr(model, "listwise", False):
        raise SkipTest("what an item is worth in a list of this model depends on the others in it")
    rows = model.users.rows(some(model.users))
    items, scores = model.rank(rows, min(10, len(model.items)), exclude_seen=False)
    pairs = model.score_pairs(np.repeat(rows, items.shape[1]), items.ravel()).reshape(items.shape)
    gap = float(np.abs(pairs - scores).max())
    limit = 1e-5 * float(np.abs(scores).max())
    expect(gap <= limit, f"rank and score_pairs differ by {gap:.3g}")


def rank_gives_distinct_items_best_first(
    model: Recommender, train: Interactions, refit: Refit | None
) -> None:
    """``rank`` and ``score_pairs`` return the arrays that `tastespace.evaluate` can measure: no item stands twice."""
    rows, total = model.users.rows(_asked(model)), len(model.items)
    try:
        for exclude_seen in (True, False):
            ranked_by(model, rows, total, exclude_seen=exclude_seen, threads=1)
        scored_by(model, rows, np.zeros(len(rows), np.int32), threads=1)
    except TastespaceError as error:
        raise AssertionError(str(error)) from error


def _asked(model: Recommender) -> list[Id]:
    """Return users whose whole lists are looked at: fewer where the catalogue is long."""
    return some(model.users, max(2, min(20, 20_000 // len(model.items))))


def _lists(table: Recommendations) -> Lists:
    """Return (item, rank, score) of each user, in the order of the table."""
    lists: Lists = defaultdict(list)
    for user, item, rank, score, *_ in table:
        lists[user].append((item, rank, score))
    return dict(lists)
