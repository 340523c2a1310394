"""The contract: every promise that a model makes, as one list of checks.

With pytest::

    from tastespace.testing import contract

    @pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(model, train, refit)

A check raises AssertionError where a promise is broken, and ``unittest.SkipTest``, which pytest reports as skipped,
where the model does not make it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self, TypeAlias
from unittest import SkipTest

from tastespace.data.interactions import Interactions
from tastespace.models.protocol import Recommender
from tastespace.testing import answers, lists, sameness
from tastespace.testing.comparing import Refit

__all__ = ["CHECKS", "Check", "check_model", "refit_with"]

Check: TypeAlias = Callable[[Recommender, Interactions, Refit | None], None]

#: Every check, each a function of the model, its training set, and a function that learns the model again.
CHECKS: tuple[Check, ...] = (
    lists.one_user_equals_a_batch,
    lists.stream_equals_batch,
    lists.ranks_start_at_one_and_scores_descend,
    lists.equal_scores_go_by_item_row,
    lists.seen_items_never_come_back,
    lists.n_results_wherever_they_exist,
    lists.only_allowed_and_never_denied_items,
    lists.lists_and_pairs_agree,
    lists.rank_gives_distinct_items_best_first,
    answers.unknown_users_are_named,
    answers.unknown_items_are_named,
    answers.predictions_stay_inside_the_scale,
    answers.fold_in_equals_the_learned_row,
    answers.fold_in_many_equals_fold_in,
    answers.an_empty_history_is_answered_or_refused,
    answers.explanations_sum_to_the_score,
    sameness.saved_and_loaded_is_the_same,
    sameness.saved_without_history_says_so,
    sameness.same_seed_same_model,
    sameness.any_thread_count_same_model,
    sameness.update_with_nothing_changes_nothing,
    sameness.everything_is_read_only,
)


class _Trainer(Protocol):
    def params(self) -> dict[str, Any]: ...
    def replace(self, **changes: Any) -> Self: ...
    def fit(self, train: Interactions) -> Recommender: ...


def refit_with(trainer: _Trainer, train: Interactions) -> Refit:
    """Return the function that the checks of seed and thread count learn the model again with.

    Parameters
    ----------
    trainer
        Anything with ``fit(train)``, ``params()`` and ``replace(**changes)``; its parameter ``threads`` is set
        where it has one.
    train
        What the model was learned from.
    """

    def refit(*, threads: int | None = None) -> Recommender:
        several = threads is not None and "threads" in trainer.params()
        return (trainer.replace(threads=threads) if several else trainer).fit(train)

    return refit


def check_model(model: Recommender, train: Interactions, refit: Refit | None = None) -> dict[str, str]:
    """Put a model through every check.

    Parameters
    ----------
    model
        Any model, learned from `train`.
    train
        Its training set; a few hundred events are enough and keep the checks quick.
    refit
        Learns the model again, as by `refit_with`; without it the checks of seed and thread count are skipped.

    Returns
    -------
    dict of str to str
        For each check ``"passed"``, or ``"skipped: "`` and why.

    Raises
    ------
    AssertionError
        Naming every broken promise; its cause is a group of the errors.
    """
    outcomes = {}
    broken: dict[str, Exception] = {}
    for check in CHECKS:
        name = getattr(check, "__name__", repr(check))
        try:
            check(model, train, refit)
        except SkipTest as reason:
            outcomes[name] = f"skipped: {reason}"
        except Exception as error:
            broken[name] = error
        else:
            outcomes[name] = "passed"
    if broken:
        listed = "\n".join(
            f"  {name}: {error if isinstance(error, AssertionError) else repr(error)}"
            for name, error in broken.items()
        )
        raise AssertionError(
            f"the model breaks {len(broken)} of {len(CHECKS)} promises:\n{listed}"
        ) from ExceptionGroup("broken promises", list(broken.values()))
    return outcomes
