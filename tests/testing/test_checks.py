"""Every check finds a model that breaks its promise, and lets a model that makes no such promise off."""

import subprocess
import sys
from dataclasses import replace
from unittest import SkipTest

import numpy as np
import pytest

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, UnknownItemError, UnknownUserError, UnsupportedError
from tastespace.models.protocol import Recommender
from tastespace.models.table import Recommendations
from tastespace.testing import CHECKS, check_model, refit_with
from tastespace.testing.comparing import differences, some, unknown_id
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.implicit_als import ImplicitALS
from tests.models.worlds import world

TRAIN = world(times=True)
MODEL = Baseline().fit(TRAIN)
BY_NAME = {check.__name__: check for check in CHECKS}


class Wrapped:
    """A model behind a thin wall, to break one thing at a time; a promise that it keeps, it keeps."""

    def __init__(self, model=MODEL):
        object.__setattr__(self, "model", model)

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __setattr__(self, name, value):
        raise AttributeError(f"cannot set {name}")

    def recommend_all(self, n=10, *, batch=4096, **options):
        for start in range(0, len(self.users), batch):
            yield self.recommend(self.users.ids[start : start + batch].tolist(), n, **options)


def changed(table, **columns):
    return Recommendations({**{name: table[name] for name in table.columns}, **columns})


def first_of_each(table):
    users = table["user"]
    return np.r_[True, users[1:] != users[:-1]]


class AloneDiffers(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, score=table["score"] + np.float32(isinstance(users, str)))


class PredictsAloneOtherwise(Wrapped):
    def predict(self, users, items):
        return self.model.predict(users, items) + isinstance(users, str)


class PredictsOneAsArray(Wrapped):
    def predict(self, users, items):
        alone = isinstance(users, str)
        return self.model.predict([users], [items]) if alone else self.model.predict(users, items)


class RanksAloneOtherwise(Wrapped):
    def rank(self, rows, n, **options):
        items, scores = self.model.rank(rows, n, **options)
        return items, scores * np.float32(1 + (len(rows) == 1))


class ScoresAloneOtherwise(Wrapped):
    def score_pairs(self, users, items, **options):
        return self.model.score_pairs(users, items) * np.float32(1 + (len(users) == 1))


class StreamsTooMuch(Wrapped):
    def recommend_all(self, n=10, *, batch=4096, **options):
        yield from self.model.recommend_all(n, batch=1, **options)


class StreamsOtherScores(Wrapped):
    def recommend_all(self, n=10, **options):
        for table in self.model.recommend_all(n, **options):
            yield changed(table, score=table["score"] + 1)


class OtherColumns(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return type("Odd", (), {"columns": ("item", "user"), "__getitem__": table.__getitem__})()


class WideRanks(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, rank=table["rank"].astype(np.int64))


class RanksFromZero(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, rank=table["rank"] - np.int32(1))


class RisingScores(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, score=-table["score"])


class InfiniteScores(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, score=np.where(first_of_each(table), np.float32(np.inf), table["score"]))


class RepeatedItems(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        items = table["item"].copy()
        items[1] = items[0]
        return changed(table, item=items)


class SortedUsers(Wrapped):
    def recommend(self, users, n=10, **options):
        alone = isinstance(users, str)
        return self.model.recommend(users if alone else sorted(users, reverse=True), n, **options)


class RanksTwice(Wrapped):
    def rank(self, rows, n, **options):
        items, scores = self.model.rank(rows, n, **options)
        items[:, 1:] = items[:, :-1]
        return items, scores


class ScoresAsList(Wrapped):
    def score_pairs(self, users, items, **options):
        return self.model.score_pairs(users, items).tolist()


class TiesByLastRow(Wrapped):
    def rank(self, rows, n, **options):
        items, scores = self.model.rank(rows, n, **options)
        return items[:, ::-1], np.zeros_like(scores)


class ForgetsTheSeen(Wrapped):
    def recommend(self, users, n=10, exclude_seen=True, **options):
        return self.model.recommend(users, n, exclude_seen=False, **options)


class AlwaysExcludes(Wrapped):
    def recommend(self, users, n=10, exclude_seen=False, **options):
        return self.model.recommend(users, n, exclude_seen=True, **options)


class OneShort(Wrapped):
    def recommend(self, users, n=10, **options):
        return self.model.recommend(users, max(1, n - 1), **options)


class OtherHead(Wrapped):
    def recommend(self, users, n=10, **options):
        table = self.model.recommend(users, n, **options)
        return changed(table, score=table["score"] + np.float32(n))


class IgnoresDeny(Wrapped):
    def recommend(self, users, n=10, deny=None, **options):
        return self.model.recommend(users, n, **options)


class IgnoresEmptyAllow(Wrapped):
    def recommend(self, users, n=10, allow=None, **options):
        return self.model.recommend(users, n, allow=allow or None, **options)


class DeniesAfterwards(Wrapped):
    def recommend(self, users, n=10, deny=None, **options):
        table = self.model.recommend(users, n, **options)
        keep = ~np.isin(table["item"], list(deny or ()))
        return Recommendations({name: table[name][keep] for name in table.columns})


class OtherPairScores(Wrapped):
    def score_pairs(self, users, items, **options):
        return self.model.score_pairs(users, items) + np.float32(0.1)


class SilentUser(Wrapped):
    def recommend(self, users, n=10, **options):
        return self.model.recommend(users if users in self.users else self.users.ids[0], n, **options)


class NamelessUser(Wrapped):
    def recommend(self, users, n=10, **options):
        raise UnknownUserError("no such user")


class UntypedItem(Wrapped):
    def predict(self, users, items):
        try:
            return self.model.predict(users, items)
        except UnknownItemError as error:
            raise KeyError(*error.args) from None


class UntypedSimilarItem(Wrapped):
    def similar_items(self, items):
        raise KeyError(items)


class OffTheScale(Wrapped):
    def predict(self, users, items):
        return self.model.predict(users, items) + np.float32(3)


class DoublePredictions(Wrapped):
    def predict(self, users, items):
        return self.model.predict(users, items).astype(np.float64)


class FoldsInOtherwise(Wrapped):
    def fold_in(self, history):
        return self.model.fold_in({item: 6 - value for item, value in history.items()})


class FoldsManyOfOthers(Wrapped):
    def fold_in_many(self, events):
        return self.model.fold_in_many(events.select(events.user_rows() > 0))


class FoldsManyIntoOtherItems(Wrapped):
    def fold_in_many(self, events):
        folded = self.model.fold_in_many(events)
        return replace(folded, items=Vocabulary([-i for i in folded.items], noun="item"))


class FoldsManyOtherwise(Wrapped):
    def fold_in_many(self, events):
        folded = self.model.fold_in_many(events)
        return replace(folded, user_bias=folded.user_bias + np.float32(1e-6))


class FoldsEveryoneOtherwise(Wrapped):
    OTHER = replace(MODEL, solver=replace(MODEL.solver, regularization=9.0))

    def fold_in(self, history):
        return self.OTHER.fold_in(history)

    def fold_in_many(self, events):
        return self.OTHER.fold_in_many(events)


class FoldsUnknownItemsIn(Wrapped):
    def fold_in_many(self, events):
        folded = self.model.fold_in_many(events)
        unknown = folded.info.data["folded_in"]["events_on_unknown_items"]
        return replace(folded, mean=folded.mean + unknown)


class FoldsNothingIntoNaN(Wrapped):
    def fold_in(self, history):
        nan = Recommendations({"user": ["v"], "item": [100], "rank": [1], "score": np.float32([np.nan])})
        return type("V", (), {"recommend": lambda self, n: nan})()


class ExplainsTooMuch(Wrapped):
    def explain(self, user, item):
        why = self.model.explain(user, item)
        return replace(why, mean=why.mean + 1)


class ExplainsAnotherScore(Wrapped):
    def explain(self, user, item):
        why = self.model.explain(user, item)
        return replace(why, mean=why.mean + 1, score=why.score + 1)


class ExplainsByPart(Wrapped):
    def explain(self, user, item):
        why = self.model.explain(user, item)
        rest = why.parts.head(len(why.parts) - 1)
        return replace(why, parts=rest, mean=why.mean + why.parts["contribution"][-1])


class SavesAnother(Wrapped):
    def save(self, path, *, history=True):
        replace(self.model, item_bias=self.item_bias + np.float32(1e-6)).save(path, history=history)


class SavesOtherInfo(Wrapped):
    def save(self, path, *, history=True):
        replace(self.model, info=replace(self.info, version="0")).save(path, history=history)


class LoadsOtherAnswers(Wrapped):
    @classmethod
    def load(cls, path):
        return ForgetsTheSeen()


class AlwaysSavesHistory(Wrapped):
    def save(self, path, *, history=True):
        self.model.save(path)


class WithoutHistoryAnyhow(Wrapped):
    history = None

    @classmethod
    def load(cls, path):
        return cls()


class UpdatesWithNothing(Wrapped):
    def update(self, new):
        return replace(self.model, mean=self.mean + 1e-9)


class UpdatesWithTheSame(Wrapped):
    def update(self, new):
        return self if new is None else replace(self.model, user_bias=self.user_bias * np.float32(1.01))


class WriteableArrays(Wrapped):
    def __init__(self):
        super().__init__()
        object.__setattr__(self, "item_bias", self.model.item_bias.copy())


class SettableAttributes(Wrapped):
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


def mutant_id(case):
    return case.__name__ if isinstance(case, type) else None


@pytest.mark.parametrize(
    ("check", "mutant", "message"),
    [
        ("one_user_equals_a_batch", AloneDiffers, r"recommend\('u0'\) differs alone and in a batch"),
        ("one_user_equals_a_batch", PredictsAloneOtherwise, r"predict\('u0', 100\) is .* alone"),
        ("one_user_equals_a_batch", PredictsOneAsArray, r"predict\('u0', 100\) is array"),
        ("one_user_equals_a_batch", RanksAloneOtherwise, "rank of user 'u0' differs"),
        ("one_user_equals_a_batch", ScoresAloneOtherwise, "score_pairs of user 'u0' differs"),
        ("stream_equals_batch", StreamsTooMuch, r"recommend_all\(batch=60\) gives 60 tables for 60 users"),
        ("stream_equals_batch", StreamsOtherScores, r"column 'score' of recommend_all\(batch=60\) differs"),
        ("ranks_start_at_one_and_scores_descend", OtherColumns, r"the columns are \('item', 'user'\)"),
        ("ranks_start_at_one_and_scores_descend", WideRanks, "column 'rank' has the type int64, not int32"),
        ("ranks_start_at_one_and_scores_descend", RanksFromZero, r"ranks of user 'u0' are \(0, 1, 2"),
        ("ranks_start_at_one_and_scores_descend", RisingScores, "scores of user 'u0' do not descend"),
        ("ranks_start_at_one_and_scores_descend", InfiniteScores, "score of user 'u0' is not finite"),
        ("ranks_start_at_one_and_scores_descend", RepeatedItems, "list of user 'u0' repeats an item"),
        ("ranks_start_at_one_and_scores_descend", SortedUsers, "lists are not in the order"),
        ("equal_scores_go_by_item_row", TiesByLastRow, "have the same score for the user at row 0"),
        ("seen_items_never_come_back", ForgetsTheSeen, "user 'u0' is recommended .*, seen in training"),
        ("seen_items_never_come_back", AlwaysExcludes, "with exclude_seen=False, user 'u0' is not"),
        ("n_results_wherever_they_exist", OneShort, r"recommend\('u0', n=10\) gives 9 items; .* of 40"),
        ("n_results_wherever_they_exist", OtherHead, r"recommend\('u0', n=1\) is not the head"),
        ("only_allowed_and_never_denied_items", IgnoresDeny, "deny give user 'u0'"),
        ("only_allowed_and_never_denied_items", IgnoresEmptyAllow, "an empty allow give user 'u0'"),
        ("only_allowed_and_never_denied_items", DeniesAfterwards, "deny give user 'u0'"),
        ("lists_and_pairs_agree", OtherPairScores, "rank and score_pairs differ by 0.1"),
        ("rank_gives_distinct_items_best_first", RanksTwice, r"RanksTwice\.rank returned item \d+ twice for"),
        (
            "rank_gives_distinct_items_best_first",
            ScoresAsList,
            "score_pairs must return an array .* got a list",
        ),
        ("unknown_users_are_named", SilentUser, "recommend of the unknown 'nobody 0' raises nothing"),
        ("unknown_users_are_named", NamelessUser, "message of recommend does not name 'nobody 0'"),
        ("unknown_items_are_named", UntypedItem, r"predict of the unknown 0 raises KeyError.* UnknownItem"),
        ("unknown_items_are_named", UntypedSimilarItem, "similar_items of the unknown 0 raises KeyError"),
        ("predictions_stay_inside_the_scale", OffTheScale, r"predictions for user 'u0' reach .* outside 1"),
        ("predictions_stay_inside_the_scale", DoublePredictions, "predict gives float64"),
        ("fold_in_equals_the_learned_row", FoldsInOtherwise, "user 'u0' and of the fold-in .* differ by"),
        ("fold_in_many_equals_fold_in", FoldsManyOfOthers, "answers for other users than it was given"),
        ("fold_in_many_equals_fold_in", FoldsManyIntoOtherItems, "fold_in_many changes the items"),
        (
            "fold_in_many_equals_fold_in",
            FoldsManyOtherwise,
            "user 'u0' has other scores from fold_in_many than",
        ),
        (
            "fold_in_many_equals_fold_in",
            FoldsEveryoneOtherwise,
            "user 'u0' and those from fold_in_many .* differ by",
        ),
        (
            "fold_in_many_equals_fold_in",
            FoldsUnknownItemsIn,
            "other scores when events on unknown items come along",
        ),
        ("an_empty_history_is_answered_or_refused", FoldsNothingIntoNaN, "scores that are not finite"),
        ("explanations_sum_to_the_score", ExplainsTooMuch, r"parts of explain\('u0', 100\) sum to"),
        ("explanations_sum_to_the_score", ExplainsAnotherScore, r"explain\('u0', 100\) sums to .* score is"),
        ("explanations_sum_to_the_score", ExplainsByPart, r"explain\('u0', 100\) and the history differ in"),
        ("saved_and_loaded_is_the_same", SavesAnother, "the loaded model differs in item_bias"),
        ("saved_and_loaded_is_the_same", SavesOtherInfo, "the loaded model has the info"),
        ("saved_and_loaded_is_the_same", LoadsOtherAnswers, "the loaded model recommends something else"),
        ("saved_without_history_says_so", AlwaysSavesHistory, "keeps the history"),
        ("saved_without_history_says_so", WithoutHistoryAnyhow, "does not raise HistoryError"),
        ("update_with_nothing_changes_nothing", UpdatesWithNothing, "updated with nothing differs in mean"),
        ("update_with_nothing_changes_nothing", UpdatesWithTheSame, "own training set differs in user_bias"),
        ("everything_is_read_only", WriteableArrays, "these arrays can be written: item_bias"),
        ("everything_is_read_only", SettableAttributes, "an attribute of the model can be set"),
    ],
    ids=mutant_id,
)
def test_broken_promises_are_found(check, mutant, message):
    with pytest.raises(AssertionError, match=message):
        BY_NAME[check](mutant(), TRAIN, None)


def test_answers_that_differ_without_history_are_found():
    class OnlyWithoutHistory(AlwaysSavesHistory):
        history = None

        @classmethod
        def load(cls, path):
            return RisingWithoutHistory()

    class RisingWithoutHistory(RisingScores):
        history = None

    with pytest.raises(AssertionError, match="recommends something else without its history"):
        BY_NAME["saved_without_history_says_so"](OnlyWithoutHistory(), TRAIN, None)


def test_fold_in_that_scores_fewer_items_is_found():
    class FoldsInPart(Wrapped):
        def fold_in(self, history):
            visitor = self.model.fold_in(history)
            part = type(
                "V", (), {"recommend": lambda self, n, **options: visitor.recommend(n - 1, **options)}
            )
            return part()

    with pytest.raises(AssertionError, match="fold-in of user 'u0' scores 39 items and the row 40"):
        BY_NAME["fold_in_equals_the_learned_row"](FoldsInPart(), TRAIN, None)


@pytest.mark.parametrize(
    ("check", "what"),
    [("same_seed_same_model", "learned again"), ("any_thread_count_same_model", "learned with threads=1")],
)
def test_learning_something_else_is_found(check, what):
    def refit(*, threads=None):
        return replace(MODEL, user_bias=MODEL.user_bias * np.float32(1.01))

    with pytest.raises(AssertionError, match=f"the model {what} differs in user_bias"):
        BY_NAME[check](MODEL, TRAIN, refit)


def test_thread_counts_reach_the_trainer():
    asked = []

    class Counting:
        def __init__(self, threads=None):
            self.threads = threads

        def params(self):
            return {"threads": self.threads}

        def replace(self, threads):
            return Counting(threads)

        def fit(self, train):
            asked.append(self.threads)
            return MODEL

    BY_NAME["any_thread_count_same_model"](MODEL, TRAIN, refit_with(Counting(), TRAIN))
    assert asked == [1, 2, 5]


@pytest.mark.parametrize(
    ("mutant", "found"),
    [
        (lambda: replace(MODEL, mean=MODEL.mean + 1), ["mean"]),
        (lambda: replace(MODEL, scale=(0.0, 5.0)), ["scale"]),
        (lambda: replace(MODEL, history=None), ["history"]),
        (lambda: replace(MODEL, history=replace(TRAIN.by_user, times=None)), ["history"]),
        (RanksAloneOtherwise, []),
        (OtherPairScores, ["score_pairs"]),
        (TiesByLastRow, ["rank"]),
    ],
)
def test_every_difference_is_named(mutant, found):
    assert differences(MODEL, mutant()) == found


def test_ids_of_other_types_differ():
    other = world(times=True, seed=1)
    assert "item_bias" in differences(MODEL, Baseline().fit(other))


def test_some_ids_are_spread_and_unknown_ids_have_the_right_type():
    assert some(MODEL.users, 3) == ["u0", "u29", "u59"]
    assert len(some(MODEL.users, 99)) == 60
    assert unknown_id(MODEL.users) == "nobody 0"
    assert unknown_id(MODEL.items) == 0


def test_a_wrapped_model_keeps_every_promise():
    members = [name for name in dir(Recommender) if not name.startswith("_")]
    assert all(hasattr(Wrapped(), name) for name in members)
    outcomes = check_model(Wrapped(), TRAIN)
    assert outcomes.keys() == BY_NAME.keys()
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {
        "same_seed_same_model",
        "any_thread_count_same_model",
    }
    assert outcomes["same_seed_same_model"] == "skipped: no refit was given"


class Bare(Wrapped):
    """A model with nothing beyond the protocol."""

    def __getattr__(self, name):
        if hasattr(Recommender, name):
            return super().__getattr__(name)
        raise AttributeError(name)

    @classmethod
    def load(cls, path):
        raise UnsupportedError("not asked for here")


class Unable(Wrapped):
    """A factor model whose rows cannot be solved again."""

    solver = None

    def refuse(self, *_):
        raise UnsupportedError("this model cannot do that")

    explain = fold_in = fold_in_many = update = similar_items = similar_users = refuse


@pytest.mark.parametrize("kind", [Bare, Unable])
def test_promises_that_a_model_does_not_make_are_skipped(kind):
    for name in (
        "fold_in_equals_the_learned_row",
        "fold_in_many_equals_fold_in",
        "an_empty_history_is_answered_or_refused",
        "explanations_sum_to_the_score",
        "update_with_nothing_changes_nothing",
    ):
        with pytest.raises(SkipTest):
            BY_NAME[name](kind(), TRAIN, None)
    BY_NAME["unknown_users_are_named"](kind(), TRAIN, None)
    BY_NAME["unknown_items_are_named"](kind(), TRAIN, None)


def test_a_visitor_without_history_may_be_placed():
    class Places(Wrapped):
        def fold_in(self, history):
            return self.model.fold_in(history or {100: 3.0})

    BY_NAME["an_empty_history_is_answered_or_refused"](Places(), TRAIN, None)
    with pytest.raises(EmptyError):
        MODEL.fold_in({})


def test_all_broken_promises_are_told_at_once():
    class Broken(ForgetsTheSeen):
        def predict(self, users, items):
            raise RuntimeError("out of order")

    with pytest.raises(AssertionError, match=r"the model breaks \d+ of \d+ promises:\n") as caught:
        check_model(Broken(), TRAIN)
    assert "\n  seen_items_never_come_back: user 'u0' is recommended" in str(caught.value)
    assert "\n  predictions_stay_inside_the_scale: RuntimeError('out of order')" in str(caught.value)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


def test_models_without_a_scale_are_let_off():
    train = world(explicit=False)
    outcomes = check_model(ImplicitALS(factors=4, epochs=2, alpha=2.0).fit(train), train)
    assert (
        outcomes["predictions_stay_inside_the_scale"] == "skipped: the scores of this model are not ratings"
    )


def test_weighted_training_sets_are_let_off_fold_in():
    train = TRAIN.decay("1d")
    outcomes = check_model(Baseline().fit(train), train)
    assert outcomes["fold_in_equals_the_learned_row"].startswith("skipped: fold_in takes no weights")


def test_the_suite_needs_neither_pytest_nor_hypothesis():
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None;"
        "import tastespace, tastespace.testing;"
        "from tastespace.errors import MissingExtraError\n"
        "try: import tastespace.testing.strategies\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip().endswith("needs Hypothesis; install it with: pip install hypothesis")
