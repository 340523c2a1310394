"""Plain JSON: what is written comes back as it was, and nothing else is accepted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tastespace.errors import InputError

__all__ = ["Json", "dump", "load", "plain"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def plain(value: object, where: str) -> Json:
    """Return the value in plain Python types.

    Tuples become lists, and NumPy scalars plain numbers.

    Raises
    ------
    InputError
        The value, or a part of it, is not JSON; the message says which, as a path from `where`.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{where} is {value}; JSON has no NaN and no infinity: leave it out or use None")
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"{where} has the key {key!r}; the keys of JSON are text: use {str(key)!r}")
        return {str(key): plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise InputError(
        f"{where} is of type {type(value).__name__}; use None, bool, int, float, str, list or dict"
    )


def dump(value: Json) -> str:
    """Write plain JSON in ASCII, without spaces."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def load(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ValueError
        The text is not a JSON object, names something twice, or holds NaN or infinity.
    """
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("its header is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("its header names something twice")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"its header holds {name}, which is not JSON")
