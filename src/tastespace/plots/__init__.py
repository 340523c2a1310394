"""Pictures of models; they need the extra ``plot`` (Matplotlib), which is imported when a picture is drawn."""

from tastespace.plots.space import space

__all__ = ["space"]
