"""cornac: `MF`, biased matrix factorization by gradient steps."""

import numpy as np

from . import clock


class MF:
    """Ratings. With a seed cornac takes one thread; without one, threads race."""

    def versions(self):
        from cornac.data import Dataset
        from cornac.models import MF

        self.model, self.dataset = MF, Dataset
        return clock.versions("cornac")

    def load(self, path):
        """Seconds from the CSR table to what ``fit`` takes."""
        table = clock.table(path).tocoo()
        self.shape = table.shape
        watch = clock.Clock()
        triples = zip(table.row.tolist(), table.col.tolist(), table.data.tolist(), strict=True)
        self.data = self.dataset.from_uir(list(triples))
        return watch.stop()

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``; ``threads=1`` is deterministic."""
        seed = {"seed": 0} if threads == 1 else {"num_threads": threads}
        model = self.model(use_bias=True, verbose=False, **seed, **settings)
        watch = clock.Clock()
        model.fit(self.data)
        seconds = watch.stop()
        if out is not None:
            arrays = {
                "users": np.zeros((self.shape[0], model.k)),
                "items": np.zeros((self.shape[1], model.k)),
                "user_bias": np.zeros(self.shape[0]),
                "item_bias": np.zeros(self.shape[1]),
            }
            for raw, row in self.data.uid_map.items():
                arrays["users"][raw], arrays["user_bias"][raw] = model.u_factors[row], model.u_biases[row]
            for raw, row in self.data.iid_map.items():
                arrays["items"][raw], arrays["item_bias"][raw] = model.i_factors[row], model.i_biases[row]
            clock.save(out, **arrays, mean=self.data.global_mean)
        return seconds
