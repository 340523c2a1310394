"""RecTools: its ``ImplicitRanker`` of factors, then ``calc_metrics`` on its tables."""

import numpy as np

from . import clock
from .held_out import HeldOut, Parts


class Evaluation:
    """Ids are row numbers."""

    def versions(self):
        import pandas as pd
        from rectools import metrics
        from rectools.models.rank import Distance, ImplicitRanker

        self.frame, self.metrics = pd.DataFrame, metrics
        self.ranker = lambda *factors, **more: ImplicitRanker(Distance.DOT, *factors, **more)
        return clock.versions("rectools", "pm-implicit", "pandas")

    def load(self, path, users):
        self.given = HeldOut(path, users)

    def evaluate(self, cutoffs, threads):
        given, rt, k = self.given, self.metrics, max(cutoffs)
        parts = Parts()
        ranker = self.ranker(given.p, given.q, num_threads=threads)
        rows = np.flatnonzero(np.diff(given.test.indptr))
        users, items, _ = ranker.rank(rows, k=k, filter_pairs_csr=given.seen[rows])
        parts.end("lists")
        lists = self.frame(
            {"user_id": users, "item_id": items, "rank": np.tile(np.arange(1, k + 1), len(rows))}
        )
        test, seen = given.test.tocoo(), given.seen.tocoo()
        held = self.frame({"user_id": test.row, "item_id": test.col})
        before = self.frame({"user_id": seen.row, "item_id": seen.col})
        parts.end("prepare")
        named = {
            "precision": rt.Precision,
            "recall": rt.Recall,
            "ndcg": lambda k: rt.NDCG(k, divide_by_achievable=True),
            "map": rt.MAP,
            "mrr": rt.MRR,
            "hit_rate": rt.HitRate,
            "coverage": lambda k: rt.CatalogCoverage(k, normalize=True),
            "novelty": rt.MeanInvUserFreq,
            "popularity": rt.AvgRecPopularity,
        }
        wanted = {f"{name}@{k}": make(k) for name, make in named.items() for k in cutoffs}
        found = rt.calc_metrics(wanted, lists, held, before, np.arange(given.items))
        parts.end("metrics")
        return parts.answer(found)
