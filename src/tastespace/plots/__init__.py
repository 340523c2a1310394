"""Pictures of models and comparisons; they need the extra ``plot`` (Matplotlib), imported when a picture is drawn."""

from tastespace.plots.comparing import (
    learning_curves,
    quality_against_k,
    quality_by_popularity,
    time_against_quality,
)
from tastespace.plots.space import space
from tastespace.plots.tuning import parameter, search

__all__ = [
    "learning_curves",
    "parameter",
    "quality_against_k",
    "quality_by_popularity",
    "search",
    "space",
    "time_against_quality",
]
