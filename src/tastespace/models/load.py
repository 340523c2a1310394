"""From a model file to a model."""

from __future__ import annotations

from os import PathLike
from typing import Any, TypeAlias

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import DamagedFileError
from tastespace.models import blend, factor_model, neighbours, reranked, temporal
from tastespace.models.blend import Blend
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo
from tastespace.models.neighbours import NeighbourModel
from tastespace.models.packing import Arrays, inside, unpack_table
from tastespace.models.profiles import profile_from
from tastespace.models.reranked import Reranked
from tastespace.models.reranking import Reranking
from tastespace.models.solvers import solver_from
from tastespace.models.temporal import TemporalModel
from tastespace.models.time_terms import TimeTerms
from tastespace.store import ids
from tastespace.store.file import read

Path: TypeAlias = str | PathLike[str]
Model: TypeAlias = FactorModel | NeighbourModel | TemporalModel | Reranked | Blend


def load(path: Path) -> Model:
    """Reads a model that ``save`` wrote; arrays are mapped from the file, and every byte is checked.

    Raises
    ------
    MissingFileError
        If there is no such file.
    DamagedFileError
        If the file is truncated, was edited, or is no model of tastespace.
    NewerFormatError
        If a later release wrote it.
    """
    arrays, metadata = read(path)
    try:
        return _model(arrays, metadata, path)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DamagedFileError(f"{path} is no complete model file: {error}; save the model again") from error


def _model(arrays: Arrays, metadata: dict[str, Any], path: Path) -> Model:
    kind = metadata["kind"]
    if kind == reranked.KIND:
        return Reranked(
            _model(inside("model", arrays), metadata["model"], path),
            Reranking(**metadata["reranking"]),
            arrays.get("popularity"),
            arrays.get("space"),
        )
    if kind == blend.KIND:
        parts = enumerate(zip(metadata["names"], metadata["models"], strict=True))
        models = {name: _model(inside(f"models.{i}", arrays), part, path) for i, (name, part) in parts}
        return Blend(models, metadata["weights"], metadata["metrics"])
    if kind not in (factor_model.KIND, neighbours.KIND, temporal.KIND):
        raise DamagedFileError(f"{path} holds {kind!r}, which this release does not know")
    users = Vocabulary(ids.unpack("users", arrays, path), noun="user")
    items = Vocabulary(ids.unpack("items", arrays, path), noun="item")
    scale = metadata["scale"]
    shared: dict[str, Any] = {
        "users": users,
        "items": items,
        "item_bias": arrays["item_bias"],
        "mean": metadata["mean"],
        "history": unpack_table("history", arrays, len(items)),
        "explicit": metadata["explicit"],
        "scale": None if scale is None else (scale[0], scale[1]),
        "info": ModelInfo(**metadata["info"]),
        "popularity": arrays.get("popularity"),
    }
    solver = metadata["solver"]
    extra = inside("solver", arrays)
    if kind == neighbours.KIND:
        return _neighbours(arrays, solver, extra, shared)
    shared |= {
        "user_factors": arrays["user_factors"],
        "item_factors": arrays["item_factors"],
        "user_bias": arrays["user_bias"],
        "solver": None if solver is None else solver_from(solver["kind"], solver["params"], extra),
    }
    if kind == temporal.KIND:
        return TemporalModel(time=TimeTerms.unpacked(inside("time", arrays), metadata["time"]), **shared)
    return FactorModel(**shared)


def _neighbours(arrays: Arrays, solver: Any, extra: Arrays, shared: dict[str, Any]) -> NeighbourModel:
    profile = profile_from(solver["kind"], solver["params"], extra)
    rows = len(shared[profile.between])
    table = unpack_table("weights", arrays, rows)
    return NeighbourModel(weights=arrays["weights"] if table is None else table, solver=profile, **shared)
