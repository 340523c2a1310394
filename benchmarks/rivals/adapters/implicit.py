"""implicit: ``AlternatingLeastSquares`` on the processor."""

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
