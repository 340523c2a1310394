"""Pictures of models and comparisons; they need the extra ``plot`` (Matplotlib), imported when a picture is drawn."""

from tastespace.plots.comparing import (
    learning_curves,
    quality_against_k,
    quality_by_popularity,
    time_against_quality,
)
from tastespace.plots.factor import factor
from tastespace.plots.lift import popularity_against_lift
from tastespace.plots.ratings import predicted_against_actual
from tastespace.plots.space import space
from tastespace.plots.spectrum import spectrum
from tastespace.plots.topics import topics
from tastespace.plots.tuning import parameter, search

__all__ = [
    "factor",
    "learning_curves",
    "parameter",
    "popularity_against_lift",
    "predicted_against_actual",
    "quality_against_k",
    "quality_by_popularity",
    "search",
    "space",
    "spectrum",
    "time_against_quality",
    "topics",
]
