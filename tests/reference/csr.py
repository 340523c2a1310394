"""Slow twin of the table builder: one dictionary entry per cell, the rules written out."""

from collections import defaultdict

import numpy as np


def build(rows, cols, values, weights, times, n_rows, duplicates):
    """``indptr, indices, values, weights, times`` of events; see `tastespace.data.csr.Csr.build`.

    Values, weights and times are lists; missing ones are given as ones and zeros.
    """
    cells = defaultdict(list)
    for event, cell in enumerate(zip(rows, cols, strict=True)):
        cells[cell].append(event)

    merged = []
    for cell in sorted(cells):
        run = cells[cell]
        chosen = {
            "last": max(run, key=lambda e: (times[e], e)),
            "first": min(run, key=lambda e: (times[e], e)),
            "max": max(run, key=lambda e: (values[e], e)),
        }.get(duplicates)
        if chosen is not None:
            merged.append((cell, values[chosen], weights[chosen], times[chosen]))
        else:
            total = sum(float(values[e]) for e in run)
            value = total if duplicates == "sum" else total / len(run)
            merged.append((cell, value, max(weights[e] for e in run), max(times[e] for e in run)))

    counts = np.bincount([row for (row, _), *_ in merged], minlength=n_rows) if merged else np.zeros(n_rows)
    return (
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([col for (_, col), *_ in merged], dtype=np.int32),
        np.array([value for _, value, _, _ in merged], dtype=np.float32),
        np.array([weight for _, _, weight, _ in merged], dtype=np.float32),
        np.array([time for *_, time in merged], dtype=np.int64),
    )
