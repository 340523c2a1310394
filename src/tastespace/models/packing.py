"""A model as arrays and plain metadata, and tables back; what the file format holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tastespace.data.csr import Csr
from tastespace.errors import InputError
from tastespace.store import ids

if TYPE_CHECKING:
    from tastespace.models.answering import Answering

Arrays = dict[str, npt.NDArray[Any]]


def packed(model: Answering, kind: str, own: Arrays, *, history: bool) -> tuple[Arrays, dict[str, Any]]:
    """The arrays of one kind of model with what all models hold, for :func:`tastespace.store.file.write`."""
    arrays = own | {
        "item_bias": model.item_bias,
        **ids.pack("users", model.users.ids),
        **ids.pack("items", model.items.ids),
    }
    if model.popularity is not None:
        arrays["popularity"] = model.popularity
    if history and model.history is not None:
        arrays |= pack_table("history", model.history)
    solver = None
    if model.solver is not None:
        solver = {"kind": model.solver.kind, "params": model.solver.params()}
        arrays |= {f"solver.{name}": array for name, array in model.solver.arrays().items()}
    metadata = {
        "kind": kind,
        "mean": model.mean,
        "explicit": model.explicit,
        "scale": None if model.scale is None else list(model.scale),
        "solver": solver,
        "info": asdict(model.info),
    }
    return arrays, metadata


def pack_table(name: str, table: Csr) -> Arrays:
    """The arrays of a table, under its name."""
    parts: dict[str, npt.NDArray[Any] | None] = {
        "indptr": table.indptr,
        "indices": table.indices,
        "values": table.values,
        "times": table.times,
        "weights": table.weights,
    }
    return {f"{name}.{part}": array for part, array in parts.items() if array is not None}


def unpack_table(name: str, arrays: Arrays, columns: int) -> Csr | None:
    """The table of that name, or None where the file holds none."""
    if f"{name}.indptr" not in arrays:
        return None
    indptr, indices = arrays[f"{name}.indptr"], arrays[f"{name}.indices"]
    inside = len(indices) == 0 or (indices.min() >= 0 and indices.max() < columns)
    if (np.diff(indptr) < 0).any() or not inside:
        raise InputError(f"{name} points outside its table")
    return Csr(
        indptr=indptr,
        indices=indices,
        columns=columns,
        values=arrays.get(f"{name}.values"),
        times=arrays.get(f"{name}.times"),
        weights=arrays.get(f"{name}.weights"),
    )


def nested(name: str, arrays: Arrays) -> Arrays:
    """The arrays of a model inside another, under its name."""
    return {f"{name}.{inner}": array for inner, array in arrays.items()}


def inside(name: str, arrays: Arrays) -> Arrays:
    """The arrays of the model of that name."""
    start = f"{name}."
    return {outer.removeprefix(start): array for outer, array in arrays.items() if outer.startswith(start)}
