"""Negative samples as data, for models of your own: for every event, items that the user has no event with.

Trainers of this package draw for themselves; `tastespace.evaluate` draws by `tastespace.Sampled`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.data.interactions import Interactions
from tastespace.data.memory import announce
from tastespace.data.table import Table
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, InputError, ParameterError

__all__ = ["Negatives", "Strategy", "sample"]

Strategy: TypeAlias = Literal["uniform", "popularity"]

#: The power of popularity where none is given, as word2vec has it for words.
POWER = 0.75

#: The line on which draws fall is so long that rounding of weights does not show.
_LINE = 2.0**62


@dataclass(frozen=True, eq=False, repr=False)
class Negatives:
    """Events with negatives; frozen.

    Attributes
    ----------
    users, items
        Ids of the rows.
    user_rows, positive_rows
        User and item of each event, int32 (events,), in the order of ``interactions.by_user``.
    negative_rows
        Items drawn for each event, int32 (events, per_positive).
    events
        Place of each event in ``interactions.by_user``, int64 (events,): where its value, weight and time stand.
    left_out
        Events for which there are no negatives, because their users have every item; they are in none of the arrays.
    """

    users: Vocabulary
    items: Vocabulary
    user_rows: NDArray[np.int32]
    positive_rows: NDArray[np.int32]
    negative_rows: NDArray[np.int32]
    events: NDArray[np.int64]
    left_out: int

    def __post_init__(self) -> None:
        for name in ("user_rows", "positive_rows", "negative_rows", "events"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def per_positive(self) -> int:
        """Negatives of each event."""
        return int(self.negative_rows.shape[1])

    def __len__(self) -> int:
        """Number of triples."""
        return int(self.negative_rows.size)

    def __repr__(self) -> str:
        left = f", {self.left_out:,} events without" if self.left_out else ""
        return f"{len(self):,} negatives, {self.per_positive} for each of {len(self.events):,} events{left}"

    def triples(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """User, positive item and negative item of each triple, as rows; each int32 (triples,)."""
        n = self.per_positive
        return (
            np.repeat(self.user_rows, n),
            np.repeat(self.positive_rows, n),
            self.negative_rows.reshape(-1),
        )

    def table(self) -> Table:
        """The triples as ids: columns user, positive, negative."""
        users, positives, negatives = self.triples()
        return Table(
            {
                "user": self.users.ids[users],
                "positive": self.items.ids[positives],
                "negative": self.items.ids[negatives],
            }
        )


def sample(
    interactions: Interactions,
    *,
    per_positive: int = 4,
    strategy: Strategy = "uniform",
    power: float | None = None,
    check: bool = True,
    seed: int = 0,
    threads: int | None = None,
) -> Negatives:
    """Draw negative items for every event.

    Draws are independent and with replacement, so an item may be drawn twice for an event. They are exact: items that
    are known are taken out of the distribution, not tried again until one fits. Draw j of an event depends on the
    seed, on the place of the event and on what its user knows; so a longer ``per_positive`` begins like a shorter
    one. Take another seed for every epoch.

    Parameters
    ----------
    interactions
        Every pair of user and item in it is one event, whatever its value: of ratings, take those that are likes
        first, ``ratings.as_implicit(at_least=4)``, or low ratings become positives.
    per_positive
        Draws for each event, in 1..2^31 - 1.
    strategy
        ``"uniform"``: all items alike. ``"popularity"``: item i in proportion to :math:`n_i^{power}`, where :math:`n_i`
        is its number of events.
    power
        At least 0, for popularity alone; None: 0.75. 1 draws items as often as they occur, which is what taking the
        items of other events in a batch does; 0 is uniform.
    check
        Never draw an item that the user has an event with. Without, any item may be drawn, the positive one too.
    seed
        Whole number from 0 to 2^64 - 1.
    threads
        At most this many; None: all cores. The result does not depend on it.

    Returns
    -------
    Negatives
        Of a user who has every item there are no negatives: the events are left out, and ``left_out`` counts them.

    Raises
    ------
    ParameterError
        If a setting is outside its range.
    InputError
        If there are no interactions but something else.
    EmptyError
        If every user has every item.
    TooLargeError
        If the negatives take more memory than is free.

    Notes
    -----
    Holds 4 bytes for each negative and 16 for each event. A uniform draw takes log(events of the user) steps, one by
    popularity log(items) more.

    References
    ----------
    T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, Distributed representations of words and phrases and their
    compositionality, NIPS 2013 (the power). S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, BPR: Bayesian
    personalized ranking from implicit feedback, UAI 2009 (uniform, checked).
    """
    if not isinstance(interactions, Interactions):
        raise InputError(
            "negatives.sample takes Interactions, such as split.train or what ts.read makes; got "
            f"{type(interactions).__name__}"
        )
    for name, value, least, end in (("per_positive", per_positive, 1, 2**31), ("seed", seed, 0, 2**64)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value < end:
            raise ParameterError(
                f"{name} of negatives.sample must be a whole number in {least}..{end - 1}; got {value!r}"
            )
    table = interactions.by_user
    weights = _weights(interactions, strategy, power)
    announce(
        f"negatives.sample of {per_positive:,} items for each of {table.nnz:,} events",
        (4 * int(per_positive) + 16) * table.nnz,
        "choose a smaller per_positive, or sample parts of the events",
    )
    negatives = _native.draw_negatives(
        int(seed),
        table.indptr,
        table.indices,
        table.columns,
        int(per_positive),
        weights,
        bool(check),
        resolve_threads(threads),
    )
    users, positives = interactions.user_rows(), table.indices
    events = np.arange(table.nnz)
    kept = negatives[:, 0] >= 0
    if not kept.any():
        raise EmptyError(
            f"there are no negatives: no user lacks any item ({interactions.n_items:,} in all); pass check=False to "
            "draw known items"
        )
    if not kept.all():
        users, positives, negatives, events = users[kept], positives[kept], negatives[kept], events[kept]
    return Negatives(
        interactions.users,
        interactions.items,
        users,
        positives,
        negatives,
        events,
        int(table.nnz - len(events)),
    )


def _weights(
    interactions: Interactions, strategy: Strategy, power: float | None
) -> NDArray[np.uint64] | None:
    """Running sums of the weights of the items, uint64 (items,); None: all alike."""
    if strategy not in get_args(Strategy):
        raise ParameterError(
            f'strategy of negatives.sample must be "uniform" or "popularity"; got {strategy!r}'
        )
    if strategy == "uniform":
        if power is not None:
            raise ParameterError(
                f'power of negatives.sample is for strategy="popularity"; got {power!r} with strategy="uniform"'
            )
        return None
    exponent = POWER if power is None else power
    number = isinstance(exponent, int | float | np.number) and not isinstance(exponent, bool)
    if not number or not 0 <= exponent < np.inf:
        raise ParameterError(f"power of negatives.sample must be a finite number >= 0; got {power!r}")
    counts = interactions.by_item.counts()
    shares = (counts / counts.max()) ** float(exponent)
    # At least 1, so that no item is ever impossible.
    whole = np.maximum(shares / shares.sum() * _LINE, 1.0).astype(np.uint64)
    return np.cumsum(whole, dtype=np.uint64)
