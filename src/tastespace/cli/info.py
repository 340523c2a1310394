"""``tastespace info``: what is in a model file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tastespace.cli.console import size, write_json, write_table
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
        "factors": fitted.factors if isinstance(fitted, ts.FactorModel) else None,
        "scale": fitted.scale,
        "history": None if fitted.history is None else fitted.history.nnz,
        "params": fitted.info.params,
        "data": fitted.info.data,
        "metrics": fitted.info.metrics,
    }
    if json:
        write_json(facts)
        return
    write_table(["", ""], list(_lines(facts)))


def _lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The facts as name and text, nested ones with a dot; what is absent or said already is left out."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from (
                (f"{name}.{inner}", _text(inner, deep))
                for inner, deep in value.items()
                if deep is not None and not (name == "data" and inner in facts)
            )
        elif value is not None:
            yield name, _text(name, value)


def _text(name: str, value: Any) -> str:
    if name == "bytes":
        return size(value)
    if name in ("first_time", "last_time"):
        return datetime.fromtimestamp(value, UTC).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list | tuple):
        return "..".join(_text("", part) for part in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if name in ("users", "items", "history", "events") else str(value)
