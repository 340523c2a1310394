"""A fixed number of events of each user: the last ones, or one by chance."""

import numpy as np
from numpy.typing import NDArray

from tastespace.data.interactions import Interactions
from tastespace.data.split.checks import generator, is_whole, times_of
from tastespace.data.split.order import places_within_users, timed_within_users
from tastespace.data.split.parts import Split, parted
from tastespace.data.split.recipe import remembered
from tastespace.errors import EmptyError, ParameterError


@remembered
def last_out(ratings: Interactions, n: int = 1, seed: int = 0) -> Split:
    """Hold out the last `n` events of each user.

    Users with `n` events or fewer stay wholly in training. Where a user's cut falls between events of one second,
    time does not say which of them are the last, so those held out are drawn by chance; the split says for how many
    users.

    When to use: for asking what each user does next, with every user counting the same. A user's own future stays
    hidden; that of the others does not, because one user's last event may lie years before another's first:
    :func:`by_time` hides both.

    Parameters
    ----------
    ratings
        Events with times.
    n
        How many events of each user, at least 1.
    seed
        Whole number >= 0, for cuts between events of one second; the same seed gives the same split.

    Raises
    ------
    InputError
        If the events have no times.
    ParameterError
        If ``n`` is not a whole number of at least 1, or ``seed`` is out of range.
    EmptyError
        If no user has more than ``n`` events.
    """
    if not is_whole(n) or n < 1:
        raise ParameterError(f"n must be a whole number of at least 1; got {n!r}")
    rng = generator(seed)
    times = times_of(ratings, "last_out")
    counts = _counts(ratings, n)
    order = timed_within_users(ratings, times)
    left = np.repeat(counts, counts) - places_within_users(
        ratings
    )  # of a user's events from here on, down to 1
    cut = (left <= n) & np.repeat(counts > n, counts)
    held = np.zeros(ratings.n_events, dtype=bool)
    held[order] = cut
    tied = _redraw(held, ratings.user_rows(), times, order[cut & (left == n)], rng)
    how = f"last {n} of each user" + _too_few(int(np.count_nonzero(counts <= n)))
    if tied:
        how += f", users cut between events of one second, by chance with seed {seed}, {tied:,}"
    return parted(ratings, held, how)


def _redraw(
    held: NDArray[np.bool_],
    users: NDArray[np.int32],
    times: NDArray[np.int64],
    firsts: NDArray[np.intp],
    rng: np.random.Generator,
) -> int:
    """Draw anew which events of a second are held out, where the cut of a user falls between them.

    Parameters
    ----------
    held
        Which events are held out (events,); those of such seconds are set anew.
    users, times
        Of all events.
    firsts
        The first held-out event of each user who has any, user by user.
    rng
        Draws.

    Returns
    -------
    How many users have their cut inside a second.
    """
    groups = len(firsts)
    cutting = np.full(int(users[-1]) + 1, -1)
    cutting[users[firsts]] = np.arange(groups)
    mine = cutting[users]
    among = np.flatnonzero(
        (mine >= 0) & (times == times[firsts][mine])
    )  # in the cutting second of their user
    wanted = np.bincount(mine[among][held[among]], minlength=groups)
    split = wanted < np.bincount(mine[among], minlength=groups)
    among = among[split[mine[among]]]
    among = among[rng.permutation(len(among))]
    among = among[np.argsort(mine[among], kind="stable")]
    sizes = np.bincount(mine[among], minlength=groups)
    places = np.arange(len(among)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held[among] = places < np.repeat(wanted, sizes)
    return int(np.count_nonzero(split))


@remembered
def leave_one_out(ratings: Interactions, seed: int = 0) -> Split:
    """Hold out one random event of each user.

    Users with a single event stay wholly in training.

    When to use: for comparing with papers that test on one event of each user where there are no times; with times,
    :func:`last_out` asks the same question without showing a user's own future. One event a user makes noisy numbers:
    look at intervals before you order models by them.

    Parameters
    ----------
    ratings
        Events, explicit or implicit.
    seed
        Whole number >= 0; the same seed gives the same split.

    Raises
    ------
    ParameterError
        If ``seed`` is out of range.
    EmptyError
        If no user has more than one event.
    """
    rng = generator(seed)
    counts = _counts(ratings, 1)
    several = counts > 1
    held = np.zeros(ratings.n_events, dtype=bool)
    held[(ratings.by_user.indptr[:-1] + rng.integers(0, counts))[several]] = True
    whole = int(np.count_nonzero(~several))
    return parted(ratings, held, f"one random event of each user, seed {seed}" + _too_few(whole))


def _counts(ratings: Interactions, n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Events of each user, of whom one has more than `n`."""
    counts = ratings.by_user.counts()
    if counts.max() <= n:
        raise EmptyError(
            f"no user has more than {n} event{'' if n == 1 else 's'}, so none can be held out; "
            f"the most is {counts.max():,}"
        )
    return counts


def _too_few(users: int) -> str:
    return f", users with too few, wholly in train {users:,}" if users else ""
