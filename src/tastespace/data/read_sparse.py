"""SciPy sparse matrices with a row for each user and a column for each item."""

from typing import Any

import numpy as np
import polars as pl

from tastespace.data.read_rows import Rows
from tastespace.data.read_values import Flaw, read_numbers
from tastespace.data.vocabulary import Vocabulary
from tastespace.errors import InputError


def read_sparse(matrix: Any, *, users: Any, items: Any, explicit: bool) -> Rows:
    """Take the stored cells of a matrix, explicit zeros included.

    Parameters
    ----------
    matrix
        Any SciPy sparse matrix or array, users x items.
    users, items
        Ids of the rows and of the columns; None means 0, 1, 2, ...
    explicit
        Whether values are ratings rather than weights.

    Raises
    ------
    InputError
        If labels and shape differ, or the values are not real numbers.
    """
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise InputError(
            f"a sparse matrix must have two dimensions and real numbers; got shape {matrix.shape} "
            f"of {matrix.dtype}"
        )
    vocabularies = []
    for noun, axis, labels, size in zip(
        ("user", "item"), ("rows", "columns"), (users, items), matrix.shape, strict=True
    ):
        vocabulary = Vocabulary(np.arange(size) if labels is None else labels, noun=noun)
        if len(vocabulary) != size:
            raise InputError(
                f"{noun}s= has {len(vocabulary):,} labels and the matrix {size:,} {axis}; "
                "rows are users, columns are items, and each needs one label"
            )
        vocabularies.append(vocabulary)
    cells = matrix.tocoo()
    user_rows, item_rows = cells.coords
    with np.errstate(over="ignore"):  # becomes infinite
        values = cells.data.astype(np.float32, copy=False)
    flaws: list[Flaw] = []
    if not (np.isfinite(values).all() and (explicit or not (values < 0).any())):
        values, flaws = read_numbers(
            pl.Series(cells.data.astype(np.float64, copy=False)),
            "rating" if explicit else "weight",
            sign="any" if explicit else "not negative",
        )

    def where(cell: int) -> str:
        user, item = (
            v.ids[rows[[cell]]].tolist()[0] for v, rows in zip(vocabularies, cells.coords, strict=True)
        )
        return f"the matrix cell of user {user!r} and item {item!r}"

    return Rows(
        users=vocabularies[0],
        items=vocabularies[1],
        arrays={
            "user_rows": user_rows.astype(np.int32, copy=False),
            "item_rows": item_rows.astype(np.int32, copy=False),
            "values": values,
        },
        flaws=flaws,
        where=where,
    )
