"""implicit: ``AlternatingLeastSquares`` on the processor, and item neighbours."""

import numpy as np

from . import clock


class ALS:
    """Events."""

    def versions(self):
        from implicit.cpu.als import AlternatingLeastSquares

        self.model = AlternatingLeastSquares
        return clock.versions("implicit")

    def load(self, path):
        self.table = clock.table(path)
        return 0.0

    def epochs(self, settings, threads, epochs, tell, out=None):
        """Tells the seconds of each epoch; the first includes what ``fit`` does before it.

        The library's callback follows both half-epochs. After epoch n the factors go to ``out`` with ``{n}`` filled in.
        """
        model = self.model(iterations=epochs, num_threads=threads, random_state=0, **settings)

        def after(iteration, *_):
            seconds = watch.stop()
            if out is not None:
                clock.save(out.format(n=iteration + 1), users=model.user_factors, items=model.item_factors)
            tell(seconds)
            watch.seconds = 0.0
            watch.go()

        watch = clock.Clock()
        model.fit(self.table, show_progress=False, callback=after)

    def fit(self, settings, threads, out=None):
        model = self.model(num_threads=threads, random_state=0, **settings)
        watch = clock.Clock()
        model.fit(self.table, show_progress=False)
        seconds = watch.stop()
        clock.save(out, users=model.user_factors, items=model.item_factors)
        return seconds


class Neighbours:
    """Events; ``kind`` is ``Cosine``, ``TFIDF`` or ``BM25``."""

    def versions(self):
        from implicit import nearest_neighbours

        self.models = nearest_neighbours
        return clock.versions("implicit")

    def load(self, path):
        self.table = clock.table(path).astype("float64")
        return 0.0

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``; the neighbours of every item, itself among them, go to ``out``."""
        kind, k = settings["kind"], settings["neighbours"]
        model = getattr(self.models, f"{kind}Recommender")(K=k + 1, num_threads=threads)
        watch = clock.Clock()
        model.fit(self.table, show_progress=False)
        seconds = watch.stop()
        found = model.similarity.tocoo()
        if out is not None:
            np.savez(out, items=found.row, neighbours=found.col, likeness=found.data)
        return seconds
