import math

import pytest

import tastespace as ts
from tastespace.errors import ParameterError
from tastespace.trainers.implicit_als import default_regularization
from tastespace.tuning import Relative
from tastespace.tuning.dimensions import Choices, Range
from tastespace.tuning.spaces import build, combinations, default_space, place_of, read_space
from tests.models.worlds import world
from tests.tuning.worlds import Fragile, clicks, trained


def read(space, trainer=None):
    return read_space(trainer or trained(), space, clicks())


def test_the_words_of_a_space():
    space = read({"factors": (4, 16), "regularization": (1e-3, 1, "log"), "solver": ["pcg", "cholesky"]})
    assert space["factors"] == Range(4, 16, log=False, whole=True)
    assert space["regularization"] == Range(1e-3, 1.0, log=True, whole=False)
    assert space["solver"] == Choices(("pcg", "cholesky"))
    assert [str(entry) for entry in space.values()] == [
        "4 to 16, whole",
        "0.001 to 1, log",
        "one of pcg, cholesky",
    ]
    assert combinations(space) is None
    assert combinations(read({"factors": [2, 4], "solver": ["pcg", "cholesky"]})) == 4


def test_whole_ends_of_a_parameter_with_decimals_mean_all_between():
    assert read({"alpha": (1, 40)})["alpha"] == Range(1.0, 40.0, log=False, whole=False)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (64, r"must be a list of choices, \(low, high\) or \(low, high, 'log'\); got 64"),
        ((1, 2, "log", 3), r"must be a list of choices"),
        ([], r"factors in the search space has no choices"),
        ([[1]], r"choices of factors in the search space must be numbers, text, booleans or None; got \[1\]"),
        ((2, 4, 8), r"the third of a range can only be 'log'; got 8. Choices are written as a list"),
        (("a", "b"), r"both ends of a range must be finite numbers; got 'a'"),
        ((1, math.inf), r"both ends of a range must be finite numbers; got inf"),
        ((8, 8), r"a range goes from low to high; got \(8, 8\)"),
        ((0, 8, "log"), r"a 'log' range must lie above 0; got \(0, 8, 'log'\)"),
    ],
)
def test_entries_that_cannot_be_read(entry, message):
    with pytest.raises(ParameterError, match=message):
        read({"factors": entry})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ([], r"space must map parameters to what they may be"),
        ({}, r"space must map parameters to what they may be"),
        ({"regularisation": [1]}, r"no parameter 'regularisation'; did you mean 'regularization'\?"),
        ({"seed": [1, 2]}, r"seed of ImplicitALS cannot be searched for: pass seeds= to average"),
        (
            {"threads": [1, 2]},
            r"threads of ImplicitALS cannot be searched for: the model does not depend on it",
        ),
        ({"epochs": [5, 10]}, r"epochs of ImplicitALS cannot be searched for: every trial is validated"),
        (
            {"factors": [8, 0]},
            r"goes where the trainer cannot: factors of ImplicitALS must be a whole number >= 1",
        ),
        (
            {"regularization": (-1.0, 1.0)},
            r"goes where the trainer cannot: regularization of ImplicitALS must be > 0",
        ),
        ({"alpha": [1.0], "unobserved_weight": [0.1]}, r"goes where the trainer cannot: .* not both"),
        (
            {"alpha": Relative(0.5, 2)},
            r"alpha in the search space: Relative needs a default above 0 .* here it is None",
        ),
    ],
)
def test_spaces_that_no_trial_should_wait_for(space, message):
    with pytest.raises(ParameterError, match=message):
        read(space)


@pytest.mark.parametrize("ends", [(0, 1), (2, 1), (1, math.inf)])
def test_multiples_are_above_zero(ends):
    with pytest.raises(ParameterError, match="Relative takes two numbers, 0 < low < high"):
        Relative(*ends)


def test_multiples_of_the_default_beside_what_else_was_drawn():
    train = clicks()
    space = read({"unobserved_weight": Relative(0.1, 10), "regularization": Relative(0.1, 10)})
    built = build(trained(), space, {"unobserved_weight": 2.0, "regularization": 3.0}, train)
    plain = trained().settled(train)
    assert built.unobserved_weight == pytest.approx(2 * plain.unobserved_weight)
    beside = trained(unobserved_weight=built.unobserved_weight).settled(train)
    assert built.regularization == pytest.approx(3 * beside.regularization)
    weights = train.by_user.values
    assert weights is None or beside.confidence == "log"
    assert default_regularization(train, 0.1) > 0


def test_multiples_of_als_keep_the_other_defaults():
    train = world()
    space = {"regularization": Relative(0.4, 2.5), "bias_regularization": Relative(0.25, 4)}
    plain = ts.ALS().settled(train)
    built = build(ts.ALS(), space, {"regularization": 2.0, "bias_regularization": 3.0}, train)
    assert built.regularization == pytest.approx(2 * plain.regularization)
    assert built.bias_regularization == pytest.approx(3 * plain.bias_regularization)
    assert built.frequency_scaling == plain.frequency_scaling == 0.5


def test_where_the_trainer_stands():
    train = clicks()
    space = read({"factors": [4, 8], "regularization": Relative(0.1, 10), "confidence": ["log", "linear"]})
    assert place_of(trained(), space, train) == {"factors": 4, "regularization": 1.0, "confidence": "log"}
    assert place_of(trained(factors=5), space, train) is None


def test_settled_trainers_learn_the_same():
    for trainer, train in ((ts.ALS(factors=4, epochs=2), world()), (trained(), clicks())):
        settled = trainer.settled(train)
        assert settled.regularization is not None
        assert settled.settled(train) == settled
        a, b = trainer.fit(train), settled.fit(train)
        assert (a.item_factors == b.item_factors).all()
    assert ts.Popularity().settled(world()) == ts.Popularity()


def test_default_spaces():
    train = clicks()
    assert set(default_space(trained(), train)) == {
        "factors",
        "unobserved_weight",
        "regularization",
        "confidence",
    }
    assert "confidence" not in default_space(trained(), train.as_implicit())
    assert "alpha" in default_space(trained(alpha=4.0), train)
    assert "bias_regularization" not in default_space(ts.ALS(biases=False), train)
    assert set(default_space(ts.ItemEmbedding(), train)) == {
        "factors",
        "negatives",
        "smoothing",
        "pair_scaling",
        "shrinkage",
    }
    assert set(default_space(ts.EASE(), train)) == {"regularization", "confidence"}
    assert set(default_space(ts.EASE(), train.as_implicit())) == {"regularization"}
    assert set(default_space(ts.WARP(), train)) == {"factors", "learning_rate", "regularization", "trials"}
    stepped = (ts.BPR(), ts.WARP(), ts.LogisticMF(), ts.FunkSVD(), ts.PMF(), ts.TimeSVDPlusPlus())
    solved = (trained(), trained(alpha=4.0), ts.ALS(), ts.Baseline(), ts.EASE(), ts.Popularity(), ts.NMF())
    for trainer in (*solved, *stepped, ts.SVDPlusPlus()):
        events = world() if isinstance(trainer, (ts.ALS, ts.FunkSVD, ts.PMF, ts.SVDPlusPlus)) else train
        assert read_space(trainer, default_space(trainer, events), events)
    with pytest.raises(ParameterError, match="Popularity has nothing to tune where events have no times"):
        default_space(ts.Popularity(), world())
    with pytest.raises(ParameterError, match=r"Custom has no default search space; pass one"):
        default_space(type("Custom", (Fragile.__mro__[2],), {})(), train)
