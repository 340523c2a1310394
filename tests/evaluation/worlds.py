"""Small test sets, and a model whose scores are written down."""

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary


def interactions(events, *, explicit=False, **more):
    """Interactions of (user, item) or (user, item, value), with rows in order of first appearance."""
    users = list(dict.fromkeys(event[0] for event in events))
    items = list(dict.fromkeys(event[1] for event in events))
    return Interactions.from_events(
        Vocabulary(users, noun="user"),
        Vocabulary(items, noun="item"),
        np.array([users.index(event[0]) for event in events]),
        np.array([items.index(event[1]) for event in events]),
        values=np.array([event[2] for event in events], np.float32) if len(events[0]) > 2 else None,
        explicit=explicit,
        **more,
    )


class Written:
    """A model with given scores (users, items) and given histories.

    ``seen`` maps user ids to sets of item ids; None means that the model was saved without histories.
    """

    info = None

    def __init__(self, users, items, scores, seen=None, scale=None):
        self.users = Vocabulary(users, noun="user")
        self.items = Vocabulary(items, noun="item")
        self.scores = np.asarray(scores, np.float32).reshape(len(self.users), len(self.items))
        self.scale = scale
        self.history = None
        self.asked = []  # number of users in each call of rank
        if seen is not None:
            rows = [sorted(self.items.rows(list(seen.get(user, ())))) for user in users]
            indptr = np.cumsum([0, *map(len, rows)], dtype=np.int64)
            indices = np.array([item for row in rows for item in row], np.int32)
            self.history = Csr(indptr, indices, len(self.items))

    def rank(self, user_rows, n, *, exclude_seen=True, threads=None):
        self.asked.append(len(user_rows))
        ranked = np.full((len(user_rows), n), -1, np.int32)
        best = np.full((len(user_rows), n), -np.inf, np.float32)
        for place, row in enumerate(user_rows):
            seen = set(self.history.row(row)[0]) if exclude_seen else set()
            allowed = np.array([item for item in range(len(self.items)) if item not in seen], np.int32)
            order = allowed[np.argsort(-self.scores[row, allowed], kind="stable")][:n]
            ranked[place, : len(order)] = order
            best[place, : len(order)] = self.scores[row, order]
        return ranked, best

    def score_pairs(self, user_rows, item_rows, *, threads=None):
        return self.scores[user_rows, item_rows]


def by_hand():
    """Two users and five items: "u" has seen "a" and is shown d, c, b, e; "v" has seen "b", shown e, d, c, a."""
    return Written(
        ["u", "v"],
        ["a", "b", "c", "d", "e"],
        [[9.0, 2.0, 3.0, 4.0, 1.0], [1.0, 9.0, 2.0, 3.0, 4.0]],
        seen={"u": {"a"}, "v": {"b"}},
    )
