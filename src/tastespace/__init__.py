"""tastespace."""
