"""Surprise: `SVD`, biased matrix factorization by gradient steps in one thread."""

import numpy as np

from . import clock


class SVD:
    """Ratings."""

    def versions(self):
        import surprise

        self.library = surprise
        return clock.versions("scikit-surprise")

    def load(self, path):
        """Seconds from the CSR table to what ``fit`` takes."""
        import pandas as pd

        table = clock.table(path).tocoo()
        self.shape = table.shape
        watch = clock.Clock()
        frame = pd.DataFrame({"user": table.row, "item": table.col, "rating": table.data.astype(np.float64)})
        reader = self.library.Reader(rating_scale=(1, 5))
        self.data = self.library.Dataset.load_from_df(frame, reader).build_full_trainset()
        return watch.stop()

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``; it has no threads."""
        model = self.library.SVD(random_state=0, **settings)
        watch = clock.Clock()
        model.fit(self.data)
        seconds = watch.stop()
        if out is not None:
            k = model.n_factors
            arrays = {
                "users": np.zeros((self.shape[0], k)),
                "items": np.zeros((self.shape[1], k)),
                "user_bias": np.zeros(self.shape[0]),
                "item_bias": np.zeros(self.shape[1]),
            }
            users = [self.data.to_raw_uid(row) for row in range(self.data.n_users)]
            items = [self.data.to_raw_iid(row) for row in range(self.data.n_items)]
            arrays["users"][users], arrays["user_bias"][users] = model.pu, model.bu
            arrays["items"][items], arrays["item_bias"][items] = model.qi, model.bi
            clock.save(out, **arrays, mean=self.data.global_mean)
        return seconds
