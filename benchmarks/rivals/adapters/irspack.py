"""irspack: ``IALSRecommender`` with the solver that the settings name."""

from . import clock


class ALS:
    """Events."""

    def versions(self):
        from irspack import IALSRecommender

        self.model = IALSRecommender
        return clock.versions("irspack")

    def load(self, path):
        self.table = clock.table(path)
        return 0.0

    def epochs(self, settings, threads, epochs, tell, out=None):
        """Tells the seconds of each epoch; the first includes what ``learn`` does before it.

        ``start_learning`` and ``run_epoch`` are what ``learn`` calls. After epoch n the factors go to ``out`` with
        ``{n}`` filled in.
        """
        watch = clock.Clock()
        model = self.model(self.table, n_threads=threads, random_seed=0, **settings)
        model.start_learning()
        for n in range(epochs):
            model.run_epoch()
            seconds = watch.stop()
            if out is not None:
                arrays = {"users": model.get_user_embedding(), "items": model.get_item_embedding()}
                clock.save(out.format(n=n + 1), **arrays)
            tell(seconds)
            watch.seconds = 0.0
            watch.go()

    def fit(self, settings, threads, out=None):
        watch = clock.Clock()
        model = self.model(self.table, n_threads=threads, random_seed=0, **settings).learn()
        seconds = watch.stop()
        clock.save(out, users=model.get_user_embedding(), items=model.get_item_embedding())
        return seconds
