"""How good a model is on events that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tastespace.data.interactions import Interactions
from tastespace.data.split import Split
from tastespace.evaluation.answers import check_model
from tastespace.evaluation.candidates import Candidates, Sampled
from tastespace.evaluation.known import describe_known, placed, training_warnings
from tastespace.evaluation.leak import leak_warnings
from tastespace.evaluation.prepared import Cold, Evaluation
from tastespace.evaluation.report import Report
from tastespace.evaluation.targets import Relevance

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
    candidates: Sampled | Candidates | None = None,
    known: Interactions | None = None,
    cold: Cold = "skip",
    slices: int = 0,
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
        Held-out events, or a split, whose test side is taken. A split also tells the report how it was made, and
        brings its `known`.
    k
        Length of the list, or several lengths. Above the number of items, lists hold all items, and precision still
        divides by `k`.
    metrics
        Names out of precision, recall, recall_capped, ndcg, ndcg_graded, map, mrr, hit_rate, coverage, gini, entropy,
        novelty, diversity, serendipity, popularity (each at every `k`, or at its own cut-off as in ``"ndcg@20"``), auc
        (of whole rankings), rmse, mae, rmse_by_user, mae_by_user, rmse_by_item, mae_by_item and calibration. None means
        those of precision, recall, ndcg, map, mrr, hit_rate, coverage, novelty, diversity, rmse and mae that apply;
        ``"all"`` all that apply. Formulas: `tastespace.evaluation.ranking`, `tastespace.evaluation.lists`,
        `tastespace.evaluation.rating`, and the pages on metrics in ``docs/math``.
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
    candidates
        None ranks all items. `tastespace.Sampled` ranks each user's relevant items among a few that are drawn,
        `tastespace.Candidates` given lists. Such values do not order models, and the report warns of that.
    cold
        ``"skip"`` leaves cold users out. ``"score"`` counts them with an empty list, 0 in every ranking metric, and
        predicts ratings with a cold user or item by what is known: the mean and the bias of the one that is not cold.
    slices
        Number of groups of users by activity and of items by popularity, for `Report.slices`; 0 for none.
    threads
        For comparing rankings with test events; None means all available cores. How many cores the model ranks with
        is its own affair. The result is the same for any number.
    batch
        Users per block; bounds the memory of the rankings, changes no result.

    Returns
    -------
    Report

    A model whose scores depend on the moment predicts every test rating at its own time, and ranks at a moment of its
    own choice, such as the end of training.

    Where events have times, `Report.warnings` says so if training holds events later than the tested ones.

    Raises
    ------
    EmptyError
        The test set holds no events, or none on which the model can be scored.
    ParameterError
        A metric is unknown (the message suggests the nearest), or a setting is outside its range.
    UnsupportedError
        A rating metric is named, and the model predicts no ratings; there are known events, and the model cannot place
        users by them; or the model's answers break its protocol.
    HistoryError
        Seen items are to be removed, candidates drawn by popularity, training events compared with (as novelty does),
        or slices made, and the model was saved without its users' histories.
    InputError
        `model` is not fitted, `test` or `candidates` is none of the above, or one of them has text for ids and another
        integers.
    NumericalError
        A score is NaN or infinite; names the user.

    Notes
    -----
    Besides the model and the test set, 12 bytes are held for each test event, 24 bytes for each user and cut-off, 8 for
    each user and metric, 4 for each candidate, and the rankings of one block: ``8 * batch * max(k)`` bytes.
    """
    check_model(model)
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
        candidates=candidates,
        cold=cold,
        slices=slices,
        threads=threads,
        batch=batch,
        trained=model.history,
    )
    warnings = [*leak_warnings(model, test), *training_warnings(model, known)]
    if candidates is not None and getattr(model, "listwise", False):
        warnings.append("candidates are ranked by the scores of the model, not re-ranked as its lists are")
    return evaluation.run(scored).prefaced([how, describe_known(known)], warnings)
