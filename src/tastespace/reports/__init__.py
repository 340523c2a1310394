"""Comparing models: values with intervals, paired tests, costs, and reports to read and to hand on."""

from tastespace.reports.compare import compare
from tastespace.reports.comparison import Comparison
from tastespace.reports.cross_validation import CrossValidation, cross_validate

__all__ = ["Comparison", "CrossValidation", "compare", "cross_validate"]
