"""What each library answers to a case. Nothing here knows tastespace.

Every function yields (case, user, k, metric, value); user is -1 for values of all users together, k is 0 without a
cut-off. Libraries that take lists get the user's items by falling score, equal scores by rising item, so that none has
to break ties; libraries that take scores get the scores. What a library refuses to answer is left out.
"""

import warnings

import numpy as np
import pyarrow as pa

DECIMALS = 10


def table(library, cases):
    """One row for each (case, user, k), one column for each metric."""
    rows, names = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case, user, k, metric, value in globals()[library](cases):
            rows.setdefault((case, user, k), {})[metric] = value
            names[metric] = None
    keys = np.array(sorted(rows))
    columns = {"case": pa.array(keys[:, 0], pa.int16())}
    columns |= {"user": pa.array(keys[:, 1], pa.int8()), "k": pa.array(keys[:, 2], pa.int8())}
    for metric in names:
        values = [rows[tuple(key)].get(metric) for key in keys.tolist()]
        values = [
            None if value is None or np.isnan(value) else round(float(value), DECIMALS) for value in values
        ]
        columns[metric] = pa.array(values, pa.float64())
    return pa.table(columns)


def candidates(case, user):
    """Items that may be recommended, ascending."""
    left = np.arange(case["items"])
    return np.setdiff1d(left, user["seen"]) if case["exclude_seen"] else left


def ranking(case, user):
    """All candidates, best first."""
    items = candidates(case, user)
    return items[np.argsort(-np.array(user["scores"])[items], kind="stable")]


def relevant(case, user):
    """Rating by relevant item."""
    pairs = zip(user["test"], user["ratings"], strict=True)
    return {item: rating for item, rating in pairs if rating >= (case["at_least"] or 0)}


def graded(case):
    """Whether ratings are gains: where some test events are not relevant, libraries differ on whether they count."""
    return case["at_least"] is None


def every_user(cases):
    """Case, user, both by number, and the user's ranking and relevant items."""
    for number, case in enumerate(cases):
        for row, user in enumerate(case["users"]):
            yield number, row, case, user, ranking(case, user), relevant(case, user)


def ranx(cases):
    from ranx import Qrels, Run, evaluate

    names = {"precision": "precision", "recall": "recall", "map": "map", "mrr": "mrr", "hit_rate": "hit_rate"}
    for k in sorted({k for case in cases for k in case["ks"]}):
        users = [one for one in every_user(cases) if k in one[2]["ks"] and len(one[4]) and one[5]]
        runs, ones, ratings = {}, {}, {}
        for number, row, case, _, order, wanted in users:
            name = f"{number:04} {row}"
            runs[name] = {str(item): float(len(order) - place) for place, item in enumerate(order)}
            ones[name] = {str(item): 1 for item in wanted}
            if graded(case):
                ratings[name] = {str(item): int(rating) for item, rating in wanted.items()}
        measures = [f"{name}@{k}" for name in [*names, "ndcg"]]
        found = evaluate(Qrels(ones), Run(runs), measures, return_mean=False)
        found |= {f"{name}": found.pop(f"{name}@{k}") for name in [*names, "ndcg"]}
        for metric, values in found.items():
            for name, value in zip(sorted(runs), values, strict=True):
                yield *map(int, name.split()), k, metric, value
        runs = {name: runs[name] for name in ratings}
        found = evaluate(Qrels(ratings), Run(runs), [f"ndcg@{k}", f"ndcg_burges@{k}"], return_mean=False)
        for metric, column in (("ndcg", "ndcg_graded"), ("ndcg_burges", "ndcg_graded_burges")):
            for name, value in zip(sorted(runs), found[f"{metric}@{k}"], strict=True):
                yield *map(int, name.split()), k, column, value


def pytrec_eval(cases):
    import pytrec_eval as trec

    names = {
        "P": "precision",
        "recall": "recall",
        "ndcg_cut": "ndcg",
        "map_cut": "map",
        "success": "hit_rate",
    }
    for number, row, case, _, order, wanted in every_user(cases):
        if not wanted or not len(order):
            continue
        for k in case["ks"]:
            # Reciprocal rank has no cut-off of its own, so the list ends at k.
            run = {"": {str(item): float(len(order) - place) for place, item in enumerate(order[:k])}}
            measures = {f"{name}.{k}" for name in names} | {"recip_rank"}
            ones = trec.RelevanceEvaluator({"": {str(item): 1 for item in wanted}}, measures).evaluate(run)[
                ""
            ]
            for name, metric in names.items():
                yield number, row, k, metric, ones[f"{name}_{k}"]
            yield number, row, k, "mrr", ones["recip_rank"]
            if graded(case):
                ratings = {"": {str(item): int(rating) for item, rating in wanted.items()}}
                found = trec.RelevanceEvaluator(ratings, {f"ndcg_cut.{k}"}).evaluate(run)[""]
                yield number, row, k, "ndcg_graded", found[f"ndcg_cut_{k}"]


def recometrics(cases):
    import recometrics as reco
    import scipy.sparse as sp

    names = {
        "P": "precision",
        "R": "recall",
        "TP": "recall_capped",
        "AP": "map_over_relevant",
        "TAP": "map",
        "Hit": "hit_rate",
        "RR": "mrr",
        "NDCG": "ndcg",
    }
    for number, case in enumerate(cases):
        shape = (len(case["users"]), case["items"])
        seen, ones, ratings = (np.zeros(shape) for _ in range(3))
        for row, user in enumerate(case["users"]):
            wanted = relevant(case, user)
            known = [item for item in wanted if item < case["items"]]
            if case["exclude_seen"]:
                seen[row, user["seen"]] = 1
            if len(known) == len(wanted) and not seen[row, known].any():  # others it has no words for
                ones[row, known], ratings[row, known] = 1, [wanted[item] for item in known]
        scores = np.array([user["scores"] for user in case["users"]])
        given = {"A": scores, "B": np.eye(case["items"]), "all_metrics": True, "as_df": False, "nthreads": 1}
        for k in case["ks"]:
            if k >= case["items"] or not ones.any():  # it raises an error
                continue
            found = reco.calc_reco_metrics(
                sp.csr_array(seen), sp.csr_array(ones), k=k, rename_k=False, **given
            )
            values = {metric: found[f"{name}@K"] for name, metric in names.items()} | {
                "auc": found["ROC_AUC"]
            }
            if graded(case):
                again = reco.calc_reco_metrics(
                    sp.csr_array(seen), sp.csr_array(ratings), k=k, rename_k=False, **given
                )
                values["ndcg_graded"] = again["NDCG@K"]
            for metric, column in values.items():
                for row in range(shape[0]):
                    yield number, row, k if metric != "auc" else 0, metric, column[row]


def sklearn(cases):
    from sklearn.metrics import (
        average_precision_score,
        mean_absolute_error,
        ndcg_score,
        roc_auc_score,
        root_mean_squared_error,
    )

    for number, row, case, user, order, wanted in every_user(cases):
        ones = np.isin(order, list(wanted)).astype(int)
        if not ones.sum() > 0 or len(order) < 2:  # ndcg_score takes two items or more
            continue
        places = -np.arange(len(order), dtype=float)
        ratings = np.array([wanted.get(item, 0.0) for item in order])
        for k in case["ks"]:
            yield number, row, k, "ndcg", ndcg_score([ones], [places], k=k)
            yield (
                number,
                row,
                k,
                "average_precision",
                average_precision_score(ones, places),
            )  # of the whole list
            if graded(case):
                yield number, row, k, "ndcg_graded", ndcg_score([ratings], [places], k=k)
        if ones.sum() < len(ones):
            yield number, row, 0, "auc", roc_auc_score(ones, np.array(user["scores"])[order])
    for number, case in enumerate(cases):
        given, predicted, users = predictions(case)
        for row in [-1, *range(len(case["users"]))]:
            mask = users == row if row >= 0 else np.ones(len(users), bool)
            if mask.any():
                yield number, row, 0, "rmse", root_mean_squared_error(given[mask], predicted[mask])
                yield number, row, 0, "mae", mean_absolute_error(given[mask], predicted[mask])


def predictions(case):
    """Given and predicted ratings of the test events on items of the model, and their users."""
    events = [
        (rating, user["scores"][item], row)
        for row, user in enumerate(case["users"])
        for item, rating in zip(user["test"], user["ratings"], strict=True)
        if item < case["items"]
    ]
    given, predicted, users = np.array(events).T
    return given, np.clip(predicted, 1, 5), users


def rectools(cases):
    import pandas as pd
    from rectools import metrics as rt
    from rectools.metrics.distances import PairwiseDistanceCalculator

    class Cosine(PairwiseDistanceCalculator):
        """One minus the cosine between the audiences of two items."""

        def __init__(self, seen):
            size = np.sqrt(seen.sum(axis=0))
            self.distance = 1 - seen.T @ seen / np.outer(size, size)

        def _get_distances_for_item_pairs(self, items_0, items_1):
            return self.distance[items_0, items_1]

    for number, case in enumerate(cases):
        users = [
            (row, user, ranking(case, user)) for row, user in enumerate(case["users"]) if relevant(case, user)
        ]
        lists = pd.concat(
            pd.DataFrame({"user_id": row, "item_id": order, "rank": np.arange(1, len(order) + 1)})
            for row, _, order in users
        )
        held = pd.DataFrame([(row, item) for row, user, _ in users for item in relevant(case, user)])
        before = pd.DataFrame(
            [(row, item) for row, user in enumerate(case["users"]) for item in user["seen"]]
        )
        held.columns = before.columns = ["user_id", "item_id"]
        seen = audiences(case)
        unheard = [row for row, _, order in users if not seen[:, order].any(axis=0).all()]
        for k in case["ks"]:
            accuracy = {
                "precision": rt.Precision(k),
                "recall": rt.Recall(k),
                "hit_rate": rt.HitRate(k),
                "map": rt.MAP(k),
                "mrr": rt.MRR(k),
                "ndcg": rt.NDCG(k, divide_by_achievable=True),
                "ndcg_over_k": rt.NDCG(k),
            }
            found = {metric: one.calc_per_user(lists, held) for metric, one in accuracy.items()}
            found["novelty"] = rt.MeanInvUserFreq(k).calc_per_user(lists, before)
            found["popularity"] = rt.AvgRecPopularity(k).calc_per_user(lists, before)
            found["diversity"] = rt.IntraListDiversity(k, Cosine(seen)).calc_per_user(lists)
            for metric, values in found.items():
                for row, value in values.items():
                    if metric not in ("novelty", "diversity") or row not in unheard:
                        yield number, row, k, metric, value
            yield (
                number,
                -1,
                k,
                "coverage",
                rt.CatalogCoverage(k, normalize=True).calc(lists, range(case["items"])),
            )


def audiences(case):
    """(users, items): who has what in their history."""
    seen = np.zeros((len(case["users"]), case["items"]))
    for row, user in enumerate(case["users"]):
        seen[row, user["seen"]] = 1
    return seen


def lenskit(cases):
    from lenskit.data import ItemList, ItemListCollection
    from lenskit.metrics import (
        MAE,
        NDCG,
        RMSE,
        Hit,
        ListGini,
        LogRankWeight,
        Precision,
        Recall,
        RecipRank,
        RunAnalysis,
    )
    from lenskit.metrics.ranking import AveragePrecision

    # Without the offset the second place is not discounted either.
    discount = LogRankWeight(offset=1)
    for number, case in enumerate(cases):
        lists, tests = (ItemListCollection.empty(["user_id"]) for _ in range(2))
        for row, user in enumerate(case["users"]):
            wanted, order = relevant(case, user), ranking(case, user)
            if wanted and len(order):
                lists.add(ItemList(item_ids=order, ordered=True), user_id=row)
                tests.add(ItemList(item_ids=list(wanted), rating=list(wanted.values())), user_id=row)
        for k in case["ks"] if len(lists) else ():
            run = RunAnalysis()
            for metric, one in {
                "precision": Precision(k),
                "recall_capped": Recall(k),
                "map": AveragePrecision(k),
                "mrr": RecipRank(k),
                "hit_rate": Hit(k),
                "ndcg": NDCG(k, weight=discount),
                "gini": ListGini(k, items=case["items"]),
            }.items():
                run.add_metric(one, label=metric)
            if graded(case):
                run.add_metric(NDCG(k, weight=discount, gain="rating"), label="ndcg_graded")
            found = run.measure(lists, tests)
            for metric, values in (
                found.list_metrics(fill_missing=False).drop(columns="gini", errors="ignore").items()
            ):
                for row, value in values.items():
                    yield number, row, k, metric, value
            yield number, -1, k, "gini", found.global_metrics()["gini"]
        given, predicted, users = predictions(case)
        for row in np.unique(users).astype(int):
            ids = np.arange((users == row).sum())
            told = ItemList(item_ids=ids, scores=predicted[users == row])
            truth = ItemList(item_ids=ids, rating=given[users == row])
            yield number, row, 0, "rmse", RMSE().measure_list(told, truth)
            yield number, row, 0, "mae", MAE().measure_list(told, truth)


def numpy(cases):
    """The rest, by their definitions."""
    import scipy.stats

    for number, case in enumerate(cases):
        users = [user for user in case["users"] if relevant(case, user)]
        seen = audiences(case)
        count = seen.sum(axis=0)
        by_popularity = np.argsort(-count, kind="stable")
        for k in case["ks"]:
            lists = [ranking(case, user)[:k] for user in users]
            times = np.bincount(np.concatenate(lists), minlength=case["items"])
            yield number, -1, k, "entropy", scipy.stats.entropy(times, base=2)
            gini = np.abs(np.subtract.outer(times, times)).mean() / (2 * times.mean())
            yield number, -1, k, "gini", gini
            for row, user in enumerate(case["users"]):
                if not relevant(case, user):
                    continue
                order = ranking(case, user)[:k]
                expected = [item for item in by_popularity if item in candidates(case, user)][:k]
                hits = [item for item in order if item in relevant(case, user) and item not in expected]
                yield number, row, k, "serendipity", len(hits) / k
                yield number, row, k, "popularity", count[order].mean()
                if count[order].all():
                    yield number, row, k, "novelty", -np.log2(count[order] / len(seen)).mean()
        given, predicted, owners = predictions(case)
        items = np.array([item for user in case["users"] for item in user["test"] if item < case["items"]])
        for groups, suffix in ((owners, "by_user"), (items, "by_item")):
            errors = [(predicted - given)[groups == group] for group in np.unique(groups)]
            yield number, -1, 0, f"rmse_{suffix}", np.mean([np.sqrt((error**2).mean()) for error in errors])
            yield number, -1, 0, f"mae_{suffix}", np.mean([np.abs(error).mean() for error in errors])
        sums = scipy.stats.binned_statistic(
            predicted, [predicted, given], "sum", bins=10, range=(1, 5)
        ).statistic
        yield number, -1, 0, "calibration", np.abs(sums[0] - sums[1]).sum() / len(given)
