"""Models: fitted, frozen results, and the tables they answer with."""
