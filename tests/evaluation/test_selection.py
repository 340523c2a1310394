"""Names of metrics and their cut-offs."""

import numpy as np
import pytest

from tastespace.errors import ParameterError
from tastespace.evaluation.selection import select


def test_the_usual_metrics_by_default():
    chosen = select((20, np.int64(5), 5), None)
    assert chosen.cutoffs == (5, 20)
    assert chosen.ranking[:3] == (("precision", 5), ("precision", 20), ("recall", 5))
    assert {metric for metric, _ in chosen.ranking} == {
        "precision", "recall", "ndcg", "map", "mrr", "hit_rate", "coverage", "novelty", "diversity",
    }  # fmt: skip
    assert chosen.rating == ("rmse", "mae")
    assert chosen.by_default


def test_all_metrics_by_one_word():
    chosen = select([1, 5], "all")
    assert {"gini", "entropy", "serendipity", "popularity"} <= {metric for metric, _ in chosen.ranking}
    assert ("novelty", 1) in chosen.ranking
    assert ("diversity", 5) in chosen.ranking
    assert ("diversity", 1) not in chosen.ranking  # no pairs in a list of one
    assert chosen.rating[-1] == "calibration"
    assert chosen.by_default


def test_all_metrics_by_name():
    chosen = select(10, "all")
    assert {"recall_capped", "ndcg_graded"} < {metric for metric, _ in chosen.ranking}
    assert "auc" in chosen.whole
    assert chosen.by_default
    assert not chosen.without("ndcg_graded").graded


def test_auc_has_no_cutoff():
    chosen = select([5, 10], ["auc", "auc"])
    assert (chosen.whole, chosen.ranking, chosen.ranks) == (("auc",), (), True)


def test_names_keep_their_order_and_their_own_cutoffs():
    chosen = select([5, 10], ["mae", "recall@50", "ndcg", "ndcg@5"])
    assert chosen.ranking == (("recall", 50), ("ndcg", 5), ("ndcg", 10))
    assert chosen.rating == ("mae",)
    assert chosen.cutoffs == (5, 10, 50)
    assert not chosen.by_default


def test_several_names_are_no_comma_list():
    with pytest.raises(
        ParameterError,
        match=r"unknown metric 'ndcg,recall@5'; name several as a list: \['ndcg', 'recall@5'\]",
    ):
        select(10, "ndcg,recall@5")


def test_one_name_needs_no_list():
    assert select(10, "ndcg@20").ranking == (("ndcg", 20),)
    assert select(10, "rmse").cutoffs == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ndgc@10",
            r"unknown metric 'ndgc@10'; did you mean 'ndcg@10'\? known are precision@k, .*, calibration",
        ),
        ("NDCG@5", r"did you mean 'ndcg@5'\?"),
        ("rmsee", r"unknown metric 'rmsee'; did you mean 'rmse'\?"),
        ("rms@5", r"unknown metric 'rms@5'; did you mean 'rmse'\?"),
        ("xyz", r"unknown metric 'xyz'; known are precision@k"),
        ("auc@10", "auc has no cut-off; write 'auc'"),
        ("recal_capped", r"did you mean 'recall_capped'\?"),
        ("rmse@10", "rmse has no cut-off; write 'rmse'"),
        ("ndcg@0", "the cut-off must be a whole number of at least 1, as in 'ndcg@10'"),
        ("ndcg@", "metric 'ndcg@': the cut-off must be a whole number"),
        ("ndcg@ten", "metric 'ndcg@ten': the cut-off must be a whole number"),
        ("ndcg@9999999999", "metric 'ndcg@9999999999': the cut-off must be a whole number"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(ParameterError, match=message):
        select(10, ["recall", name])


def test_no_names():
    with pytest.raises(ParameterError, match="metrics is empty; name some of precision@k"):
        select(10, [])


@pytest.mark.parametrize("k", [0, -1, 2.5, "10", True, [], [10, 0], [5, "a"], 2**31, None])
def test_bad_cutoffs(k):
    with pytest.raises(
        ParameterError, match="k must be a whole number of at least 1, or several of them; got"
    ):
        select(k, None)
