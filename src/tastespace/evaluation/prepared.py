"""A test set made ready, and a model run over it."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from tastespace.data.csr import Csr
from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.data.threads import resolve_threads
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import EmptyError, HistoryError, InputError, ParameterError, UnsupportedError
from tastespace.evaluation.answers import is_timed
from tastespace.evaluation.candidates import Candidates, Pool, Sampled, drawn, given, with_lists
from tastespace.evaluation.cautions import disliked_warnings, seen_warnings
from tastespace.evaluation.lists import FROM_TRAINING, needs_training, watch
from tastespace.evaluation.protocol import CAUTION, describe, describe_relevance
from tastespace.evaluation.ranking import RANKING, auc
from tastespace.evaluation.rating import Errors, rate
from tastespace.evaluation.report import Report, UserValues
from tastespace.evaluation.scoring import Watcher, compare_pairs, rank_users, rate_events
from tastespace.evaluation.selection import Selection, select
from tastespace.evaluation.slices import Slices
from tastespace.evaluation.targets import HeldOut, Relevance, Targets, relevant_mask
from tastespace.evaluation.training import Training

if TYPE_CHECKING:
    from tastespace.models.protocol import Recommender

Cold = Literal["skip", "score"]


class Evaluation:
    """A test set made ready for several models over the same users and items, such as the epochs of one fit.

    Parameters
    ----------
    users, items, history
        As the models have them; `history` is None where they hold none.
    test, k, metrics, relevant, exclude_seen, candidates, cold, slices, threads, batch
        As in `evaluate`, and with the same errors.
    trained
        The history of the users whom the models were trained on, where these users were folded in later, so that
        popularity, novelty and the like are those of the training set; None means `history`.
    """

    __slots__ = (
        "_batch",
        "_cold",
        "_exclude_seen",
        "_grades",
        "_held_out",
        "_items",
        "_left_out",
        "_pool",
        "_relevance",
        "_selection",
        "_slices",
        "_threads",
        "_training",
        "_users",
        "_warnings",
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
        slices: int = 0,
        threads: int | None = None,
        batch: int = 4096,
        trained: Csr | None = None,
    ) -> None:
        events = test.test if isinstance(test, Split) else test
        if not isinstance(events, Interactions):
            raise InputError(
                "test must be Interactions or one Split, as ts.split.last_out(ratings) makes it; got "
                f"{type(test).__name__}"
            )
        _check_cold(cold)
        self._selection = select(k, metrics)
        self._exclude_seen = _exclude_seen(exclude_seen)
        self._cold = cold == "score"
        self._threads = resolve_threads(threads)
        self._batch = _batch(batch)
        self._slices = _slices(slices)
        self._training = None
        trained = history if trained is None else trained
        if (
            history is not None
            and trained is not None
            and (self._slices or any(metric in FROM_TRAINING for metric, _ in self._selection.ranking))
        ):
            self._training = Training.of(trained, history)
        if self._selection.ranks and exclude_seen and history is None:
            raise HistoryError(
                "removing seen items from the rankings needs the users' histories, and the model holds none; pass "
                "exclude_seen=False, or save the model with history=True"
            )
        if self._selection.rating and not self._selection.by_default and not events.explicit:
            raise ParameterError(
                f"{self._named_rating()} compares ratings, and the test set holds none; name ranking metrics"
            )
        self._left_out: tuple[str, ...] = ()
        if history is None or trained is None:
            self._leave_out_training()
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
            among=None if lists is None else with_lists(lists, events.users, items),
            threads=self._threads,
        )
        self._relevance = describe_relevance(relevant, events.explicit)
        self._check_something_to_score()
        self._grades = self._grades_of_all() if self._selection.graded else None
        self._pool: Pool | None = None
        if self._selection.ranks and candidates is not None:
            self._pool = self._candidates(candidates, lists, history, trained)
        self._warnings = (
            *(() if self._pool is None else (CAUTION,)),
            *seen_warnings(self._held_out.counts, removed=self._selection.ranks and self._exclude_seen),
            *(disliked_warnings(events) if self._selection.ranks and relevant is None else ()),
        )

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
                f"{self._named_rating()} compares ratings, and {type(model).__name__} predicts none; "
                "name ranking metrics"
            )
        metrics: dict[str, float] = {}
        per_user: dict[str, UserValues] = {}
        slices, errors = self._slice(None if scale is None else rated), None
        if self._selection.ranking:
            self._rank(model, metrics, per_user, slices)
        if self._selection.whole:
            self._rank_whole(model, metrics, per_user)
        if rated is not None and scale is not None:
            errors = self._rate(model, rated, scale, metrics, per_user)
        counts = self._held_out.counts | ({} if self._pool is None else self._pool.counts)
        protocol = describe(
            counts,
            len(self._items),
            ranking=self._exclude_seen if self._selection.ranks else None,
            relevance=self._relevance,
            scale=None if rated is None else scale,
            among=None if self._pool is None else self._pool.how,
            cold=self._cold,
            timed=is_timed(model) and self._held_out.events.has_times,
        )
        if self._left_out:
            protocol += f"; {', '.join(self._left_out)} left out because the model holds no histories"
        return Report(
            metrics,
            counts,
            protocol,
            per_user,
            self._warnings,
            slices={} if slices is None else slices.tables(metrics, per_user, errors),
            calibration=None if errors is None else errors.calibration.table(),
        )

    def _slice(self, rated: Targets | None) -> Slices | None:
        if not self._slices or self._training is None:
            return None
        held_out, wanted = self._held_out, rated
        if self._selection.ranks:
            wanted = self._grades or held_out.gather(held_out.relevant.test_rows, held_out.chosen, cold=True)
        if wanted is None:
            return None
        return Slices(
            self._slices,
            held_out.relevant if self._selection.ranks else None,
            wanted,
            rated,
            self._grades is not None,
            len(held_out.users),
            self._training,
            self._selection.ranking,
            min((*self._selection.cutoffs[-1:], len(self._items))),
            threads=self._threads,
        )

    def _rank(
        self,
        model: Recommender,
        metrics: dict[str, float],
        per_user: dict[str, UserValues],
        slices: Slices | None,
    ) -> None:
        lists = watch(
            self._selection.ranking,
            len(self._items),
            self._held_out.relevant,
            self._training,
            exclude_seen=self._exclude_seen,
            threads=self._threads,
        )
        watchers: list[Watcher] = list(dict.fromkeys(lists.values()))
        if slices is not None:
            watchers.append(slices)
        hits = rank_users(
            model,
            self._held_out.relevant,
            self._held_out.n_relevant,
            self._selection.cutoffs,
            exclude_seen=self._exclude_seen,
            watchers=watchers,
            threads=self._threads,
            batch=self._batch,
            pool=self._pool,
            grades=self._grades,
        )
        users, rows = self._held_out.users, self._held_out.relevant.test_rows
        for metric, k in self._selection.ranking:
            name = f"{metric}@{k}"
            if metric not in lists:
                values = RANKING[metric](hits[k])
                metrics[name] = float(values.mean())
                per_user[name] = UserValues(users, rows, values)
                continue
            metrics[name] = lists[metric].total(metric, k)
            some = lists[metric].per_user(metric, k)
            if some is not None:
                defined = ~np.isnan(some)
                per_user[name] = UserValues(users, rows[defined], some[defined])

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
    ) -> Errors:
        times = self._held_out.times(rated) if is_timed(model) else None
        errors = rate_events(model, rated, scale, threads=self._threads, batch=self._batch, times=times)
        for metric in self._selection.rating:
            metrics[metric], values = rate(metric, errors)
            if values is not None:
                counts = errors.by_user.events if metric in ("rmse", "mae") else None
                per_user[metric] = UserValues(self._held_out.users, rated.test_rows, values, counts)
        return errors

    def _named_rating(self) -> str:
        return self._selection.rating[0]

    def _leave_out_training(self) -> None:
        """Drop the metrics that a model without histories cannot have, if nobody named them."""
        if self._slices:
            raise needs_training("slices")
        self._left_out = tuple(
            dict.fromkeys(name for name, _ in self._selection.ranking if name in FROM_TRAINING)
        )
        if self._left_out and not self._selection.by_default:
            raise needs_training(self._left_out[0])
        kept = tuple(pair for pair in self._selection.ranking if pair[0] not in self._left_out)
        self._selection = replace(self._selection, ranking=kept)

    def _grades_of_all(self) -> Targets | None:
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
        self,
        candidates: Sampled | Candidates,
        lists: Interactions | None,
        history: Csr | None,
        trained: Csr | None,
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
            trained,
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
                f"{self._named_rating()} needs test events whose user and item the model knows, and there are none "
                f"among {counts['events']:,}"
            )


def check_settings(
    events: Interactions,
    *,
    k: int | Sequence[int],
    metrics: str | Sequence[str] | None,
    relevant: Relevance,
    candidates: Sampled | Candidates | None,
    cold: Cold,
    slices: int,
    threads: int | None,
) -> Selection:
    """Check what needs no model, before models are fitted on one side of a split; `events` are the other side.

    Returns
    -------
    Selection
        The metrics that are asked for.

    Raises
    ------
    ParameterError, InputError
        As `evaluate` does.
    """
    _check_cold(cold)
    selection = select(k, metrics)
    resolve_threads(threads)
    _slices(slices)
    _lists(candidates)
    if relevant is not None:
        relevant_mask(events.by_user.filled_values(), relevant)
    return selection


def _check_cold(cold: object) -> None:
    if cold not in get_args(Cold):
        raise ParameterError(
            f'cold must be "skip" (cold users are not scored) or "score" (they count 0); got {cold!r}'
        )


def _exclude_seen(exclude_seen: bool) -> bool:
    if not isinstance(exclude_seen, bool | np.bool_):
        raise ParameterError(f"exclude_seen must be True or False; got {exclude_seen!r}")
    return bool(exclude_seen)


def _slices(slices: int) -> int:
    try:
        groups = operator.index(slices)
    except TypeError:
        groups = -1
    if groups < 0 or isinstance(slices, bool):
        raise ParameterError(f"slices must be a whole number of groups, or 0 for none; got {slices!r}")
    return groups


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
