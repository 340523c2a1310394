"""``tastespace export``: the factors of a model, for other programs."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tastespace.cli.console import size, write, write_json
from tastespace.cli.files import replace_file
from tastespace.cli.options import Json, ModelFile
from tastespace.errors import FileError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tastespace.data.vocabulary import Vocabulary


class Format(StrEnum):
    """What is written."""

    parquet = "parquet"
    npy = "npy"


def export(
    model: ModelFile,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where to write the files.", show_default=False
        ),
    ],
    format: Annotated[
        Format, typer.Option("--format", help="parquet: one table a side; npy: one file an array.")
    ] = Format.parquet,
    json: Json = False,
) -> None:
    """Write the factors and biases of a model, with their ids, as Parquet or NumPy files.

    parquet: users.parquet and items.parquet, with columns id, bias and factors. npy: user_ids, user_factors, user_bias
    and the same for items, one row each in the same order. score = mean + user bias + item bias + factors . factors
    """
    import tastespace as ts

    fitted = ts.load(model)
    if not isinstance(fitted, ts.FactorModel):
        raise UnsupportedError(
            f"{model} holds no factors to export, but what {fitted.info.trainer} has: see ts.load(...)"
        )
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{output} is a file; export writes several files into a folder")
    folder.mkdir(parents=True, exist_ok=True)
    sides = (
        ("user", fitted.users, fitted.user_factors, fitted.user_bias),
        ("item", fitted.items, fitted.item_factors, fitted.item_bias),
    )
    written: list[Path] = []
    for side, ids, factors, bias in sides:
        save = _save_parquet if format is Format.parquet else _save_npy
        written += save(folder, side, ids, factors, bias)
    if json:
        write_json({"files": written, "factors": fitted.factors, "mean": fitted.mean})
        return
    for path in written:
        write(f"{path}  {size(path.stat().st_size)}")
    write(f"mean {fitted.mean:.6g}")


def _save_parquet(
    folder: Path, side: str, ids: Vocabulary, factors: NDArray[np.float32], bias: NDArray[np.float32]
) -> list[Path]:
    import polars as pl

    frame = pl.DataFrame(
        {
            "id": pl.Series(ids.ids.tolist(), dtype=pl.String if ids.kind == "string" else pl.Int64),
            "bias": bias,
            "factors": pl.Series(factors, dtype=pl.Array(pl.Float32, factors.shape[1])),
        }
    )
    return [replace_file(folder / f"{side}s.parquet", frame.write_parquet)]


def _save_npy(
    folder: Path, side: str, ids: Vocabulary, factors: NDArray[np.float32], bias: NDArray[np.float32]
) -> list[Path]:
    import numpy as np

    plain = ids.ids if ids.kind == "integer" else ids.ids.astype(np.str_)  # object arrays would need pickle
    arrays: dict[str, NDArray[Any]] = {"ids": plain, "factors": factors, "bias": bias}
    return [
        replace_file(folder / f"{side}_{name}.npy", partial(np.save, arr=array, allow_pickle=False))
        for name, array in arrays.items()
    ]
