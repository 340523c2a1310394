"""Scores of a blend by their definition: every model scores everything, and ids are dictionaries."""

import numpy as np


def scores(models, weights, user):
    """{item: score} of a user over all items that any model knows."""
    total = sum(weights.values())
    found = {item: 0.0 for model in models.values() for item in model.items}
    for name, model in models.items():
        if user not in model.users:
            continue
        items = list(model.items)
        rows = np.arange(len(items), dtype=np.int32)
        mine = model.score_pairs(np.full(len(items), model.users.row(user), np.int32), rows).astype(float)
        spread = mine.std()
        if spread > 1e-6 * max(1.0, np.abs(mine).max()):
            for item, score in zip(items, mine, strict=True):
                found[item] += weights[name] / total * (score - mine.mean()) / spread
    return found
