"""LensKit: ``BiasedMFScorer``, alternating least squares on what its bias model leaves; and its evaluation."""

import numpy as np
import pandas as pd

from . import clock
from .held_out import HeldOut, Parts


class BiasedMF:
    """Ratings."""

    def versions(self):
        from lenskit.als import BiasedMFScorer
        from lenskit.data import from_interactions_df
        from lenskit.training import TrainingOptions

        self.model, self.dataset, self.options = BiasedMFScorer, from_interactions_df, TrainingOptions
        return clock.versions("lenskit")

    def load(self, path):
        """Seconds from the CSR table to what ``train`` takes."""
        table = clock.table(path).tocoo()
        self.shape = table.shape
        watch = clock.Clock()
        self.data = self.dataset(
            pd.DataFrame({"user_id": table.row, "item_id": table.col, "rating": table.data})
        )
        return watch.stop()

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``train``. The number of threads is read from the environment."""
        model = self.model(**settings)
        watch = clock.Clock()
        model.train(self.data, self.options(rng=0))
        seconds = watch.stop()
        if out is not None:
            users, items = self.data.users.ids(), self.data.items.ids()
            k = model.item_embeddings.shape[1]
            arrays = {
                "users": np.zeros((self.shape[0], k)),
                "items": np.zeros((self.shape[1], k)),
                "user_bias": np.zeros(self.shape[0]),
                "item_bias": np.zeros(self.shape[1]),
            }
            arrays["users"][users], arrays["user_bias"][users] = model.user_embeddings, model.bias.user_biases
            arrays["items"][items], arrays["item_bias"][items] = model.item_embeddings, model.bias.item_biases
            clock.save(out, **arrays, mean=model.bias.global_bias)
        return seconds


class Evaluation:
    """``batch.recommend`` by a pipeline around given factors, then ``RunAnalysis``."""

    def versions(self):
        import lenskit.metrics
        from lenskit import batch
        from lenskit.als import ImplicitMFScorer
        from lenskit.data import ItemListCollection, Vocabulary, from_interactions_df
        from lenskit.metrics.ranking import AveragePrecision
        from lenskit.pipeline import topn_pipeline
        from lenskit.training import TrainingOptions

        self.metrics, self.precise, self.recommend = lenskit.metrics, AveragePrecision, batch.recommend
        self.scorer, self.pipeline, self.options = ImplicitMFScorer, topn_pipeline, TrainingOptions
        self.vocabulary, self.collection, self.dataset = Vocabulary, ItemListCollection, from_interactions_df
        return clock.versions("lenskit")

    def load(self, path, users):
        self.given = HeldOut(path, users)

    def evaluate(self, cutoffs, threads):
        given, lk = self.given, self.metrics
        parts = Parts()
        seen = given.seen.tocoo()
        data = self.dataset(pd.DataFrame({"user_id": seen.row, "item_id": seen.col}))
        scorer = self.scorer(embedding_size=given.q.shape[1], user_embeddings="prefer")
        scorer.trained_epochs = 1  # or the pipeline would train it
        scorer.users, scorer.items = data.users, data.items
        scorer.user_embeddings, scorer.item_embeddings = given.p[data.users.ids()], given.q[data.items.ids()]
        pipeline = self.pipeline(scorer, n=max(cutoffs))
        pipeline.train(data, self.options(retrain=False))
        test = given.test.tocoo()
        held = self.collection.from_df(pd.DataFrame({"user_id": test.row, "item_id": test.col}), ["user_id"])
        parts.end("prepare")
        # By two processes it would take longer: they load the pipeline and send back the lists.
        lists = self.recommend(pipeline, np.unique(test.row), max(cutoffs), n_jobs=1)
        parts.end("lists")
        run = lk.RunAnalysis()
        discount = lk.LogRankWeight(offset=1)
        named = {
            "precision": lk.Precision,
            "recall_capped": lk.Recall,
            "ndcg": lambda k: lk.NDCG(k, weight=discount),
            "map": self.precise,
            "mrr": lk.RecipRank,
            "hit_rate": lk.Hit,
        }
        for name, make in named.items():
            for k in cutoffs:
                run.add_metric(make(k), label=f"{name}@{k}")
        found = run.measure(lists, held).list_metrics().mean()
        parts.end("metrics")
        return parts.answer(dict(found))
