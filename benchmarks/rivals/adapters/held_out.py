"""What an evaluation starts from, and what is kept of it. The same arrays for every library."""

import numpy as np
import scipy.sparse as sp

from . import clock


class HeldOut:
    """Factors of a model, histories and held-out events, as the file at ``path`` has them.

    ``users`` limits whom to score to the first so many; factors and histories stay whole.
    """

    def __init__(self, path, users):
        with np.load(path) as arrays:
            self.p, self.q = arrays["users"], arrays["items"]
            self.seen = self._table(arrays, "seen")
            self.test = self._table(arrays, "test")[:users]
        self.users, self.items = self.test.shape

    def _table(self, arrays, name):
        indices, indptr = arrays[f"{name}_indices"], arrays[f"{name}_indptr"]
        shape = len(self.p), len(self.q)
        return sp.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=shape)


class Parts:
    """Seconds by part, and the largest resident size of this process meanwhile."""

    def __init__(self):
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")  # forgets the largest so far
        self.before, self.seconds, self.watch = _resident("VmRSS"), {}, clock.Clock()

    def end(self, part):
        """What has passed since the last part ended belongs to ``part``."""
        total = self.watch.stop()
        self.seconds[part] = total - sum(self.seconds.values())
        self.watch.go()

    def answer(self, values):
        """Plain data."""
        return {
            "seconds": self.seconds,
            "peak_mb": _resident("VmHWM"),
            "before_mb": self.before,
            "values": {name: float(value) for name, value in values.items()},
        }


def _resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def lists(given, k, threads, batch=1_000):
    """Items (users, k) and scores by implicit's kernel, without seen items, best first."""
    from implicit.cpu.topk import topk

    ids, scores = np.empty((given.users, k), np.int32), np.empty((given.users, k), np.float32)
    for start in range(0, given.users, batch):
        rows = slice(start, min(start + batch, given.users))
        seen = given.seen[rows]
        ids[rows], scores[rows] = topk(
            given.q, given.p[rows], k, filter_query_items=seen, num_threads=threads
        )
    return ids, scores
