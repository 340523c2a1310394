"""Every metric against independent implementations, on a thousand small cases that `tests/oracles` keeps.

The cases hold equal scores, users without relevant items, with all items relevant, with nothing left to recommend,
test items that are seen or unknown, cut-offs above the catalogue, and catalogues of one item. Where a library defines a
metric otherwise, its `Answer` says so and turns the value into ours, or gives None where there is nothing to compare.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tastespace.data.csr import Csr
from tastespace.data.vocabulary import Vocabulary
from tastespace.evaluation import evaluate
from tastespace.models.factor_model import FactorModel
from tests.evaluation.worlds import interactions

ORACLES = Path(__file__).parents[1] / "oracles"

AT_K = [
    *("precision", "recall", "recall_capped", "ndcg", "ndcg_graded", "map", "mrr", "hit_rate"),
    *("coverage", "gini", "entropy", "novelty", "diversity", "serendipity", "popularity"),
]
WITHOUT_K = [
    *("auc", "rmse", "mae", "rmse_by_user", "mae_by_user", "rmse_by_item", "mae_by_item", "calibration"),
]


@dataclass(frozen=True)
class User:
    """What a conversion may need to know of one user at one cut-off."""

    k: int
    items: list[int]  #: that can be recommended
    scores: list[float]  #: of these
    relevant: dict[int, float]  #: ratings

    @property
    def found(self) -> int:
        """Relevant items that can be recommended."""
        return len(self.relevant.keys() & set(self.items))

    @property
    def ties(self) -> bool:
        return len(set(self.scores)) < len(self.scores)

    def ideal(self, places: int) -> float:
        return sum(1 / np.log2(place + 2) for place in range(places))


def same(value: float, user: User) -> float | None:
    """The definitions are the same."""
    return value


def over_relevant(value: float, user: User) -> float:
    """Average precision is divided by |R|; ours by min(k, |R|), so that a perfect list has 1 at every cut-off."""
    return value * len(user.relevant) / min(user.k, len(user.relevant))


def over_list(value: float, user: User) -> float:
    """Precision is divided by the length of the list; ours by k."""
    return value * min(user.k, len(user.items)) / user.k


def over_shorter(value: float, user: User) -> float:
    """Average precision is divided by the length of the list where that is below |R|; ours never heeds it."""
    length = min(user.k, len(user.items))
    return value * min(length, len(user.relevant)) / min(user.k, len(user.relevant))


def over_k(value: float, user: User) -> float:
    """The ideal list has k hits however few items are relevant; ours has min(k, |R|)."""
    return value * user.ideal(user.k) / user.ideal(min(user.k, len(user.relevant)))


def of_candidates(value: float, user: User) -> float | None:
    """The library is told scores and sees no relevant item without one; in ours such items are in the ideal list."""
    return value if user.found == len(user.relevant) else None


def found_share(value: float, user: User) -> float:
    """As above. In ours relevant items that cannot be recommended count 0, so it is the share of the others."""
    return value * user.found / len(user.relevant)


def whole_list(value: float, user: User) -> float | None:
    """The library has no cut-off, so k must not cut, and divides by the relevant items that it sees."""
    return found_share(value, user) if user.k >= max(len(user.items), len(user.relevant)) else None


def no_ties(value: float, user: User) -> float | None:
    """The library ranks by itself and breaks ties by noise, ours by item row."""
    return None if user.ties else value


def no_ties_over_relevant(value: float, user: User) -> float | None:
    """Both of the above: ties broken by noise, and divided by |R|."""
    return None if user.ties else over_relevant(value, user)


def equal_ratings(value: float, user: User) -> float | None:
    """The gain is 2^r - 1, ours is r: the same to a factor, which the ideal list cancels, if all r are equal."""
    return value if len(set(user.relevant.values())) == 1 else None


def pairs(value: float, user: User) -> float | None:
    """A list of one item has no pairs; the library gives it 0, ours leaves the user out."""
    return value if min(user.k, len(user.items)) > 1 else None


@dataclass(frozen=True)
class Answer:
    """A column of a library's table, our name of the metric, how one becomes the other, and how many can at least."""

    library: str
    column: str
    metric: str
    least: int
    convert: Callable[[float, User], float | None] = same

    def __str__(self) -> str:
        return f"{self.library}-{self.column}"


ANSWERS = [
    *(Answer("ranx", name, name, 3_500) for name in ("precision", "recall", "mrr", "hit_rate", "ndcg")),
    Answer("ranx", "map", "map", 3_500, over_relevant),
    Answer("ranx", "ndcg_graded", "ndcg_graded", 1_500),
    Answer("ranx", "ndcg_graded_burges", "ndcg_graded", 500, equal_ratings),
    *(
        Answer("pytrec_eval", name, name, 3_500)
        for name in ("precision", "recall", "mrr", "hit_rate", "ndcg")
    ),
    Answer("pytrec_eval", "map", "map", 3_500, over_relevant),
    Answer("pytrec_eval", "ndcg_graded", "ndcg_graded", 1_500),
    # recometrics gives no value (NaN) where k items or fewer are left, where all are relevant or all scores equal.
    *(
        Answer("recometrics", name, name, 400, no_ties)
        for name in ("precision", "recall", "recall_capped", "map", "mrr", "hit_rate", "ndcg")
    ),
    Answer("recometrics", "map_over_relevant", "map", 400, no_ties_over_relevant),
    Answer("recometrics", "ndcg_graded", "ndcg_graded", 200, no_ties),
    Answer("recometrics", "auc", "auc", 300, no_ties),
    Answer("sklearn", "ndcg", "ndcg", 2_500, of_candidates),
    Answer("sklearn", "ndcg_graded", "ndcg_graded", 1_200, of_candidates),
    Answer("sklearn", "average_precision", "map", 1_000, whole_list),
    Answer("sklearn", "auc", "auc", 1_000, found_share),
    Answer("sklearn", "rmse", "rmse", 2_500),
    Answer("sklearn", "mae", "mae", 2_500),
    *(Answer("rectools", name, name, 3_500) for name in ("precision", "recall", "mrr", "hit_rate", "ndcg")),
    Answer("rectools", "map", "map", 3_500, over_relevant),
    Answer("rectools", "ndcg_over_k", "ndcg", 3_500, over_k),
    Answer("rectools", "coverage", "coverage", 1_900),
    Answer("rectools", "popularity", "popularity", 3_500),
    # Novelty: RecTools counts items that nobody has seen as seen by one user; such lists are not in its table.
    Answer("rectools", "novelty", "novelty", 2_000),
    Answer("rectools", "diversity", "diversity", 1_300, pairs),
    *(Answer("lenskit", name, name, 3_500) for name in ("recall_capped", "mrr", "hit_rate", "ndcg")),
    Answer("lenskit", "precision", "precision", 3_500, over_list),
    Answer("lenskit", "map", "map", 3_500, over_shorter),
    Answer("lenskit", "ndcg_graded", "ndcg_graded", 1_500),
    Answer("lenskit", "gini", "gini", 1_900),
    Answer("lenskit", "rmse", "rmse", 1_500),
    Answer("lenskit", "mae", "mae", 1_500),
    *(Answer("numpy", name, name, 1_900) for name in ("entropy", "gini")),
    *(Answer("numpy", name, name, 3_500) for name in ("serendipity", "popularity")),
    Answer("numpy", "novelty", "novelty", 2_000),
    *(Answer("numpy", name, name, 900) for name in WITHOUT_K[3:]),
]


@cache
def cases():
    return pl.read_parquet(ORACLES / "cases.parquet").to_dicts()


def identity(case):
    """A factor model whose items are the axes, so that a user's factors are the scores."""
    scores = np.array([user["scores"] for user in case["users"]], np.float32)
    seen = [user["seen"] for user in case["users"]]
    indptr = np.cumsum([0, *map(len, seen)], dtype=np.int64)
    return FactorModel(
        users=Vocabulary(range(len(scores)), noun="user"),
        items=Vocabulary(range(case["items"]), noun="item"),
        user_factors=scores,
        item_factors=np.eye(case["items"], dtype=np.float32),
        user_bias=np.zeros(len(scores), np.float32),
        item_bias=np.zeros(case["items"], np.float32),
        mean=0.0,
        history=Csr(indptr, np.concatenate(seen).astype(np.int32), case["items"]),
        explicit=True,
        scale=(1.0, 5.0),
        solver=None,
        info=None,
    )


@cache
def report(number):
    """Our answers to a case."""
    case = cases()[number]
    events = [
        (row, item, rating)
        for row, user in enumerate(case["users"])
        for item, rating in zip(user["test"], user["ratings"], strict=True)
    ]
    diverse = [f"diversity@{k}" for k in case["ks"] if k > 1]  # one item has no pairs
    return evaluate(
        identity(case),
        interactions(events, explicit=True),
        k=case["ks"],
        metrics=[*(name for name in AT_K if name != "diversity"), *diverse, *WITHOUT_K],
        relevant=case["at_least"],
        exclude_seen=case["exclude_seen"],
    )


@cache
def per_user(number, name):
    table = report(number).per_user(name)
    return dict(zip(table["user"].tolist(), table["value"].tolist(), strict=True))


def about(case, row, k):
    user = case["users"][row]
    barred = user["seen"] if case["exclude_seen"] else ()
    items = [item for item in range(case["items"]) if item not in barred]
    ratings = dict(zip(user["test"], user["ratings"], strict=True))
    least = case["at_least"] or 0
    relevant = {item: rating for item, rating in ratings.items() if rating >= least}
    return User(k, items, [user["scores"][item] for item in items], relevant)


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_agrees(answer):
    table = pl.read_parquet(ORACLES / f"{answer.library}.parquet").drop_nulls(answer.column)
    compared = 0
    for number, row, k, value in table.select("case", "user", "k", answer.column).iter_rows():
        name = answer.metric if answer.metric in WITHOUT_K else f"{answer.metric}@{k}"
        expected = value if row < 0 else answer.convert(value, about(cases()[number], row, k))
        if expected is not None:
            ours = report(number)[name] if row < 0 else per_user(number, name).get(row)
            assert ours == pytest.approx(expected, abs=1e-9), (number, row, k)
            compared += 1
    assert compared >= answer.least


def test_every_metric_is_asked_of_someone():
    assert {answer.metric for answer in ANSWERS} == {*AT_K, *WITHOUT_K}


def test_users_without_relevant_items_have_no_value():
    # ranx, RecTools and pytrec_eval never see them here; as zeros they would pull every mean down.
    for number, case in enumerate(cases()):
        scored = {row for row in range(len(case["users"])) if about(case, row, 1).relevant}
        assert per_user(number, f"recall@{case['ks'][0]}").keys() == scored


def test_the_cases_hold_what_is_rare():
    users = [about(case, row, case["ks"][-1]) for case in cases() for row in range(len(case["users"]))]
    rare = {
        "ties": sum(user.ties for user in users),
        "nothing relevant": sum(not user.relevant for user in users),
        "everything relevant": sum(user.found == len(user.items) > 0 for user in users),
        "nothing left": sum(not user.items for user in users),
        "seen or unknown": sum(user.found < len(user.relevant) for user in users),
        "lists shorter than k": sum(len(user.items) < user.k for user in users),
        "one item": sum(case["items"] == 1 for case in cases()),
    }
    assert min(rare.values()) >= 25, rare
    assert len(cases()) == 1_000


def test_versions_are_kept():
    versions = json.loads((ORACLES / "versions.json").read_text())
    assert versions.keys() == {answer.library for answer in ANSWERS}
