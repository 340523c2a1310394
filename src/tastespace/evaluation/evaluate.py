"""How good a model is on events that it has not seen."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.evaluation.known import describe_known, placed
from tastespace.evaluation.leak import leak_warnings
from tastespace.evaluation.protocol import describe, describe_relevance
from tastespace.evaluation.ranking import RANKING, coverage
from tastespace.evaluation.rating import RATING
from tastespace.evaluation.report import Report, UserValues
from tastespace.evaluation.scoring import rank_users, rate_events
from tastespace.evaluation.selection import select
from tastespace.evaluation.targets import HeldOut, Relevance, Targets

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender


def evaluate(
    model: Recommender,
    test: Interactions | Split,
    *,
    k: int | Sequence[int] = 10,
    metrics: str | Sequence[str] | None = None,
    relevant: Relevance = None,
    exclude_seen: bool = True,
    known: Interactions | None = None,
    threads: int | None = None,
    batch: int = 4096,
) -> Report:
    """Compare a model with held-out events.

    Every scored user is given a ranking of all items of the model, and the ranking is compared with the items of the
    user's test events. Where test and model hold ratings, predicted ratings are compared with given ones as well.

    Cold users (unknown to the model, or without a history there) are not scored. Items that the model does not know
    count as misses in rankings; their ratings are not predicted. `Report.counts` tells how many there are.

    Parameters
    ----------
    model
        Any model.
    test
        Held-out events, or a split, whose test side is taken. A split also tells the report how it was made, and
        brings its `known`.
    k
        Length of the list, or several lengths. Above the number of items, lists hold all items, and precision still
        divides by `k`.
    metrics
        Names out of precision, recall, ndcg, map, mrr, hit_rate, coverage (each at every `k`, or at its own cut-off
        as in ``"ndcg@20"``), rmse and mae. None means all that apply. Formulas: `tastespace.evaluation.ranking`
        and `tastespace.evaluation.rating`.
    relevant
        Which test items a ranking should find: None means all; a number, those whose test value (rating or weight)
        is at least that; a function from an array of values to an array of booleans, those for which it is true.
        Users without a relevant item are not scored in rankings. RMSE and MAE ignore it.
    exclude_seen
        Whether items in a user's history stay out of the ranking.
    known
        Events of users whom the model need not know; by default those of the split, if it holds whole users out. The
        users are placed by fold-in, ``model.fold_in_many(known)``, and these events are their history. Only they are
        scored then: all other users count as cold.
    threads
        For comparing rankings with test events; None means all available cores. How many cores the model ranks with
        is its own affair. The result is the same for any number.
    batch
        Users per block; bounds the memory of the rankings, changes no result.

    Returns
    -------
    Report

    Where events have times, `Report.warnings` says so if training holds events later than the tested ones.

    Raises
    ------
    EmptyError
        The test set holds no events, or none on which the model can be scored.
    ParameterError
        A metric is unknown (the message suggests the nearest), or a setting is outside its range.
    UnsupportedError
        RMSE or MAE is named, and the model predicts no ratings; or there are known events, and the model cannot place
        users by them.
    HistoryError
        Seen items are to be removed, and the model was saved without its users' histories.
    NumericalError
        A score is NaN.
    """
    how = None
    if isinstance(test, Split):
        how, known = test.how, test.known if known is None else known
    scored = placed(model, known, threads)
    evaluation = Evaluation(
        scored.users,
        scored.items,
        scored.history,
        test,
        k=k,
        metrics=metrics,
        relevant=relevant,
        exclude_seen=exclude_seen,
        threads=threads,
        batch=batch,
    )
    report = evaluation.run(scored)
    return report.prefaced([how, describe_known(known)], leak_warnings(model, test))


class Evaluation:
    """A test set made ready for several models over the same users and items, such as the epochs of one fit.

    Parameters
    ----------
    users, items, history
        As the models have them; `history` is None where they hold none.
    test, k, metrics, relevant, exclude_seen, threads, batch
        As in `evaluate`, and with the same errors.
    """

    __slots__ = (
        "_batch",
        "_exclude_seen",
        "_held_out",
        "_items",
        "_relevance",
        "_selection",
        "_threads",
        "_users",
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
        threads: int | None = None,
        batch: int = 4096,
    ) -> None:
        events = test.test if isinstance(test, Split) else test
        if not isinstance(events, Interactions):
            raise InputError(
                "test must be Interactions or one Split, as ts.split.last_out(ratings) makes it; got "
                f"{type(test).__name__}"
            )
        self._selection = select(k, metrics)
        self._exclude_seen = exclude_seen
        self._threads = resolve_threads(threads)
        self._batch = _batch(batch)
        if self._selection.ranking and exclude_seen and history is None:
            raise HistoryError(
                "removing seen items from the rankings needs the users' histories, and the model holds none; pass "
                "exclude_seen=False, or save the model with history=True"
            )
        if self._selection.rating and not self._selection.by_default and not events.explicit:
            raise ParameterError(
                "rmse and mae compare ratings, and the test set holds none; name ranking metrics"
            )
        self._users, self._items = users, items
        self._held_out = HeldOut.of(
            events, relevant, users, items, history, ratings=bool(self._selection.rating) and events.explicit
        )
        self._relevance = describe_relevance(relevant, events.explicit)
        self._check_something_to_score()

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
        if rated is not None and scale is not None:
            self._rate(model, rated, scale, metrics, per_user)
        protocol = describe(
            self._held_out.counts,
            len(self._items),
            ranking=self._exclude_seen if self._selection.ranking else None,
            relevance=self._relevance,
            scale=None if rated is None else scale,
        )
        return Report(metrics, self._held_out.counts, protocol, per_user)

    def _rank(self, model: Recommender, metrics: dict[str, float], per_user: dict[str, UserValues]) -> None:
        hits, best = rank_users(
            model,
            self._held_out.relevant,
            self._held_out.n_relevant,
            self._selection.cutoffs,
            exclude_seen=self._exclude_seen,
            threads=self._threads,
            batch=self._batch,
        )
        for metric, k in self._selection.ranking:
            name = f"{metric}@{k}"
            if metric == "coverage":
                metrics[name] = coverage(best, k)
            else:
                values = RANKING[metric](hits[k])
                metrics[name] = float(values.mean())
                per_user[name] = UserValues(self._held_out.users, self._held_out.relevant.test_rows, values)

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

    def _check_something_to_score(self) -> None:
        counts = self._held_out.counts
        if counts["users_warm"] == 0:
            raise EmptyError(
                f"none of the {counts['users']:,} test users is known to the model with a history; the test set has "
                f"ids such as {self._held_out.users.ids[:1].tolist()[0]!r}"
                + (f", the model {self._users.ids[:1].tolist()[0]!r}" if len(self._users) else "")
            )
        if self._selection.ranking and counts["users_scored"] == 0:
            raise EmptyError(
                f"none of the {counts['users_warm']:,} warm test users has a relevant item, where relevant = "
                f"{self._relevance}"
            )
        if (
            self._selection.ranking
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


def _batch(batch: int) -> int:
    try:
        size = operator.index(batch)
    except TypeError:
        size = 0
    if size < 1 or isinstance(batch, bool):
        raise ParameterError(f"batch must be a whole number of users, at least 1; got {batch!r}")
    return size
