"""Small tables and trainers for the tests of tuning."""

from dataclasses import dataclass

import numpy as np

import tastespace as ts
from tastespace.errors import NumericalError
from tests.models.worlds import world


def clicks(users=120, items=50, explicit=False):
    """Events with random times."""
    events = world(users, items, 0.3, explicit=explicit)
    times = np.random.default_rng(0).integers(10**9, 10**9 + 10**6, events.n_events)
    return ts.Interactions.from_events(
        events.users,
        events.items,
        events.user_rows(),
        events.by_user.indices,
        values=events.by_user.values,
        times=times,
        explicit=explicit,
    )


def trained(factors=4, epochs=5, **settings):
    return ts.ImplicitALS(factors=factors, epochs=epochs, threads=1, **settings)


SPACE = {"factors": [2, 4, 8], "regularization": (1e-4, 1e-1, "log")}


def rows(tuning):
    """The trials without what a clock decides."""
    return [{name: cell for name, cell in row.items() if name != "seconds"} for row in tuning.trials.rows()]


@dataclass(frozen=True, kw_only=True)
class Fragile(ts.Popularity):
    """Counts events, unless its strength is too small."""

    strength: float = 1.0

    def fit(self, train, valid=None):
        if self.strength < 0.5:
            raise NumericalError("out of range")
        return super().fit(train)
