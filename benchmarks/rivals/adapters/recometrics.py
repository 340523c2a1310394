"""recometrics: ``calc_reco_metrics`` from factors to metrics."""

import numpy as np

from . import clock
from .held_out import HeldOut, Parts

NAMES = {
    "P": "precision",
    "R": "recall",
    "TP": "recall_capped",
    "NDCG": "ndcg",
    "TAP": "map",
    "RR": "mrr",
    "Hit": "hit_rate",
}


class Evaluation:
    """All cut-offs come from one call with ``cumulative``, which ranks once."""

    def versions(self):
        import recometrics

        self.library = recometrics
        return clock.versions("recometrics")

    def load(self, path, users):
        self.given = HeldOut(path, users)
        rows = slice(self.given.users)
        self.seen, self.p = self.given.seen[rows], self.given.p[rows]

    def evaluate(self, cutoffs, threads):
        parts = Parts()
        found = self.library.calc_reco_metrics(
            self.seen,
            self.given.test,
            self.p,
            self.given.q,
            k=max(cutoffs),
            as_df=False,
            trunc_precision=True,
            recall=True,
            average_precision=False,
            trunc_average_precision=True,
            hit=True,
            rr=True,
            rename_k=False,
            cumulative=True,
            nthreads=threads,
        )
        values = {
            f"{metric}@{k}": np.nanmean(found[f"{name}@K"][:, k - 1])
            for name, metric in NAMES.items()
            for k in cutoffs
        }
        parts.end("all")
        return parts.answer(values)
