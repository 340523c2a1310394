"""Search spaces: the default of each trainer, and the checks of a given one.

The defaults, and where they come from (``docs/guide/tuning.md`` has them as a table):

- ``ImplicitALS``: ``regularization`` and ``unobserved_weight`` over a factor of 10 to either side of the rules that
  choose them from the data. Of the optima that Rendle et al. (2022, arXiv 2110.14037) published for four data sets all
  are within a factor of 3.5 of the rules, and so were the best cells of the grids behind ``docs/guide/defaults.md``.
  ``alpha`` over a factor of 10 where the trainer has one. ``confidence`` where events carry values. ``factors`` 32 to
  256 by doubling.
- ``ALS``: ``regularization`` over a factor of 2.5, ``bias_regularization`` over a factor of 4 to either side of the
  rules (in the random searches behind ``docs/guide/defaults.md`` the best were within 1.6 and 2). ``factors`` 16 to
  128.
- ``ItemKNN``, ``UserKNN``: ``neighbours`` 20 to 1000 and ``shrinkage`` 0 to 1000 common events, to either side of the
  best in the sweeps behind ``docs/math/likeness.md`` and on the likes of MovieLens 1M (500 and 300); ``confidence`` of
  events and ``damping`` of ratings.
- ``Baseline``: ``regularization`` 0.5 to 50 ratings; Koren (2010) uses 10 for users and 25 for items.
- ``EASE``: ``regularization`` 10 to 20,000; the published optima of eight data sets lie between 50 and 3540, and
  validation on the likes of MovieLens 1M still rises at 5000. ``confidence`` where events carry values.
- ``BPR``, ``WARP``, ``LogisticMF``: ``learning_rate`` from a fifth to four times the rule that chooses it from the
  data, ``regularization`` beyond the best on six validation parts to either side (``docs/guide/defaults.md``; ``WARP``
  wants more, because it steps less often), and what each has for drawing unseen items. ``factors`` 32 to 256 by
  doubling.
- ``FunkSVD``, ``PMF``: ``learning_rate`` over a factor of 2 and ``regularization`` over a factor of 2.5 to either side
  of the rules (``docs/math/sgd.md``). ``factors`` 16 to 128.
- ``SVDPlusPlus``: ``learning_rate`` and the penalties that matter most over the ranges in which the best of random
  searches on training parts of three data sets lay (``docs/math/svdpp.md``). ``factors`` 16 to 128 by doubling.
- ``TimeSVDPlusPlus``: ``factors``, ``learning_rate`` and ``regularization`` around the defaults, and the rates of what
  changes with time over a factor of ten: ``docs/math/timesvd.md`` says what mattered.
- ``TruncatedSVD``: ``factors`` 8 to 512 by doubling, because the best rank is what tables differ in most
  (``docs/math/truncated-svd.md``); ``confidence`` where events carry values.
- ``NMF``: ``factors`` 8 to 128 by doubling, and ``l2``, a penalty for each cell of a row, over three orders around what
  moves a fit of such tables; ``observed_only`` about its default for ratings of 1 to 5.
- ``ItemEmbedding``: what of the counts is kept (``negatives``, ``smoothing``, ``pair_scaling``) around what Levy,
  Goldberg and Dagan (2015) found for words, and ``shrinkage`` to either side of its default.
- ``Popularity``: ``half_life`` from a week to two years, or none, where there are times.

Epochs are in no space: every trial is validated after each of its epochs, and keeps the best.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from tastespace.data.interactions import Interactions
from tastespace.errors import ParameterError
from tastespace.evaluation.selection import nearest
from tastespace.trainers.als import ALS
from tastespace.trainers.base import Trainer
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.bpr import BPR
from tastespace.trainers.ease import EASE
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.item_embedding import ItemEmbedding
from tastespace.trainers.knn import KNN
from tastespace.trainers.logistic_mf import LogisticMF
from tastespace.trainers.nmf import NMF
from tastespace.trainers.pairwise import PairwiseTrainer
from tastespace.trainers.popularity import Popularity
from tastespace.trainers.sgd import SgdTrainer
from tastespace.trainers.svdpp import SVDPlusPlus
from tastespace.trainers.timesvd import TimeSVDPlusPlus
from tastespace.trainers.truncated_svd import TruncatedSVD
from tastespace.trainers.warp import WARP
from tastespace.tuning.dimensions import Choices, Dimension, Relative, dimension

Space = dict[str, Dimension]

#: Settings that are no matter of search, and why.
FIXED = {
    "seed": "pass seeds= to average over several",
    "threads": "the model does not depend on it",
    "progress": "the model does not depend on it",
    "stopping": "tune validates every epoch itself; set patience with trainer.replace(stopping=...)",
}


def default_space(trainer: Trainer, train: Interactions) -> dict[str, Any]:
    """The search space of a trainer for these data.

    Raises
    ------
    ParameterError
        If the trainer has none, or nothing that could be searched for here.
    """
    if isinstance(trainer, ImplicitALS):
        weight = "unobserved_weight" if trainer.alpha is None else "alpha"
        space: dict[str, Any] = {
            "factors": [32, 64, 128, 256],
            weight: Relative(0.1, 10.0),
            "regularization": Relative(0.1, 10.0),
        }
        if train.by_user.values is not None:
            space["confidence"] = ["linear", "log", "bm25", "tfidf"]
        return space
    if isinstance(trainer, ALS):
        space = {"factors": [16, 32, 64, 128], "regularization": Relative(0.4, 2.5)}
        return space | ({"bias_regularization": Relative(0.25, 4.0)} if trainer.biases else {})
    if isinstance(trainer, SgdTrainer):
        return {
            "factors": [16, 32, 64, 128],
            "learning_rate": Relative(0.5, 2.0),
            "regularization": Relative(0.4, 2.5),
        }
    if isinstance(trainer, PairwiseTrainer):
        space = {
            "factors": [32, 64, 128, 256],
            "learning_rate": Relative(0.2, 4.0),
            "regularization": (0.003, 0.2, "log") if isinstance(trainer, WARP) else (0.001, 0.1, "log"),
        }
        if isinstance(trainer, BPR):
            space |= {"negatives": ["uniform", "hard"], "candidates": [2, 4, 8, 16, 32]}
        if isinstance(trainer, WARP):
            space |= {"trials": [10, 30, 100]}
        if isinstance(trainer, LogisticMF):
            space |= {"per_positive": [2, 4, 8]}
        return space
    if isinstance(trainer, SVDPlusPlus):
        return {
            "factors": [16, 32, 64, 128],
            "learning_rate": (0.003, 0.03, "log"),
            "regularization": (0.02, 0.2, "log"),
            "item_regularization": Relative(0.3, 3.0),
            "implicit_regularization": Relative(0.2, 5.0),
        }
    if isinstance(trainer, TimeSVDPlusPlus):
        return {
            "factors": [8, 16, 32, 64],
            "learning_rate": (0.01, 0.06, "log"),
            "regularization": (0.03, 0.15, "log"),
            "bias_regularization": (0.01, 0.15, "log"),
            "implicit_regularization": (0.002, 0.03, "log"),
            "item_time_learning_rate": (0.0005, 0.005, "log"),
            "user_time_learning_rate": (0.001, 0.01, "log"),
            "drift_learning_rate": (0.002, 0.02, "log"),
        }
    if isinstance(trainer, KNN):
        space = {
            "neighbours": [20, 50, 100, 200, 500, 1000],
            "shrinkage": [0.0, 10.0, 30.0, 100.0, 300.0, 1000.0],
        }
        if train.explicit:
            return space | {"damping": [0.0, 0.5, 1.0]}
        return space | {"confidence": ["linear", "log", "bm25", "tfidf"]}
    if isinstance(trainer, Baseline):
        return {"regularization": (0.5, 50.0, "log")}
    if isinstance(trainer, EASE):
        space = {"regularization": (10.0, 20_000.0, "log")}
        if train.by_user.values is not None:
            space["confidence"] = ["linear", "log", "bm25", "tfidf"]
        return space
    if isinstance(trainer, TruncatedSVD):
        space = {"factors": [8, 16, 32, 64, 128, 256, 512]}
        if train.by_user.values is not None and not train.explicit:
            space["confidence"] = ["linear", "log", "bm25", "tfidf"]
        return space
    if isinstance(trainer, ItemEmbedding):
        return {
            "factors": [32, 64, 128, 256],
            "negatives": [1.0, 2.0, 5.0],
            "smoothing": [0.5, 0.75, 1.0],
            "pair_scaling": [0.0, 0.5, 1.0],
            "shrinkage": [3.0, 10.0, 30.0, 100.0, 300.0],
        }
    if isinstance(trainer, NMF):
        penalty = (0.01, 0.3, "log") if trainer.observed_only else (0.0001, 0.1, "log")
        return {"factors": [8, 16, 32, 64, 128], "l2": penalty}
    if isinstance(trainer, Popularity):
        if not train.has_times:
            raise ParameterError(
                "Popularity has nothing to tune where events have no times: half_life needs them"
            )
        return {"half_life": [None, "7d", "30d", "90d", "180d", "365d", "730d"]}
    raise ParameterError(
        f"{type(trainer).__name__} has no default search space; pass one, like {{'factors': [32, 64]}}"
    )


def read_space(trainer: Trainer, given: Mapping[str, Any], train: Interactions) -> Space:
    """Check a search space as far as that is possible before the search.

    Raises
    ------
    ParameterError
        If a name is no parameter (suggests the nearest) or none to search for, an entry cannot be understood, or the
        trainer refuses a value that may be drawn.
    """
    if not isinstance(given, Mapping) or not given:
        raise ParameterError(
            f"space must map parameters to what they may be, like {{'factors': [32, 64]}}; got {given!r}. None takes "
            "the default space"
        )
    name = type(trainer).__name__
    known, hints = trainer.params(), get_type_hints(type(trainer))
    space: Space = {}
    for key, entry in given.items():
        if key not in known:
            hint = nearest(str(key), list(known))
            raise ParameterError(
                f"{name} has no parameter {key!r}{hint or ';'} it has {', '.join(sorted(known))}"
            )
        if key in FIXED:
            raise ParameterError(f"{key} of {name} cannot be searched for: {FIXED[key]}")
        if key == "epochs" and iterates(trainer):
            raise ParameterError(
                f"epochs of {name} cannot be searched for: every trial is validated after each epoch and keeps "
                "the best; set the most with trainer.replace(epochs=...)"
            )
        kinds = getattr(hints[key], "__args__", (hints[key],))
        space[key] = dimension(key, entry, fractional=float in kinds and int not in kinds)
    _check_values(trainer, space, train)
    return space


def iterates(trainer: Trainer) -> bool:
    """Whether the trainer tells callbacks about its epochs."""
    told = "callbacks" in inspect.signature(trainer.fit).parameters  # type: ignore[attr-defined]
    return (
        told and "epochs" in trainer.params()
    )  # what TruncatedSVD tells is of ranks, which are searched for


def _check_values(trainer: Trainer, space: Space, train: Interactions) -> None:
    """Make a trainer of every value that ends a range or is a choice."""
    firsts = {name: entry.samples()[0] for name, entry in space.items() if not isinstance(entry, Relative)}
    try:
        base = trainer.replace(**firsts)
        for name, entry in space.items():
            for value in () if isinstance(entry, Relative) else entry.samples():
                base.replace(**{name: value})
    except ParameterError as error:
        raise ParameterError(f"the search space goes where the trainer cannot: {error}") from None
    for name, entry in space.items():
        if isinstance(entry, Relative):
            default = getattr(base.settled(train), name)
            if isinstance(default, bool) or not isinstance(default, int | float) or default <= 0:
                raise ParameterError(
                    f"{name} in the search space: Relative needs a default above 0 to be a multiple of, and here it is "
                    f"{default!r}; pass a range"
                )


def build(trainer: Trainer, space: Space, drawn: Mapping[str, Any], train: Interactions) -> Trainer:
    """The trainer with what was drawn from its space; multiples become values for these training events."""
    relative = [name for name in trainer.params() if isinstance(space.get(name), Relative)]
    built = trainer.replace(**{name: value for name, value in drawn.items() if name not in relative})
    # The penalty last: its default depends on the weights, and where it is given that of the biases follows it.
    relative.sort(key=lambda name: name == "regularization")
    given = {name: getattr(built, name) for name in relative}
    for place, name in enumerate(relative):
        settled = built.settled(train)
        later = {other: given[other] for other in relative[place + 1 :]}
        built = settled.replace(**{name: getattr(settled, name) * drawn[name]}, **later)
    return built


def place_of(trainer: Trainer, space: Space, train: Interactions) -> dict[str, Any] | None:
    """Where in its space the trainer itself stands; None if it is outside."""
    settled = trainer.settled(train)
    drawn: dict[str, Any] = {}
    for name, entry in space.items():
        values = [1.0] if isinstance(entry, Relative) else [getattr(trainer, name), getattr(settled, name)]
        inside = [value for value in values if entry.holds(value)]
        if not inside:
            return None
        drawn[name] = inside[0]
    return drawn


def combinations(space: Space) -> int | None:
    """How many points the space has; None where a range has no number."""
    count = 1
    for entry in space.values():
        if not isinstance(entry, Choices):
            return None
        count *= len(entry.values)
    return count
