"""Surprise: ``SVDpp``, which moves every implicit vector after every rating."""

import numpy as np
import pandas as pd

from . import clock


class SVDpp:
    """Ratings."""

    def versions(self):
        import surprise

        self.surprise = surprise
        return clock.versions("scikit-surprise")

    def load(self, path):
        """Seconds from the CSR table to what ``fit`` takes."""
        table = clock.table(path).tocoo()
        self.shape = table.shape
        frame = pd.DataFrame({"user": table.row, "item": table.col, "rating": table.data})
        watch = clock.Clock()
        reader = self.surprise.Reader(rating_scale=(1, 5))
        self.data = self.surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
        return watch.stop()

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``; ``out`` gets the factors with the implicit sums in them. One thread is all."""
        model = self.surprise.SVDpp(random_state=0, **settings)
        watch = clock.Clock()
        model.fit(self.data)
        seconds = watch.stop()
        if out is not None:
            data, k = self.data, model.pu.shape[1]
            users, items = np.zeros((self.shape[0], k)), np.zeros((self.shape[1], k))
            user_bias, item_bias = np.zeros(self.shape[0]), np.zeros(self.shape[1])
            for inner, rated in data.ur.items():
                outer = data.to_raw_uid(inner)
                implicit = model.yj[[item for item, _ in rated]].sum(0) / np.sqrt(len(rated))
                users[outer], user_bias[outer] = model.pu[inner] + implicit, model.bu[inner]
            for inner in data.ir:
                outer = data.to_raw_iid(inner)
                items[outer], item_bias[outer] = model.qi[inner], model.bi[inner]
            arrays = {"users": users, "items": items, "user_bias": user_bias, "item_bias": item_bias}
            clock.save(out, **arrays, mean=data.global_mean)
        return seconds
