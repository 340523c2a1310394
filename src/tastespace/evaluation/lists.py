"""List metrics: what is recommended, to whom how often, how popular and how alike, whether or not it is relevant.

For a user u let L_u be the items at the first k places of the list, in number at most k. n_i is the number of
training events of item i (`Training.events`). Every metric is taken while the lists go by, block by block: nothing
here keeps them.

Coverage, Gini and entropy belong to all lists together. The others are means over users; a user for whom the metric
is not defined (an empty list; fewer than two items for diversity) has no value and is left out of the mean, and the
mean over nobody is NaN. The page ``docs/math/list-metrics.md`` says what each number does not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import tastespace._native as _native
from tastespace.errors import HistoryError
from tastespace.evaluation.training import Training

if TYPE_CHECKING:
    from tastespace.evaluation.targets import Targets

#: Metrics of lists, in the order of the report.
LISTS = ("coverage", "gini", "entropy", "novelty", "diversity", "serendipity", "popularity")
#: Those that need to know the training events.
FROM_TRAINING = ("novelty", "diversity", "serendipity", "popularity")


def coverage(counts: NDArray[np.int64]) -> float:
    """Share of the model's items that at least one scored user gets.

    ``coverage@k = |union of the lists L_u| / |items of the model|``, from 0 to 1.

    Parameters
    ----------
    counts
        How many lists hold each item, int64 (items,).

    References
    ----------
    Herlocker, Konstan, Terveen, Riedl, "Evaluating collaborative filtering recommender systems", ACM TOIS 22(1),
    2004, section 5.1 (catalogue coverage).
    """
    return float(np.count_nonzero(counts) / len(counts))


def gini(counts: NDArray[np.int64]) -> float:
    """How unequally recommendations are spread over the items of the model.

    ``gini@k = sum_j (2 j - m - 1) c_(j) / (m sum_j c_(j))`` with the counts ``c_(1) <= ... <= c_(m)`` of all m
    items, those that are never recommended among them. 0 if all are recommended equally often, ``1 - 1 / m`` if
    only one is; smaller is more even. 0 if nothing is recommended at all.

    Parameters
    ----------
    counts
        As in `coverage`.

    References
    ----------
    Gini, "Variabilità e mutabilità", 1912. For recommendations: Fleder, Hosanagar, "Blockbuster culture's next rise
    or fall", Management Science 55(5), 2009; Shani, Gunawardana, "Evaluating recommendation systems", 2011, who
    divide by m - 1.
    """
    total = int(counts.sum())
    if total == 0:
        return 0.0
    rank = 2 * np.arange(1, len(counts) + 1) - len(counts) - 1
    return float((rank * np.sort(counts)).sum() / (len(counts) * total))  # whole numbers, so the sum is exact


def entropy(counts: NDArray[np.int64]) -> float:
    """Entropy in bits of which item a recommendation is: 2 to its power is the number of items as evenly used.

    ``entropy@k = -sum_i p_i log2 p_i`` with ``p_i = c_i / sum_j c_j``, from 0 (always the same item) to log2 of the
    number of items.

    Parameters
    ----------
    counts
        As in `coverage`.

    References
    ----------
    Shannon, "A mathematical theory of communication", 1948. For recommendations: Shani, Gunawardana, "Evaluating
    recommendation systems", 2011.
    """
    shares = counts[counts > 0] / max(int(counts.sum()), 1)
    return float(np.abs(-(shares * np.log2(shares)).sum()))  # no -0.0 for a single item


class ListWatcher(Protocol):
    """Sees the lists go by, and knows metrics at the end."""

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        """See the lists of the scored users start..end: item rows (users, places), padded with -1."""

    def total(self, metric: str, k: int) -> float:
        """Return the value of a metric over all lists."""

    def per_user(self, metric: str, k: int) -> NDArray[np.float64] | None:
        """Return the values of the scored users, NaN where it is not defined; None if the metric has none."""


class Recommended:
    """How often each item is recommended: coverage, Gini and entropy. Memory: 8 bytes an item and cut-off."""

    _METRICS = {"coverage": coverage, "gini": gini, "entropy": entropy}  # noqa: RUF012

    def __init__(self, cutoffs: Sequence[int], n_items: int) -> None:
        self._cutoffs = list(cutoffs)
        self._counts = np.zeros((len(self._cutoffs), n_items), np.int64)

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        _native.count_recommended(ranked, self._cutoffs, self._counts)

    def counts(self, k: int) -> NDArray[np.int64]:
        """Return how many lists of k items hold each item, int64 (items,)."""
        counts: NDArray[np.int64] = self._counts[: self._cutoffs.index(k) + 1].sum(axis=0)
        return counts

    def total(self, metric: str, k: int) -> float:
        return self._METRICS[metric](self.counts(k))

    def per_user(self, metric: str, k: int) -> None:
        return None


class _PerUser:
    """A metric with a value for each user. Memory: 8 bytes a user and cut-off."""

    def __init__(self, cutoffs: Sequence[int], n_users: int) -> None:
        self._cutoffs = list(cutoffs)
        self._values = np.empty((n_users, len(self._cutoffs)))

    def total(self, metric: str, k: int) -> float:
        values = self.per_user(metric, k)
        defined = values[~np.isnan(values)]
        return float(defined.mean()) if len(defined) else float("nan")

    def per_user(self, metric: str, k: int) -> NDArray[np.float64]:
        return self._values[:, self._cutoffs.index(k)]


class Mean(_PerUser):
    """The mean of a value of the items: novelty and popularity.

    ``novelty@k = mean over i in L_u of -log2(max(n_i, 1) / users)``, in bits, from 0 (every user has these items
    already) to log2(users); see `Training.self_information`. Zhou, Kuscsik, Liu, Medo, Wakeling, Zhang, "Solving
    the apparent diversity-accuracy dilemma of recommender systems", PNAS 107(10), 2010.

    ``popularity@k = mean over i in L_u of n_i``, in training events, at least 0. Abdollahpouri, Burke, Mobasher,
    "Managing popularity bias in recommender systems with personalized re-ranking", FLAIRS 2019 (average
    recommendation popularity).
    """

    def __init__(
        self, cutoffs: Sequence[int], n_users: int, values: NDArray[np.float64], *, threads: int
    ) -> None:
        super().__init__(cutoffs, n_users)
        self._of_item, self._threads = values, threads

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        _native.list_means(ranked, self._cutoffs, self._of_item, self._values[start:end], self._threads)


class Diversity(_PerUser):
    """How little the items of a list have the same audience.

    ``diversity@k = 1 - mean over pairs i != j in L_u of |A_i ∩ A_j| / sqrt(|A_i| |A_j|)``, where A_i are the users
    with i in training: the cosine of the items' binary columns, 0 where a column is empty. From 0 (all items have
    the same audience) to 1 (no user has two of them). It depends on lists and training events only, so it compares
    models of any kind.

    Ziegler, McNee, Konstan, Lausen, "Improving recommendation lists through topic diversification", WWW 2005,
    section 3.3: the sum of similarities over the pairs, here the mean, of a similarity that needs no contents.

    Exact. Memory beside the values: at most 12 bytes a training event for the audiences and 64 MiB for counts of
    pairs.
    """

    def __init__(self, cutoffs: Sequence[int], n_users: int, training: Training, *, threads: int) -> None:
        super().__init__(cutoffs, n_users)
        history = training.history
        self._audiences = _native.Audiences(history.indptr, history.indices, history.columns)
        self._threads = threads

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        self._audiences.diversity(
            ranked, self._cutoffs, len(self._values), self._values[start:end], self._threads
        )


class Serendipity(_PerUser):
    """Share of the k places that hold a relevant item which the obvious list does not.

    ``serendipity@k = |{i in L_u: i is relevant, i is not in P_u}| / k``, where P_u are the k items with the most
    training events, ties by item row, without those in the user's history where seen items are removed: the list of
    a `Popularity` model. From 0 to precision@k. Users with an empty list have 0.

    Murakami, Mori, Orihara, "Metrics for evaluating the serendipity of recommendation lists", JSAI 2007; Ge,
    Delgado-Battenfeld, Jannach, "Beyond accuracy", RecSys 2010; Adamopoulos, Tuzhilin, ACM TIST 5(4), 2014:
    unexpected (not given by a primitive model) and useful. P_u is always taken from all items, even where few
    candidates are ranked.
    """

    def __init__(
        self,
        cutoffs: Sequence[int],
        targets: Targets,
        training: Training,
        *,
        exclude_seen: bool,
        threads: int,
    ) -> None:
        super().__init__(cutoffs, len(targets.rows))
        self._targets, self._history, self._threads = targets, training.seen, threads
        self._order = training.popularity_order()
        # Where seen items stay, nobody's history changes the obvious list.
        self._rows = targets.rows if exclude_seen else np.full(len(targets.rows), -1, np.int32)

    def add(self, start: int, end: int, ranked: NDArray[np.int32]) -> None:
        count = np.empty((end - start, len(self._cutoffs)), np.int32)
        _native.count_unexpected(
            ranked,
            self._targets.indptr[start : end + 1],
            self._targets.items,
            self._order,
            self._rows[start:end],
            self._history.indptr,
            self._history.indices,
            self._cutoffs,
            count,
            self._threads,
        )
        self._values[start:end] = count / np.array(self._cutoffs, np.float64)


def watch(
    metrics: Sequence[tuple[str, int]],
    n_items: int,
    targets: Targets,
    training: Training | None,
    *,
    exclude_seen: bool,
    threads: int,
) -> dict[str, ListWatcher]:
    """Make the watchers for pairs of a metric and a cut-off.

    Parameters
    ----------
    metrics
        Others than those of `LISTS` are passed over.
    n_items
        Items of the model.
    targets
        The scored users with their relevant items.
    training
        None where the model holds no histories.
    exclude_seen
        Whether items in a user's history stay out of the lists.
    threads
        At most this many; they change no bit of the result.

    Returns
    -------
    dict
        The watcher that knows each metric.

    Raises
    ------
    HistoryError
        A metric needs the training events, and `training` is None.
    """
    cutoffs = {
        name: sorted({k for metric, k in metrics if metric == name})
        for name in LISTS
        if name in dict(metrics)
    }
    watchers: dict[str, ListWatcher] = {}
    spread = [name for name in cutoffs if name not in FROM_TRAINING]
    if spread:
        recommended = Recommended(sorted({k for name in spread for k in cutoffs[name]}), n_items)
        watchers.update((name, recommended) for name in spread)
    n_users = len(targets.rows)
    for name in FROM_TRAINING:
        if name not in cutoffs:
            continue
        if training is None:
            raise needs_training(name)
        if name == "novelty":
            watchers[name] = Mean(cutoffs[name], n_users, training.self_information(), threads=threads)
        elif name == "popularity":
            watchers[name] = Mean(cutoffs[name], n_users, training.events.astype(np.float64), threads=threads)
        elif name == "diversity":
            watchers[name] = Diversity(cutoffs[name], n_users, training, threads=threads)
        else:
            watchers[name] = Serendipity(
                cutoffs[name], targets, training, exclude_seen=exclude_seen, threads=threads
            )
    return watchers


def needs_training(what: str) -> HistoryError:
    """The error for something that only the training events tell."""
    return HistoryError(
        f"{what} needs the users' histories to know how popular items were in training, and the model holds none; "
        "leave it out, or save the model with history=True"
    )
