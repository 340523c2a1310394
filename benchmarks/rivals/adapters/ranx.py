"""ranx: ``evaluate`` on lists, which it does not make; implicit's kernel makes them, as RecTools has it do."""

import numpy as np

from . import clock
from .held_out import HeldOut, Parts, lists

NAMES = ("precision", "recall", "ndcg", "map", "mrr", "hit_rate")


class Evaluation:
    """Lists and held-out items go in as arrays, which saves it the strings of ``Run`` and ``Qrels``."""

    def versions(self):
        import numba
        import ranx

        self.library, self.numba = ranx, numba
        return clock.versions("ranx", "numba")

    def load(self, path, users):
        self.given = HeldOut(path, users)
        whole, self.given = self.given, HeldOut(path, 50)
        self.evaluate([5], 1)  # compiles
        self.given = whole

    def evaluate(self, cutoffs, threads):
        self.numba.set_num_threads(threads)
        parts = Parts()
        ids, scores = lists(self.given, max(cutoffs), threads)
        parts.end("lists")
        run = np.stack([ids.astype(np.float64), scores.astype(np.float64)], axis=2)
        test = self.given.test
        pairs = np.stack([test.indices.astype(np.float64), np.ones(test.nnz)], axis=1)
        scored = np.flatnonzero(np.diff(test.indptr))
        held = self.numba.typed.List([pairs[test.indptr[u] : test.indptr[u + 1]] for u in scored])
        parts.end("prepare")
        names = [f"{name}@{k}" for name in NAMES for k in cutoffs]
        found = self.library.evaluate(held, run[scored], names, threads=threads)
        parts.end("metrics")
        return parts.answer(found)
