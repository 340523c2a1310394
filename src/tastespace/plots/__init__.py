"""Pictures of models; they need the extra ``plot`` (Matplotlib), which is imported when a picture is drawn."""

from tastespace.plots.space import space
from tastespace.plots.tuning import parameter, search

__all__ = ["parameter", "search", "space"]
