"""How good a model is: ranking and rating metrics on held-out events."""

from tastespace.evaluation.candidates import Candidates, Sampled
from tastespace.evaluation.evaluate import evaluate
from tastespace.evaluation.prepared import Evaluation
from tastespace.evaluation.report import Report

__all__ = ["Candidates", "Evaluation", "Report", "Sampled", "evaluate"]
