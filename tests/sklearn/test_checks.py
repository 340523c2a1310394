"""scikit-learn's own checks: those that can apply pass, and the others are named with their reasons."""

import re
import warnings
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import check_estimator

from tastespace.sklearn import (
    ALS,
    BPR,
    CHECKS_THAT_CANNOT_APPLY,
    EASE,
    PMF,
    WARP,
    Baseline,
    FunkSVD,
    ImplicitALS,
    ItemKNN,
    ItemKNNRegressor,
    LogisticMF,
    Popularity,
    SVDPlusPlus,
    UserKNN,
    UserKNNRegressor,
    adaptor,
    events,
)
from tastespace.sklearn.table import columns

ROOT = Path(__file__).parents[2]
QUICK = {"factors": 2, "epochs": 2, "threads": 1, "progress": False}
ESTIMATORS = {
    "als": ALS(**QUICK),
    "baseline": Baseline(),
    "funk-svd": FunkSVD(**QUICK),
    "pmf": PMF(**QUICK),
    "implicit-als": ImplicitALS(**QUICK),
    "popularity": Popularity(),
    "bpr": BPR(**QUICK),
    "warp": WARP(**QUICK),
    "logistic-mf": LogisticMF(**QUICK),
    "ease": EASE(threads=1, progress=False),
    "item-knn": ItemKNN(threads=1),
    "user-knn": UserKNN(threads=1),
    "item-knn-regressor": ItemKNNRegressor(threads=1),
    "user-knn-regressor": UserKNNRegressor(threads=1),
    "svd-plus-plus": SVDPlusPlus(**QUICK),
}


def outcomes(estimator):
    """The names of the checks by what came of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            estimator, expected_failed_checks=CHECKS_THAT_CANNOT_APPLY, on_fail=None, on_skip=None
        )
    found = {}
    for result in results:
        found.setdefault(result["status"], set()).add(result["check_name"])
    return found


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_check_passes_or_is_listed(name):
    found = outcomes(ESTIMATORS[name])
    assert "failed" not in found
    assert found["xfail"].isdisjoint(found["passed"])  # a listed check that passes need not be listed
    assert found["xfail"] <= CHECKS_THAT_CANNOT_APPLY.keys()
    assert len(found["passed"]) > 20


def test_every_listed_check_fails():
    failing = set().union(*(outcomes(estimator)["xfail"] for estimator in ESTIMATORS.values()))
    assert failing == CHECKS_THAT_CANNOT_APPLY.keys()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_listed_checks_pass_on_two_columns(name, monkeypatch):
    """What cannot apply is the width of the tables, not the habit that the check is about."""
    for module in (adaptor, events):
        monkeypatch.setattr(module, "columns", lambda X: columns(X[:, :2]))
    found = outcomes(ESTIMATORS[name])
    ratings = name in ("als", "baseline", "funk-svd", "pmf", "svd-plus-plus") or name.endswith("regressor")
    reasons = ["it wants good"] if ratings else ["it scores"]
    if name in ("bpr", "warp"):
        reasons.append("few ids")
    assert found["xfail"] == {
        check
        for check, why in CHECKS_THAT_CANNOT_APPLY.items()
        if any(f"; and {reason}" in why for reason in reasons)
    }


def test_the_guide_lists_them_all():
    page = (ROOT / "docs" / "guide" / "scikit-learn.md").read_text()
    assert dict(re.findall(r"^\| `(check_\w+)` \| (.*) \|$", page, re.MULTILINE)) == CHECKS_THAT_CANNOT_APPLY
