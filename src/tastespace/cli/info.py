"""``tastespace info``: what is in a model file."""

from __future__ import annotations

import os
from typing import Any

from tastespace.cli.console import write_json, write_table
from tastespace.cli.options import Json, ModelFile


def info(model: ModelFile, json: Json = False) -> None:
    """Show what is in a model file: the trainer and its parameters, the data, the metrics, the sizes.

    The whole file is checked against its checksum on the way.
    """
    import tastespace as ts

    fitted = ts.load(model)
    facts: dict[str, Any] = {
        "file": model,
        "bytes": os.path.getsize(model),
        "trainer": fitted.info.trainer,
        "version": fitted.info.version,
        "users": len(fitted.users),
        "items": len(fitted.items),
        "user_ids": fitted.users.kind,
        "item_ids": fitted.items.kind,
        "factors": fitted.factors,
        "scale": fitted.scale,
        "history": None if fitted.history is None else fitted.history.nnz,
        "params": fitted.info.params,
        "data": fitted.info.data,
        "metrics": fitted.info.metrics,
    }
    if json:
        write_json(facts)
        return
    write_table(["", ""], list(_lines(facts)), flexible=())


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts as name and text, nested ones indented; what is absent is left out."""
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [(f"{name}.{inner}", _text(deep)) for inner, deep in value.items() if deep is not None]
        elif value is not None:
            lines.append((name, _text(value)))
    return lines


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "..".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
