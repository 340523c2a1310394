"""What every model promises, as checks for your own models; `strategies` draws data for Hypothesis."""

from tastespace.testing.contract import CHECKS, Check, check_model, refit_with

__all__ = ["CHECKS", "Check", "check_model", "refit_with"]
