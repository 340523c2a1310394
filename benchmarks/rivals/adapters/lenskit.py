"""LensKit: ``BiasedMFScorer``, alternating least squares on what its bias model leaves."""

import numpy as np
import pandas as pd

from . import clock


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
