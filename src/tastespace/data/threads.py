"""How many threads a call may use."""

import operator
import os

from tastespace.errors import ParameterError


def resolve_threads(threads: int | None) -> int:
    """Return the number of threads to use: `threads`, or every core this process may run on.

    Parameters
    ----------
    threads
        At least 1; None means one thread per available core. Results never depend on it.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ParameterError
        `threads` is not a whole number of at least 1.
    """
    if threads is None:
        # The cores this process is pinned to, where the platform tells; a container may own fewer than exist.
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    try:
        count = operator.index(threads)
    except TypeError:
        count = 0
    if count < 1 or isinstance(threads, bool):
        raise ParameterError(
            f"threads must be a whole number of at least 1, or None for every available core; got {threads!r}"
        )
    return count
