"""Tuning: the search for good settings of a trainer, on validation events alone."""

from tastespace.tuning.blend import tune_blend
from tastespace.tuning.dimensions import Relative
from tastespace.tuning.result import Tuning
from tastespace.tuning.tune import tune

__all__ = ["Relative", "Tuning", "tune", "tune_blend"]
