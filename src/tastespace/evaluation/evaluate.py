"""How good a model is on events that it has not seen."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.evaluation.candidates import Candidates, Pool, Sampled, drawn, given, with_lists
from tastespace.evaluation.protocol import CAUTION, describe, describe_relevance
from tastespace.evaluation.ranking import RANKING, auc, coverage
from tastespace.evaluation.rating import RATING
from tastespace.evaluation.report import Report, UserValues
from tastespace.evaluation.scoring import compare_pairs, rank_users, rate_events
from tastespace.evaluation.selection import select
from tastespace.evaluation.targets import HeldOut, Relevance, Targets

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender

Cold = Literal["skip", "score"]


def evaluate(
    model: Recommender,
    test: Interactions | Split,
    *,
    k: int | Sequence[int] = 10,
    metrics: str | Sequence[str] | None = None,
    relevant: Relevance = None,
    exclude_seen: bool = True,
    candidates: Sampled | Candidates | None = None,
    cold: Cold = "skip",
    threads: int | None = None,
    batch: int = 4096,
) -> Report:
    """Compare a model with held-out events.

    Every scored user is given a ranking of all items of the model, and the ranking is compared with the items of the
    user's test events. Where test and model hold ratings, predicted ratings are compared with given ones as well.

    Items that the model does not know count as misses in rankings. Cold users (unknown to the model, or without a
    history there) and ratings with a cold user or item are left out or scored as `cold` says. Equal scores are ranked
    by item row, the order of ``model.items``. Test users without a relevant item are not scored. `Report.counts` tells
    how many there are of each, `Report.protocol` says in a sentence what was done, and `Report.warnings` what may
    mislead.

    Parameters
    ----------
    model
        Any model.
    test
        Held-out events, or a split, whose test side is taken.
    k
        Length of the list, or several lengths. Above the number of items, lists hold all items, and precision still
        divides by `k`.
    metrics
        Names out of precision, recall, recall_capped, ndcg, ndcg_graded, map, mrr, hit_rate, coverage (each at every
        `k`, or at its own cut-off as in ``"ndcg@20"``), auc (of whole rankings), rmse and mae. None means precision,
        recall, ndcg, map, mrr, hit_rate, coverage and, where there are ratings, rmse and mae; ``"all"`` all that apply.
        Formulas: `tastespace.evaluation.ranking`, `tastespace.evaluation.rating` and ``docs/math/ranking-metrics.md``.
    relevant
        Which test items a ranking should find: None means all; a number, those whose test value (rating or weight)
        is at least that; a function from an array of values to an array of booleans, those for which it is true.
        Users without a relevant item are not scored in rankings. RMSE and MAE ignore it.
    exclude_seen
        Whether items in a user's history stay out of the ranking.
    candidates
        None ranks all items. `tastespace.Sampled` ranks each user's relevant items among a few that are drawn,
        `tastespace.Candidates` given lists. Such values do not order models, and the report warns of that.
    cold
        ``"skip"`` leaves cold users out. ``"score"`` counts them with an empty list, 0 in every ranking metric, and
        predicts ratings with a cold user or item by what is known: the mean and the bias of the one that is not cold.
    threads
        For comparing rankings with test events; None means all available cores. How many cores the model ranks with
        is its own affair. The result is the same for any number.
    batch
        Users per block; bounds the memory of the rankings, changes no result.

    Returns
    -------
    Report

    Raises
    ------
    EmptyError
        The test set holds no events, or none on which the model can be scored.
    ParameterError
        A metric is unknown (the message suggests the nearest), or a setting is outside its range.
    UnsupportedError
        RMSE or MAE is named, and the model predicts no ratings; or the model's answers break its protocol.
    HistoryError
        Seen items are to be removed, or candidates drawn by popularity, and the model was saved without its users'
        histories.
    InputError
        `test` or `candidates` is none of the above.
    NumericalError
        A score is NaN or infinite; names the user.

    Notes
    -----
    Besides the model and the test set, 12 bytes are held for each test event, 24 bytes for each user and cut-off, 8 for
    each user and metric, 4 for each candidate, and the rankings of one block: ``8 * batch * max(k)`` bytes.
    """
    evaluation = Evaluation(
        model.users,
        model.items,
        model.history,
        test,
        k=k,
        metrics=metrics,
        relevant=relevant,
        exclude_seen=exclude_seen,
        candidates=candidates,
        cold=cold,
        threads=threads,
        batch=batch,
    )
    return evaluation.run(model)


class Evaluation:
    """A test set made ready for several models over the same users and items, such as the epochs of one fit.

    Parameters
    ----------
    users, items, history
        As the models have them; `history` is None where they hold none.
    test, k, metrics, relevant, exclude_seen, candidates, cold, threads, batch
        As in `evaluate`, and with the same errors.
    """

    __slots__ = (
        "_batch",
        "_cold",
        "_exclude_seen",
        "_held_out",
        "_items",
        "_pool",
        "_relevance",
        "_selection",
        "_threads",
        "_users",
        "_warnings",
        "_worth",
    )

    def __init__(
        self,
        users: Vocabulary,
        items: Vocabulary,
        history: Csr | None,
        test: Interactions | Split,
        *,
        k: int | Sequence[int] = 10,
        metrics: str | Sequence[str] | None = None,
        relevant: Relevance = None,
        exclude_seen: bool = True,
        candidates: Sampled | Candidates | None = None,
        cold: Cold = "skip",
        threads: int | None = None,
        batch: int = 4096,
    ) -> None:
        events = test.test if isinstance(test, Split) else test
        if not isinstance(events, Interactions):
            raise InputError(
                "test must be Interactions or one Split, as ts.split.last_out(ratings) makes it; got "
                f"{type(test).__name__}"
            )
        if cold not in get_args(Cold):
            raise ParameterError(
                f'cold must be "skip" (cold users are not scored) or "score" (they count 0); got {cold!r}'
            )
        self._selection = select(k, metrics)
        self._exclude_seen = exclude_seen
        self._cold = cold == "score"
        self._threads = resolve_threads(threads)
        self._batch = _batch(batch)
        if self._selection.ranks and exclude_seen and history is None:
            raise HistoryError(
                "removing seen items from the rankings needs the users' histories, and the model holds none; pass "
                "exclude_seen=False, or save the model with history=True"
            )
        if self._selection.rating and not self._selection.by_default and not events.explicit:
            raise ParameterError(
                "rmse and mae compare ratings, and the test set holds none; name ranking metrics"
            )
        lists = _lists(candidates)
        self._users, self._items = users, items
        self._held_out = HeldOut.of(
            events,
            relevant,
            users,
            items,
            history,
            ratings=bool(self._selection.rating) and events.explicit,
            cold=self._cold,
            among=None if lists is None else with_lists(lists, events.users),
            threads=self._threads,
        )
        self._relevance = describe_relevance(relevant, events.explicit)
        self._check_something_to_score()
        self._worth = self._worth_of_all() if self._selection.graded else None
        self._pool: Pool | None = None
        if self._selection.ranks and candidates is not None:
            self._pool = self._candidates(candidates, lists, history)
        self._warnings = () if self._pool is None else (CAUTION,)

    def run(self, model: Recommender) -> Report:
        """Evaluate one model.

        Parameters
        ----------
        model
            Has the users, the items and the history that this evaluation was made ready for.

        Raises
        ------
        ParameterError
            The model has other users or items.
        UnsupportedError, NumericalError
            As in `evaluate`.
        """
        for noun, mine, its in (("users", self._users, model.users), ("items", self._items, model.items)):
            if its is not mine and its != mine:
                raise ParameterError(
                    f"this evaluation was made ready for other {noun} than the model has; make one for this model, "
                    "or call tastespace.evaluate"
                )
        rated, scale = self._held_out.rated, model.scale
        if scale is None and self._selection.rating and not self._selection.by_default:
            raise UnsupportedError(
                f"rmse and mae compare ratings, and {type(model).__name__} predicts none; name ranking metrics"
            )
        metrics: dict[str, float] = {}
        per_user: dict[str, UserValues] = {}
        if self._selection.ranking:
            self._rank(model, metrics, per_user)
        if self._selection.whole:
            self._rank_whole(model, metrics, per_user)
        if rated is not None and scale is not None:
            self._rate(model, rated, scale, metrics, per_user)
        counts = self._held_out.counts | ({} if self._pool is None else self._pool.counts)
        protocol = describe(
            counts,
            len(self._items),
            ranking=self._exclude_seen if self._selection.ranks else None,
            relevance=self._relevance,
            scale=None if rated is None else scale,
            among=None if self._pool is None else self._pool.how,
            cold=self._cold,
        )
        return Report(metrics, counts, protocol, per_user, self._warnings)

    def _rank(self, model: Recommender, metrics: dict[str, float], per_user: dict[str, UserValues]) -> None:
        hits, best = rank_users(
            model,
            self._held_out.relevant,
            self._held_out.n_relevant,
            self._selection.cutoffs,
            exclude_seen=self._exclude_seen,
            threads=self._threads,
            batch=self._batch,
            pool=self._pool,
            worth=self._worth,
        )
        for metric, k in self._selection.ranking:
            name = f"{metric}@{k}"
            if metric == "coverage":
                metrics[name] = coverage(best, k)
            else:
                values = RANKING[metric](hits[k])
                metrics[name] = float(values.mean())
                per_user[name] = UserValues(self._held_out.users, self._held_out.relevant.test_rows, values)

    def _rank_whole(
        self, model: Recommender, metrics: dict[str, float], per_user: dict[str, UserValues]
    ) -> None:
        pairs = compare_pairs(
            model,
            self._held_out.relevant,
            self._held_out.n_relevant,
            exclude_seen=self._exclude_seen,
            threads=self._threads,
            batch=self._batch,
            pool=self._pool,
        )
        values = auc(pairs)
        metrics["auc"] = float(values.mean())
        per_user["auc"] = UserValues(self._held_out.users, self._held_out.relevant.test_rows, values)

    def _rate(
        self,
        model: Recommender,
        rated: Targets,
        scale: tuple[float, float],
        metrics: dict[str, float],
        per_user: dict[str, UserValues],
    ) -> None:
        residuals = rate_events(model, rated, scale, threads=self._threads, batch=self._batch)
        for metric in self._selection.rating:
            metrics[metric] = float(RATING[metric](residuals.total())[0])
            per_user[metric] = UserValues(self._held_out.users, rated.test_rows, RATING[metric](residuals))

    def _worth_of_all(self) -> Targets | None:
        """All relevant items of the scored users with their values, cold ones too."""
        events, chosen = self._held_out.events, self._held_out.chosen
        values = events.by_user.filled_values()
        bad = np.flatnonzero(values < 0 if chosen is None else (values < 0) & chosen)
        if not len(bad):
            return self._held_out.gather(self._held_out.relevant.test_rows, chosen, cold=True)
        if self._selection.by_default:
            self._selection = self._selection.without("ndcg_graded")
            return None
        user, item = events.user_rows()[bad[:1]], events.by_user.indices[bad[:1]]
        raise ParameterError(
            "ndcg_graded takes test values for gains, which must not be negative; that of user "
            f"{events.users.ids[user].tolist()[0]!r} and item {events.items.ids[item].tolist()[0]!r} is "
            f"{values[bad[0]]:g}; name ndcg, or pass relevant= to leave such events out"
        )

    def _candidates(
        self, candidates: Sampled | Candidates, lists: Interactions | None, history: Csr | None
    ) -> Pool:
        if lists is not None:
            return given(
                lists,
                self._held_out,
                self._items,
                history,
                exclude_seen=self._exclude_seen,
                threads=self._threads,
            )
        assert isinstance(candidates, Sampled)  # `_lists` has looked at it
        return drawn(
            candidates,
            self._held_out,
            len(self._items),
            history,
            exclude_seen=self._exclude_seen,
            threads=self._threads,
        )

    def _check_something_to_score(self) -> None:
        counts = self._held_out.counts
        if counts["users_warm"] == 0:
            raise EmptyError(
                f"none of the {counts['users']:,} test users is known to the model with a history; the test set has "
                f"ids such as {self._held_out.users.ids[:1].tolist()[0]!r}"
                + (f", the model {self._users.ids[:1].tolist()[0]!r}" if len(self._users) else "")
            )
        if self._selection.ranks and counts.get("users_without_candidates") and counts["users_scored"] == 0:
            raise EmptyError(
                f"none of the {counts['users_without_candidates']:,} test users with a relevant item has a list of "
                "candidates; check that both name users alike"
            )
        if self._selection.ranks and counts["users_scored"] == 0:
            raise EmptyError(
                f"none of the {counts['users_warm']:,} warm test users has a relevant item, where relevant = "
                f"{self._relevance}"
            )
        if (
            self._selection.ranks
            and self._exclude_seen
            and counts["events_relevant_seen"] == counts["events_relevant"]
        ):
            raise EmptyError(
                f"all {counts['events_relevant']:,} relevant test events are in the model's history and would be "
                "removed as seen; to evaluate on the training set pass exclude_seen=False"
            )
        if self._selection.rating and not self._selection.by_default and self._held_out.rated is None:
            raise EmptyError(
                "rmse and mae need test events whose user and item the model knows, and there are none among "
                f"{counts['events']:,}"
            )


def _lists(candidates: object) -> Interactions | None:
    """Given candidates; None where they are drawn or all items are ranked."""
    if isinstance(candidates, Candidates):
        return candidates.interactions()
    if candidates is None or isinstance(candidates, Sampled):
        return None
    raise InputError(
        "candidates must be None (all items), ts.Sampled(...) or ts.Candidates(lists); got "
        f"{type(candidates).__name__}"
    )


def _batch(batch: int) -> int:
    try:
        size = operator.index(batch)
    except TypeError:
        size = 0
    if size < 1 or isinstance(batch, bool):
        raise ParameterError(f"batch must be a whole number of users, at least 1; got {batch!r}")
    return size
