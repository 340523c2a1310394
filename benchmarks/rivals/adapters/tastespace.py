"""This library, driven like the others."""

import numpy as np

import tastespace as ts
from tastespace.data.csr import Csr

from . import clock
from .held_out import HeldOut, Parts


class _Adapter:
    trainer = None

    def versions(self):
        return {"tastespace": ts.__version__}

    def load(self, path):
        """Seconds from the CSR table to what ``fit`` takes."""
        table = clock.table(path)
        self.shape = table.shape
        rows = np.repeat(np.arange(table.shape[0], dtype=np.int32), np.diff(table.indptr))
        watch = clock.Clock()
        self.events = ts.Interactions.from_events(
            ts.Vocabulary(np.arange(table.shape[0]), noun="user"),
            ts.Vocabulary(np.arange(table.shape[1]), noun="item"),
            rows,
            table.indices,
            values=table.data if self.explicit else None,
            explicit=self.explicit,
        )
        return watch.stop()

    def fit(self, settings, threads, out=None):
        """Seconds of the whole ``fit``; the factors of the model that it returns go to ``out``."""
        trainer = self.trainer(threads=threads, progress=False, **settings)
        watch = clock.Clock()
        model = trainer.fit(self.events)
        seconds = watch.stop()
        if out is not None:
            clock.save(out, **self.full(model))
        return seconds

    def full(self, model):
        """Rows for the users and items without events too, which the model leaves out."""
        users, items = model.users.ids, model.items.ids
        arrays = {
            "users": np.zeros((self.shape[0], model.factors), np.float32),
            "items": np.zeros((self.shape[1], model.factors), np.float32),
            "user_bias": np.zeros(self.shape[0], np.float32),
            "item_bias": np.zeros(self.shape[1], np.float32),
        }
        arrays["users"][users], arrays["user_bias"][users] = model.user_factors, model.user_bias
        arrays["items"][items], arrays["item_bias"][items] = model.item_factors, model.item_bias
        return arrays | {"mean": model.mean}

    def epochs(self, settings, threads, epochs, tell):
        """Tells the seconds of each epoch, both sides, without the objective that callbacks get."""
        trainer = self.trainer(threads=threads, progress=False, epochs=epochs, **settings)
        trainer.fit(self.events, callbacks=[lambda epoch: tell(epoch.seconds)])


class ImplicitALS(_Adapter):
    """Events."""

    trainer, explicit = ts.ImplicitALS, False


class SVDPlusPlus(_Adapter):
    """Ratings."""

    trainer, explicit = ts.SVDPlusPlus, True


class ItemKNN(_Adapter):
    """Events."""

    trainer, explicit = ts.ItemKNN, False

    def fit(self, settings, threads):
        """Seconds of the whole ``fit``."""
        watch = clock.Clock()
        self.trainer(threads=threads, **settings).fit(self.events)
        return watch.stop()


class ALS(_Adapter):
    """Ratings."""

    trainer, explicit = ts.ALS, True


class FunkSVD(_Adapter):
    """Ratings, by steps."""

    trainer, explicit = ts.FunkSVD, True


class Evaluation:
    """``evaluate`` of a model around given factors."""

    def versions(self):
        return {"tastespace": ts.__version__}

    def load(self, path, users):
        self.given = HeldOut(path, users)

    def evaluate(self, cutoffs, threads, metrics):
        given = self.given
        parts = Parts()
        users = ts.Vocabulary(np.arange(len(given.p)), noun="user")
        items = ts.Vocabulary(np.arange(len(given.q)), noun="item")
        seen, test = given.seen, given.test
        model = ts.FactorModel(
            users=users,
            items=items,
            user_factors=given.p,
            item_factors=given.q,
            user_bias=np.zeros(len(given.p), np.float32),
            item_bias=np.zeros(len(given.q), np.float32),
            mean=0.0,
            history=Csr(seen.indptr.astype(np.int64), seen.indices, given.items),
            explicit=False,
            scale=None,
            solver=None,
            info=None,
            threads=threads,
        )
        scored = ts.Vocabulary(np.arange(given.users), noun="user")
        rows = np.repeat(np.arange(given.users, dtype=np.int32), np.diff(test.indptr))
        held = ts.Interactions.from_events(scored, items, rows, test.indices, explicit=False)
        parts.end("prepare")
        report = ts.evaluate(model, held, k=cutoffs, metrics=metrics, threads=threads)
        parts.end("all")
        return parts.answer(report.metrics)
