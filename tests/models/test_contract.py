"""Every trainer keeps every promise, on ratings and on implicit events."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tastespace.data.interactions import Interactions
from tastespace.data.vocabulary import Vocabulary
from tastespace.testing import check_model, contract, refit_with, strategies
from tastespace.trainers.als import ALS
from tastespace.trainers.baseline import Baseline
from tastespace.trainers.bpr import BPR
from tastespace.trainers.ease import EASE
from tastespace.trainers.funk_svd import FunkSVD
from tastespace.trainers.implicit_als import ImplicitALS
from tastespace.trainers.item_embedding import ItemEmbedding
from tastespace.trainers.item_knn import ItemKNN
from tastespace.trainers.logistic_mf import LogisticMF
from tastespace.trainers.nmf import NMF
from tastespace.trainers.pmf import PMF
from tastespace.trainers.popularity import Popularity
from tastespace.trainers.svdpp import SVDPlusPlus
from tastespace.trainers.timesvd import TimeSVDPlusPlus
from tastespace.trainers.truncated_svd import TruncatedSVD
from tastespace.trainers.user_knn import UserKNN
from tastespace.trainers.warp import WARP
from tests.models.worlds import world

RATINGS = {
    "als": ALS(factors=6, epochs=4),
    "als-cholesky": ALS(factors=17, epochs=3, solver="cholesky", bias_regularization=0.5),
    "als-plain": ALS(factors=6, epochs=4, biases=False, frequency_scaling=0.0),
    "als-nonnegative": ALS(factors=6, epochs=4, nonnegative=True),
    "als-nonnegative-plain": ALS(factors=17, epochs=3, biases=False, nonnegative=True),
    "svd-plus-plus": SVDPlusPlus(factors=6, epochs=4),
    "svd-plus-plus-users": SVDPlusPlus(factors=17, epochs=3, implicit="users", regularization=0.0),
    "svd-plus-plus-items": SVDPlusPlus(factors=40, epochs=3, implicit="items"),
    "baseline": Baseline(),
    "funk-svd": FunkSVD(factors=6, epochs=4),
    "funk-svd-scaled": FunkSVD(factors=17, epochs=3, frequency_scaling=0.5, bias_learning_rate=0.01),
    "pmf": PMF(factors=6, epochs=4),
    "popularity": Popularity(),
    "popularity-recent": Popularity(half_life="2d"),
    "ease-ratings-as-weights": EASE(regularization=5.0, confidence="linear"),
    "bpr-ratings-as-weights": BPR(factors=6, epochs=4, confidence="linear"),
    "item-knn-ratings": ItemKNN(neighbours=12),
    "item-knn-cosine": ItemKNN(neighbours=12, similarity="cosine", shrinkage=2.0, overlap=2, damping=0.5),
    "item-knn-pearson": ItemKNN(neighbours=12, similarity="pearson"),
    "item-knn-adjusted": ItemKNN(neighbours=12, similarity="adjusted_cosine"),
    "user-knn-ratings": UserKNN(neighbours=12),
    "user-knn-pearson": UserKNN(neighbours=12, similarity="pearson", overlap=2),
    "timesvd": TimeSVDPlusPlus(factors=6, epochs=4),
    "timesvd-all": TimeSVDPlusPlus(factors=17, epochs=3, days="factors"),
    "timesvd-explicit": TimeSVDPlusPlus(
        factors=6, epochs=3, implicit=False, drift="bias", days="none", bins=1
    ),
    "truncated-svd-ratings": TruncatedSVD(factors=6),
    "truncated-svd-centred": TruncatedSVD(factors=17, centred=True),
    "item-embedding-ratings": ItemEmbedding(factors=6, window=4),
    "nmf-observed": NMF(factors=6, epochs=4, observed_only=True),
    "nmf-ratings-as-counts": NMF(factors=6, epochs=6, init="random"),
    "ials-ratings-as-weights": ImplicitALS(factors=6, epochs=4, unobserved_weight=0.1),
}
EVENTS = {
    "ials": ImplicitALS(factors=6, epochs=4, unobserved_weight=0.1),
    "ials-cholesky": ImplicitALS(factors=17, epochs=3, unobserved_weight=0.1, solver="cholesky"),
    "ials-nonnegative": ImplicitALS(factors=6, epochs=4, unobserved_weight=0.1, nonnegative=True),
    "ials-log": ImplicitALS(factors=6, epochs=4, alpha=10.0, confidence="log"),
    "ials-bm25": ImplicitALS(factors=6, epochs=4, alpha=10.0, confidence="bm25"),
    "ials-tfidf": ImplicitALS(factors=6, epochs=4, alpha=10.0, confidence="tfidf"),
    "truncated-svd": TruncatedSVD(factors=6),
    "truncated-svd-tfidf": TruncatedSVD(factors=17, confidence="tfidf", centred=True),
    "truncated-svd-variance": TruncatedSVD(variance=0.5, confidence="bm25"),
    "truncated-svd-lanczos": TruncatedSVD(factors=6, solver="lanczos", confidence="log"),
    "item-embedding": ItemEmbedding(factors=6),
    "item-embedding-window": ItemEmbedding(
        factors=17, window="5d", pair_scaling=0.5, subsample=0.01, history_scaling=1.0
    ),
    "item-knn": ItemKNN(neighbours=12),
    "item-knn-tfidf": ItemKNN(neighbours=12, confidence="tfidf", shrinkage=2.0, threshold=0.05),
    "user-knn": UserKNN(neighbours=12),
    "user-knn-linear": UserKNN(neighbours=12, confidence="linear", overlap=2),
    "popularity-implicit": Popularity(),
    "ease": EASE(regularization=5.0),
    "ease-bm25": EASE(regularization=5.0, confidence="bm25"),
    "ease-sparse": EASE(regularization=5.0, sparse=True, neighbours=10),
    "nmf": NMF(factors=6, epochs=10),
    "nmf-penalties": NMF(factors=17, epochs=10, l1=(0.001, 0.0), l2=(0.0, 0.01)),
    "nmf-kullback-leibler": NMF(factors=6, epochs=10, loss="kullback-leibler"),
    "bpr": BPR(factors=6, epochs=4, negatives="uniform"),
    "bpr-hard": BPR(factors=17, epochs=3, negatives="hard", candidates=5, biases=False),
    "bpr-popular": BPR(factors=6, epochs=4, negatives="popularity", check_negatives=False, confidence="bm25"),
    "warp": WARP(factors=6, epochs=4),
    "warp-kos": WARP(factors=17, epochs=3, positives=5, kth=2),
    "logistic-mf": LogisticMF(factors=6, epochs=4),
    "logistic-mf-popular": LogisticMF(factors=17, epochs=3, negatives="popularity", biases=False),
}


def one_user():
    return Interactions.from_events(
        Vocabulary(["only"], noun="user"),
        Vocabulary([7, -7, 0], noun="item"),
        np.zeros(3, np.int32),
        np.arange(3, dtype=np.int32),
        values=np.float32([1, 3, 5]),
        times=np.arange(3),
        explicit=True,
    )


WORLDS = {
    "small": lambda explicit: world(explicit=explicit, times=True),
    "decayed": lambda explicit: world(explicit=explicit, times=True).decay("1d"),
    "one user": lambda explicit: one_user() if explicit else one_user().as_implicit(),
}
# More rows than the chunks that work and sums are cut into, so that threads really share the work.
LARGE = {
    "many users": lambda explicit: world(9000, 60, 0.05, explicit=explicit, times=True),
    "many items": lambda explicit: world(60, 9000, 0.05, explicit=explicit, times=True),
}
# Where the one user has every item, these have nothing to compare.
COMPARE = ("bpr", "bpr-hard", "bpr-ratings-as-weights", "warp", "warp-kos")
CASES = [
    (name, size)
    for name in RATINGS | EVENTS
    for size in WORLDS
    if not (name in COMPARE and size == "one user")
] + [
    (name, size)
    for name in (
        "als",
        "svd-plus-plus",
        "baseline",
        "funk-svd",
        "nmf",
        "nmf-kullback-leibler",
        "nmf-observed",
        "pmf",
        "popularity",
        "ials",
        "ease-sparse",
        "bpr",
        "warp",
        "logistic-mf",
        "item-knn",
        "item-embedding-window",
        "item-knn-ratings",
        "timesvd",
        "truncated-svd",
        "truncated-svd-centred",
        "user-knn",
        "user-knn-ratings",
    )
    for size in LARGE
]


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def fitted(request):
    name, size = request.param
    trainer = (RATINGS | EVENTS)[name]
    train = (WORLDS | LARGE)[size](name in RATINGS)
    return trainer.fit(train), train, refit_with(trainer, train)


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(fitted, check):
    check(*fitted)


@pytest.mark.parametrize(
    "trainer",
    [
        ALS(factors=3, epochs=2),
        ALS(factors=3, epochs=2, nonnegative=True),
        SVDPlusPlus(factors=3, epochs=2),
        Baseline(),
        FunkSVD(factors=3, epochs=2),
        NMF(factors=3, epochs=4),
        NMF(factors=3, epochs=4, loss="kullback-leibler"),
        NMF(factors=3, epochs=2, observed_only=True),
        PMF(factors=3, epochs=2),
        Popularity(),
        EASE(regularization=2.0),
        EASE(regularization=2.0, sparse=True, neighbours=3),
        ItemKNN(neighbours=4),
        UserKNN(neighbours=4),
        ImplicitALS(factors=3, epochs=2, alpha=4.0),
        BPR(factors=3, epochs=2),
        WARP(factors=3, epochs=2),
        LogisticMF(factors=3, epochs=2),
        TimeSVDPlusPlus(factors=3, epochs=2, days="factors"),
        ImplicitALS(factors=3, epochs=2, alpha=4.0, nonnegative=True),
        TruncatedSVD(factors=3, centred=True),
        TruncatedSVD(variance=0.8),
        ItemEmbedding(factors=3, popularity=0.0),
    ],
    ids=lambda trainer: type(trainer).__name__ + "-nonnegative" * getattr(trainer, "nonnegative", False),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_contract_on_small_and_nasty_data(trainer, data):
    rates = isinstance(trainer, (ALS, Baseline, FunkSVD, PMF, SVDPlusPlus, TimeSVDPlusPlus))
    explicit = True if rates or getattr(trainer, "observed_only", False) else None
    times = True if isinstance(trainer, TimeSVDPlusPlus) else None
    train = data.draw(strategies.interactions(explicit=explicit, times=times))
    if isinstance(trainer, (BPR, WARP)):
        assume((train.by_user.counts() < train.n_items).any())
    if isinstance(trainer, ItemEmbedding):
        assume((train.by_user.counts() > 1).any())
    check_model(trainer.fit(train), train, refit_with(trainer, train))
