"""From a model file to a model."""

from __future__ import annotations

from os import PathLike

from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import DamagedFileError
from tastespace.models.factor_model import FactorModel
from tastespace.models.info import ModelInfo
from tastespace.models.packing import KIND, unpack_table
from tastespace.models.solvers import solver_from
from tastespace.store import ids
from tastespace.store.file import read


def load(path: str | PathLike[str]) -> FactorModel:
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
        if metadata["kind"] != KIND:
            raise DamagedFileError(f"{path} holds {metadata['kind']!r}, which this release does not know")
        users = Vocabulary(ids.unpack("users", arrays, path), noun="user")
        items = Vocabulary(ids.unpack("items", arrays, path), noun="item")
        solver = metadata["solver"]
        extra = {name.removeprefix("solver."): a for name, a in arrays.items() if name.startswith("solver.")}
        scale = metadata["scale"]
        return FactorModel(
            users=users,
            items=items,
            user_factors=arrays["user_factors"],
            item_factors=arrays["item_factors"],
            user_bias=arrays["user_bias"],
            item_bias=arrays["item_bias"],
            mean=metadata["mean"],
            history=unpack_table("history", arrays, len(items)),
            explicit=metadata["explicit"],
            scale=None if scale is None else (scale[0], scale[1]),
            solver=None if solver is None else solver_from(solver["kind"], solver["params"], extra),
            info=ModelInfo(**metadata["info"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DamagedFileError(f"{path} is no complete model file: {error}; save the model again") from error
