"""What evaluation, the command line and plots may rely on in any model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Protocol, overload, runtime_checkable

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.data.vocabulary import Vocabulary
from tastespace.models.info import ModelInfo
from tastespace.models.table import Recommendations

Id = str | int

#: What ``isinstance`` takes for one id, not several.
ID = (str, int, np.integer)
Rows = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]


@runtime_checkable
class Recommender(Protocol):
    """A fitted, frozen model.

    ``history`` is the (users, items) table that was learned from, or None when it was left out of the file;
    ``scale`` the lowest and highest rating, or None when the scores are not ratings. A model whose lists are not in the
    order of ``score_pairs``, because what an item is worth depends on the others in the list, says so by an attribute
    ``listwise = True``. A model whose scores depend on the moment says so by an attribute ``timed = True``: then
    ``score_pairs`` takes ``at`` as well, int64 Unix seconds (pairs,), and ratings are evaluated at the times of the
    test events. Without ``at``, and in lists, the moment is the model's own choice.
    """

    @property
    def users(self) -> Vocabulary: ...
    @property
    def items(self) -> Vocabulary: ...
    @property
    def history(self) -> Csr | None: ...
    @property
    def scale(self) -> tuple[float, float] | None: ...
    @property
    def info(self) -> ModelInfo: ...

    def rank(
        self, user_rows: Rows, n: int, *, exclude_seen: bool = True, threads: int | None = None
    ) -> tuple[Rows, Scores]:
        """The best n items of each user: (users, n) item rows padded with -1, and scores padded with -inf.

        Best first; equal scores by item row.
        """

    def score_pairs(self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None) -> Scores:
        """Raw scores of pairs, (pairs,)."""

    @overload
    def predict(self, users: Id, items: Id) -> float: ...  # type: ignore[overload-overlap]  # text is an id
    @overload
    def predict(self, users: Sequence[Id], items: Sequence[Id]) -> Scores: ...

    def recommend(
        self,
        users: Id | Iterable[Id],
        n: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
    ) -> Recommendations:
        """The best items of one or several users."""

    def recommend_all(
        self, n: int = 10, *, batch: int = 4096, exclude_seen: bool = True
    ) -> Iterator[Recommendations]:
        """Recommendations for every user, ``batch`` users at a time."""

    def save(self, path: str | PathLike[str], *, history: bool = True) -> None:
        """Writes the model to one file."""
