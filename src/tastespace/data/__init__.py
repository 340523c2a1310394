"""Data: ids, interactions, reading, filters, splits and data sets."""
