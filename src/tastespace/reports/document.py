"""A comparison as plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tastespace.reports.frozen import plain

if TYPE_CHECKING:
    from tastespace.reports.comparison import Comparison
    from tastespace.reports.measuring import Run

#: Of the layout of the document; grows when a name in it changes its meaning.
FORMAT = 1
SLICES = ("item_popularity", "user_activity", "warmth")


def document(comparison: Comparison, *, per_user: bool) -> str:
    """The document as text."""
    facts = plain(comparison.facts)
    del facts["slices"]  # the number of groups, where the groups themselves are to stand
    return dump(
        {
            "format": FORMAT,
            "kind": "comparison",
            **facts,
            "headline": comparison.headline,
            "reference": comparison.reference,
            "metrics": list(comparison.metrics),
            "models": {model: _model(comparison, model, per_user=per_user) for model in comparison.models},
            "tests": list(comparison.tests.rows()),
            "slices": {
                by: None if (table := comparison.slices(by)) is None else list(table.rows()) for by in SLICES
            },
            "protocol": comparison.protocol,
            "warnings": list(comparison.warnings),
        }
    )


def dump(value: object) -> str:
    """One JSON document; NumPy's numbers become plain, and what JSON has no number for becomes null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _model(comparison: Comparison, model: str, *, per_user: bool) -> dict[str, Any]:
    return {
        "estimates": {name: asdict(found) for name, found in comparison.estimates[model].items()},
        **comparison.costs(model),
        "runs": [_run(run, per_user=per_user) for run in comparison.runs[model]],
    }


def _run(run: Run, *, per_user: bool) -> dict[str, Any]:
    found = {
        "seed": run.seed,
        "trainer": run.trainer,
        "params": run.params,
        "train_events": run.events,
        "metrics": run.report.metrics,
        "counts": run.report.counts,
        "fit_seconds": run.fit_seconds,
        "score_seconds": run.score_seconds,
        "fit_bytes": run.memory,
        "model_bytes": run.model_bytes,
        "curve": [plain(point) for point in run.curve],
    }
    if per_user:
        tables = {name: run.report.per_user(name) for name in run.samples}
        found["per_user"] = {
            name: {"user": table["user"], "value": table["value"]} for name, table in tables.items()
        }
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
