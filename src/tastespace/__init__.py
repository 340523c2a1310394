"""Matrix factorization for recommending: from who rated, bought, played or clicked what to recommendations.

Events are read by :func:`read`, a trainer such as :class:`ImplicitALS` learns from them, and its frozen model
recommends, predicts, explains, places newcomers, is evaluated and saved.
"""

from tastespace import errors as errors
from tastespace import plots as plots
from tastespace.data import datasets as datasets
from tastespace.data import negatives as negatives
from tastespace.data import split as split
from tastespace.data.documents import documents as documents
from tastespace.data.interactions import Interactions as Interactions
from tastespace.data.negatives import Negatives as Negatives
from tastespace.data.read import read as read
from tastespace.data.split import Split as Split
from tastespace.data.vocabulary import Vocabulary as Vocabulary
from tastespace.evaluation import Candidates as Candidates
from tastespace.evaluation import Report as Report
from tastespace.evaluation import Sampled as Sampled
from tastespace.evaluation import evaluate as evaluate
from tastespace.models.blend import Blend as Blend
from tastespace.models.factor_model import FactorModel as FactorModel
from tastespace.models.load import load as load
from tastespace.models.neighbours import NeighbourModel as NeighbourModel
from tastespace.models.reranked import Reranked as Reranked
from tastespace.models.table import Neighbours as Neighbours
from tastespace.models.table import Recommendations as Recommendations
from tastespace.models.table import Table as Table
from tastespace.models.temporal import TemporalModel as TemporalModel
from tastespace.models.topic_users import TopicUsers as TopicUsers
from tastespace.models.topics import Topics as Topics
from tastespace.models.visitor import Visitor as Visitor
from tastespace.reports import Comparison as Comparison
from tastespace.reports import CrossValidation as CrossValidation
from tastespace.reports import compare as compare
from tastespace.reports import cross_validate as cross_validate
from tastespace.trainers.als import ALS as ALS
from tastespace.trainers.baseline import Baseline as Baseline
from tastespace.trainers.bpr import BPR as BPR
from tastespace.trainers.ease import EASE as EASE
from tastespace.trainers.funk_svd import FunkSVD as FunkSVD
from tastespace.trainers.implicit_als import ImplicitALS as ImplicitALS
from tastespace.trainers.item_embedding import ItemEmbedding as ItemEmbedding
from tastespace.trainers.item_knn import ItemKNN as ItemKNN
from tastespace.trainers.logistic_mf import LogisticMF as LogisticMF
from tastespace.trainers.nmf import NMF as NMF
from tastespace.trainers.pmf import PMF as PMF
from tastespace.trainers.popularity import Popularity as Popularity
from tastespace.trainers.stopping import Epoch as Epoch
from tastespace.trainers.stopping import Stopping as Stopping
from tastespace.trainers.svdpp import SVDPlusPlus as SVDPlusPlus
from tastespace.trainers.timesvd import TimeSVDPlusPlus as TimeSVDPlusPlus
from tastespace.trainers.truncated_svd import TruncatedSVD as TruncatedSVD
from tastespace.trainers.user_knn import UserKNN as UserKNN
from tastespace.trainers.warp import WARP as WARP
from tastespace.tuning import Tuning as Tuning
from tastespace.tuning import tune as tune
from tastespace.tuning import tune_blend as tune_blend
from tastespace.version import __version__ as __version__

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "NMF",
    "PMF",
    "WARP",
    "Baseline",
    "Blend",
    "Candidates",
    "Comparison",
    "CrossValidation",
    "Epoch",
    "FactorModel",
    "FunkSVD",
    "ImplicitALS",
    "Interactions",
    "ItemEmbedding",
    "ItemKNN",
    "LogisticMF",
    "Negatives",
    "NeighbourModel",
    "Neighbours",
    "Popularity",
    "Recommendations",
    "Report",
    "Reranked",
    "SVDPlusPlus",
    "Sampled",
    "Split",
    "Stopping",
    "Table",
    "TemporalModel",
    "TimeSVDPlusPlus",
    "TopicUsers",
    "Topics",
    "TruncatedSVD",
    "Tuning",
    "UserKNN",
    "Visitor",
    "Vocabulary",
    "__version__",
    "compare",
    "cross_validate",
    "datasets",
    "documents",
    "errors",
    "evaluate",
    "load",
    "negatives",
    "plots",
    "read",
    "split",
    "tune",
    "tune_blend",
]
