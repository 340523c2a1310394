"""A model with another order of its lists."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError, UnsupportedError
from tastespace.models.adjust import Adjustment
from tastespace.models.explanation import Explanation
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo
from tastespace.models.listing import Listing
from tastespace.models.nearest import Neighbourhood, at_least_one
from tastespace.models.packing import Arrays, nested
from tastespace.models.padding import Floats, blank, frozen, pad
from tastespace.models.protocol import Id, Rows, Scores
from tastespace.models.reranking import Reranking

#: What the file of such a model says that it holds.
KIND = "reranked"


@dataclass(frozen=True, eq=False, repr=False)
class Reranked(Listing):
    r"""A frozen model whose lists are those of another model in another order; made by ``model.reranked``.

    Of the exact best ``candidates`` items of a user, after filters, boosts and seen items, let :math:`r_{ui}` be the
    score of the model, shifted and scaled so that it runs from 0 to 1 over these candidates, and :math:`\pi_{ui}` the
    same of :math:`\log(1 + n_i)`, where :math:`n_i` users have the item. With the items S already chosen and the cosine
    of item factors, the next place goes to the candidate with the greatest

    .. math:: (1 - d) (r_{ui} - \beta \pi_{ui}) - d \max_{j \in S} \max(0, \cos(q_i, q_j)),

    equal ones by item row; :math:`\beta` is ``popularity_penalty``, d ``diversity``. That number is the score in the
    list. Items after the candidates keep their order, with scores below. Nothing depends on the scale of the model's
    scores. Predictions and ``score_pairs`` are those of the model.

    Attributes
    ----------
    model
        Whose lists these are; what else it can, such as ``fold_in``, is asked of it.
    reranking
        The settings.
    popularity
        :math:`\log(1 + n_i)` of each item, float32 (items,); None without a penalty.
    space
        The vectors by which items are alike, float32 (items, factors); None: the factors of the model.

    References
    ----------
    J. Carbonell, J. Goldstein, The use of MMR, diversity-based reranking for reordering documents and producing
    summaries, SIGIR 1998. H. Abdollahpouri, R. Burke, B. Mobasher, Managing popularity bias in recommender systems
    with personalized re-ranking, FLAIRS 2019.
    """

    model: Listing
    reranking: Reranking
    popularity: Floats | None = None
    space: Floats | None = None
    users: Vocabulary = field(init=False)
    items: Vocabulary = field(init=False)
    history: Csr | None = field(init=False)
    scale: tuple[float, float] | None = field(init=False)
    info: ModelInfo = field(init=False)
    _likeness: tuple[Floats, Floats] | None = field(init=False)

    #: The scores of lists are not those of pairs.
    listwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Takes what is needed from the model.

        Raises
        ------
        InputError
            If ``popularity`` or ``space`` do not fit the items.
        """
        put = object.__setattr__
        for name in ("users", "items", "history", "scale"):
            put(self, name, getattr(self.model, name))
        info = self.model.info
        put(
            self,
            "info",
            replace(info, trainer=f"{info.trainer}, re-ranked", params=info.params | asdict(self.reranking)),
        )
        likeness = None
        for name in ("popularity", "space"):
            array = getattr(self, name)
            if array is not None and (len(array) != len(self.items) or array.dtype != np.float32):
                raise InputError(
                    f"{name} must be float32, one row for each item; got {array.dtype} {array.shape}"
                )
        if self.popularity is not None:
            put(self, "popularity", frozen(self.popularity))
        if self.reranking.diversity and self.space is None:
            likeness = self.model._item_vectors()
        elif self.space is not None:
            padded = pad(self.space)
            put(self, "space", padded[:, : self.space.shape[1]])
            likeness = Neighbourhood(padded, self.space.shape[1]).vectors
        put(self, "_likeness", likeness)

    @classmethod
    def of(cls, model: Listing, reranking: Reranking, space: FactorModel | None) -> Reranked:
        """The model re-ranked; see ``model.reranked``.

        Raises
        ------
        UnsupportedError
            If it is re-ranked already, or nothing tells which items are alike.
        HistoryError
            If popularity counts and the model holds no history.
        InputError
            If ``space`` is no factor model.
        """
        if isinstance(model, cls):
            raise _twice()
        if space is not None and not isinstance(space, FactorModel):
            raise InputError(f"space of reranked must be a factor model; got {type(space).__name__}")
        popularity = model._popularity if reranking.popularity_penalty else None
        vectors = None
        if space is not None and reranking.diversity:
            factors, _ = space._item_vectors()
            rows = space.items.find(model.items)
            filled = blank(len(model.items), space.factors)
            filled[rows >= 0] = factors[rows[rows >= 0]]
            vectors = filled[:, : space.factors]
        return cls(model, reranking, popularity, vectors)

    def __repr__(self) -> str:
        how = [f"{name} {value:g}" for name, value in asdict(self.reranking).items() if value]
        return f"{self.model!r}, re-ranked: {', '.join(how)}"

    def _rank(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        threads: int | None = None,
    ) -> tuple[Rows, Scores]:
        n = min(at_least_one("n", n), len(self.items))
        if not self.reranking.moves:
            return self.model._rank(user_rows, n, exclude_seen, adjust, threads)
        places = max(n, self.reranking.candidates)
        found, scores = self.model._rank(user_rows, places, exclude_seen, adjust, threads)
        return self.reranking.order(
            found,
            scores,
            n,
            len(self.items),
            self.popularity,
            self._likeness,
            1 if len(found) == 1 else resolve_threads(threads),
        )

    def _reordered(
        self,
        user_rows: Rows,
        n: int,
        exclude_seen: bool,
        adjust: Adjustment | None,
        reranking: Reranking,
    ) -> tuple[Rows, Scores]:
        if reranking.moves:
            raise _twice()
        return self._rank(user_rows, n, exclude_seen, adjust)

    def _scores(self, user_rows: Rows, threads: int) -> Scores:
        return self.model._scores(user_rows, threads)

    @property
    def timed(self) -> bool:
        """Whether the scores of the model depend on the moment."""
        return bool(getattr(self.model, "timed", False))

    def score_pairs(
        self, user_rows: Rows, item_rows: Rows, *, threads: int | None = None, **moments: Any
    ) -> Scores:
        """Raw scores of the model, float32 (pairs,); those in lists are others. ``at`` is for models that take it."""
        return self.model.score_pairs(user_rows, item_rows, threads=threads, **moments)

    def explain(self, user: Id, item: Id) -> Explanation:
        """The explanation of the model: of its own score, which the order of the list begins from.

        Raises
        ------
        UnsupportedError
            If the model cannot explain.
        """
        explain = getattr(self.model, "explain", None)
        if explain is None:
            raise UnsupportedError(f"{self.model.info.trainer} cannot explain")
        why: Explanation = explain(user, item)
        return why

    def fold_in_many(self, events: Interactions, *, threads: int | None = None) -> Reranked:
        """The model of newcomers, as its own ``fold_in_many`` makes it, re-ranked by the same popularity.

        Raises
        ------
        UnsupportedError
            If the model cannot place newcomers.
        """
        place = getattr(self.model, "fold_in_many", None)
        if place is None:
            raise UnsupportedError(f"{self.model.info.trainer} cannot place newcomers")
        return replace(self, model=place(events, threads=threads))

    def _packed(self, history: bool) -> tuple[Arrays, dict[str, Any]]:
        arrays, metadata = self.model._packed(history)
        own: Arrays = {
            name: np.ascontiguousarray(array)
            for name, array in (("popularity", self.popularity), ("space", self.space))
            if array is not None
        }
        return own | nested("model", arrays), {
            "kind": KIND,
            "model": metadata,
            "reranking": asdict(self.reranking),
        }


def _twice() -> UnsupportedError:
    return UnsupportedError("this model is re-ranked already; ask or re-rank the one in it, model.model")
