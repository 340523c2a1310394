"""What the library says to its callers, in the words of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tastespace.errors import TastespaceError

#: What the library advises, and what stands for it where events come as ``X`` and ``y``.
ADVICE = {
    "drop such events, or pass the column as rating=": "drop such rows, or take ALS or Baseline, which learn ratings",
    "check the weight column": "check y",
    "leave it out, or use as_implicit()": "leave it out, or take ItemKNN or UserKNN, which learn events",
    "compares ratings, and these events have none; use 'cosine'": "compares ratings, and here events are learned; use "
    "'cosine', or take ItemKNNRegressor or UserKNNRegressor",
    "needs timestamps; name the column with read(..., timestamp=...)": "must be None here: X holds no times",
    "needs a validation set; pass fit(train, valid=...)": "must be None here: fit(X, y) has no validation set; choose "
    "epochs by GridSearchCV",
}


@contextmanager
def in_its_words() -> Iterator[None]:
    """Errors of the library are raised on with advice that can be followed here."""
    try:
        yield
    except TastespaceError as error:
        text = said = str(error)
        for theirs, ours in ADVICE.items():
            said = said.replace(theirs, ours)
        if said == text:
            raise
        raise type(error)(said) from None
