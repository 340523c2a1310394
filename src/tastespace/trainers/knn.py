"""What item and user neighbourhoods share: settings, what is compared, the model."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.threads import resolve_threads
from tastespace.errors import ParameterError
from tastespace.models.confidence import KINDS, Confidence, Kind
from tastespace.models.info import ModelInfo, summarize
from tastespace.models.likeness import Likeness
from tastespace.models.neighbours import NeighbourModel
from tastespace.models.profiles import SIMILARITIES, Deviations, Profile
from tastespace.models.reading import check_weights
from tastespace.trainers.base import Trainer, check_events, plain
from tastespace.trainers.baseline import Baseline
from tastespace.version import __version__

Similarity = Literal["pearson_baseline", "pearson", "adjusted_cosine", "cosine"]

#: Neighbours of ratings where none are given.
OF_RATINGS = 200


@dataclass(frozen=True, kw_only=True)
class KNN(Trainer):
    """The settings of :class:`ItemKNN` and :class:`UserKNN`, which say what they mean."""

    neighbours: int | None = None
    similarity: Similarity | None = None
    confidence: Kind | None = None
    shrinkage: float | None = None
    overlap: int = 1
    threshold: float = 0.0
    regularization: float = 5.0
    damping: float | None = None
    threads: int | None = None

    between: ClassVar[Literal["items", "users"]]
    of_ratings: ClassVar[tuple[float, float]]  # shrinkage and damping where none are given
    of_events: ClassVar[tuple[int, float]]  # neighbours and shrinkage where none are given

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises
        ------
        ParameterError
            Naming the setting, what it must be, and what it is.
        """
        if self.neighbours is not None:
            self._check_count("neighbours", 1)
        self._check_count("overlap", 1)
        if self.similarity is not None:
            self._check_choice("similarity", SIMILARITIES)
        if self.confidence is not None:
            self._check_choice("confidence", KINDS)
        for name in ("shrinkage", "damping", "threshold", "regularization"):
            if getattr(self, name) is not None:
                self._check_number(name, least=0)
        resolve_threads(self.threads)

    def settled(self, train: Interactions) -> Self:
        """This trainer with what it would choose for these events.

        Raises
        ------
        ParameterError
            If a setting is for ratings and these are events, or the other way round.
        """
        check_events(type(self).__name__, "train", train)
        name = type(self).__name__
        if train.explicit:
            if self.confidence is not None:
                raise ParameterError(
                    f"confidence of {name} weighs events, and these are ratings; leave it out, or use as_implicit()"
                )
            return self.replace(
                neighbours=self.neighbours or OF_RATINGS,
                similarity=self.similarity or "pearson_baseline",
                shrinkage=self.of_ratings[0] if self.shrinkage is None else self.shrinkage,
                damping=self.of_ratings[1] if self.damping is None else self.damping,
            )
        if self.similarity not in (None, "cosine"):
            raise ParameterError(
                f"similarity {self.similarity!r} of {name} compares ratings, and these events have none; use 'cosine'"
            )
        return self.replace(
            neighbours=self.neighbours or self.of_events[0],
            similarity="cosine",
            confidence=self.confidence or "bm25",
            shrinkage=self.of_events[1] if self.shrinkage is None else self.shrinkage,
        )

    def fit(self, train: Interactions, valid: Interactions | None = None) -> NeighbourModel:
        """Finds the neighbours; ``valid`` is not used.

        Raises
        ------
        EmptyError
            Without events.
        InputError
            If a weight of an event is not > 0.
        ParameterError
            If a setting is for ratings and these are events, or the other way round.
        """
        settled = self.settled(train)
        threads = resolve_threads(self.threads)
        assert settled.shrinkage is not None  # settled
        assert settled.neighbours is not None
        likeness = Likeness(settled.neighbours, float(settled.shrinkage), self.overlap, float(self.threshold))
        mean, item_bias = 0.0, np.zeros(train.n_items, np.float32)
        profile: Profile
        if train.explicit:
            assert settled.damping is not None  # settled
            baseline = Baseline(regularization=self.regularization).fit(train)
            mean, item_bias = baseline.mean, baseline.item_bias
            profile = Deviations(
                between=self.between,
                similarity=str(settled.similarity),
                likeness=likeness,
                centre=mean,
                item_bias=item_bias,
                regularization=float(self.regularization),
                damping=float(settled.damping),
            )
            weights = self._weights(likeness, profile.rows(train.by_user, train.by_user), threads)
        else:
            check_weights(train)
            assert settled.confidence is not None  # settled
            confidence = Confidence.learn(settled.confidence, train.by_user, train.by_item)
            profile, weights = self._weighted(confidence, likeness, train, threads)
        return NeighbourModel(
            users=train.users,
            items=train.items,
            weights=weights,
            item_bias=item_bias,
            mean=mean,
            history=train.by_user,
            explicit=train.explicit,
            scale=train.scale if train.explicit else None,
            solver=profile,
            info=ModelInfo(
                type(self).__name__, plain(settled.params()), summarize(train), version=__version__
            ),
        )

    @abstractmethod
    def _weighted(
        self, confidence: Confidence, likeness: Likeness, train: Interactions, threads: int
    ) -> tuple[Profile, Csr]:
        """The profile of weighted events, and the weights of the model."""

    @abstractmethod
    def _weights(self, likeness: Likeness, rows: Csr, threads: int) -> Csr:
        """The weights of the model, from what is compared of every user."""
