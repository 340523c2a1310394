"""Whether training knows the future of the test events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tastespace.data.csr import Csr
from tastespace.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class Leak:
    """How much of what a model is given lies later than what it is tested on.

    A model in use knows only the past. Where it has seen the future, its numbers are those of a task that nobody has:
    it knows what became popular, and what the user did next.

    Attributes
    ----------
    events
        Training events later than the first test event.
    of_events
        All training events.
    users
        Users who have a training event later than one of their own test events.
    of_users
        Users who have both.
    """

    events: int
    of_events: int
    users: int
    of_users: int

    @classmethod
    def between(cls, users: Vocabulary, train: Csr, test_users: Vocabulary, test: Csr) -> "Leak | None":
        """Compare the times of two tables (users, items), each with its users; None unless both have times."""
        if train.times is None or test.times is None or not test.nnz:
            return None
        rows = users.find(test_users)
        both = rows >= 0
        both[both] &= train.counts()[rows[both]] > 0
        last = _by_row(np.maximum, train, np.iinfo(np.int64).min)[rows[both]]
        first = _by_row(np.minimum, test, np.iinfo(np.int64).max)[both]
        return cls(
            events=int(np.count_nonzero(train.times > test.times.min())),
            of_events=train.nnz,
            users=int(np.count_nonzero(last > first)),
            of_users=int(np.count_nonzero(both)),
        )

    def warning(self) -> str | None:
        """Say what leaks, in a sentence; None where nothing does."""
        if not self.events:
            return None
        own = (
            f", and {self.users:,} of {self.of_users:,} users have a training event later than one of their own test "
            "events"
        )
        return (
            f"training knows the future: {self.events:,} of its {self.of_events:,} events "
            f"({100 * self.events / self.of_events:.1f} %) are later than the first test event"
            f"{own if self.users else ''}; ts.split.by_time and ts.split.rolling keep the order of time"
        )


def _by_row(extreme: np.ufunc, table: Csr, empty: int) -> NDArray[np.int64]:
    """The first or last time of each row; `empty` where a row has no cells."""
    assert table.times is not None  # `between` sees to it
    found = np.full(table.rows, empty, dtype=np.int64)
    filled = np.flatnonzero(table.counts())
    if len(filled):
        found[filled] = extreme.reduceat(table.times, table.indptr[filled])
    return found
