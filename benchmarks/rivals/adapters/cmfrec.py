"""cmfrec: ``CMF`` on ratings and ``CMF_implicit`` on events, both by alternating least squares."""

import numpy as np

from . import clock


class _Adapter:
    def versions(self):
        import cmfrec

        self.library = cmfrec
        return clock.versions("cmfrec")

    def load(self, path):
        self.table = clock.table(path).tocoo()
        return 0.0


class CMF(_Adapter):
    """Ratings, with biases."""

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``, without tables that only later recommendations need."""
        model = self.library.CMF(
            method="als", use_float=True, precompute_for_predictions=False, nthreads=threads, **settings
        )
        watch = clock.Clock()
        model.fit(self.table)
        seconds = watch.stop()
        arrays = {"users": model.A_, "items": model.B_}
        biases = {"user_bias": model.user_bias_, "item_bias": model.item_bias_}
        clock.save(out, **arrays, **biases, mean=np.float64(model.glob_mean_))
        return seconds


class Implicit(_Adapter):
    """Events."""

    def print_epochs(self, settings, threads, epochs):
        """Fits; the library prints a line after each epoch, which the other end times."""
        model = self.library.CMF_implicit(
            niter=epochs,
            use_float=True,
            precompute_for_predictions=False,
            finalize_chol=False,
            nthreads=threads,
            verbose=True,
            **settings,
        )
        model.fit(self.table)
