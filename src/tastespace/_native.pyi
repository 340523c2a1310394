"""Types of the native module; one block per kernel."""

from os import PathLike
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

_Table: TypeAlias = tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float32] | None,
    NDArray[np.float32] | None,
    NDArray[np.int64] | None,
]

__all__ = [
    "Audiences",
    "Pairs",
    "Ranker",
    "RatingRounds",
    "Scorer",
    "SvdppPlan",
    "add_standardised",
    "best_of_scores",
    "common_events",
    "count_concordant",
    "count_hits",
    "count_recommended",
    "count_unexpected",
    "csr_build",
    "csr_transpose",
    "csv_read",
    "draw_negatives",
    "ease_cells",
    "ease_columns",
    "ease_gram",
    "ease_weights",
    "explicit_objective",
    "explicit_solve",
    "first_fault",
    "gather_events",
    "graded_ideals",
    "implicit_half_epoch",
    "implicit_objective",
    "implicit_solve",
    "instruction_sets",
    "list_means",
    "nearest_rows",
    "nmf_divergence",
    "nmf_gram",
    "nmf_half_epoch",
    "nmf_solve",
    "pairwise_epoch",
    "pairwise_rows",
    "rank_candidates",
    "rerank_lists",
    "sample_candidates",
    "score_spreads",
    "small_svd",
    "small_values",
    "sparse_multiply",
    "svdpp_sums",
    "svdpp_targets",
    "tall_add",
    "tall_cross",
    "timesvd_epoch",
    "weighted_gram",
]

# machine
def instruction_sets() -> tuple[list[str], str]: ...

# csr
def csr_build(
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    times: NDArray[np.int64] | None,
    n_rows: int,
    n_cols: int,
    duplicates: str,
    threads: int,
) -> _Table: ...
def csr_transpose(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    n_cols: int,
    threads: int,
) -> _Table: ...

# sparse
def sparse_multiply(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    x: NDArray[np.float32],
    threads: int,
) -> NDArray[np.float32]: ...

# tall
def small_svd(
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def small_values(matrix: NDArray[np.float64]) -> NDArray[np.float64]: ...
def tall_cross(x: NDArray[np.float32], z: NDArray[np.float32], threads: int) -> NDArray[np.float64]: ...
def tall_add(
    x: NDArray[np.float32], c: NDArray[np.float32], z: NDArray[np.float32], threads: int
) -> None: ...

# nmf
_Cells: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32] | None]

def nmf_gram(fixed: NDArray[np.float32], threads: int) -> NDArray[np.float64]: ...
def nmf_half_epoch(
    table: _Cells,
    fixed: NDArray[np.float32],
    shared: NDArray[np.float64],
    factors: int,
    penalty: tuple[float, float],
    steps: int,
    x: NDArray[np.float32],
    threads: int,
) -> tuple[float, float]: ...
def nmf_solve(
    table: _Cells,
    fixed: NDArray[np.float32],
    shared: NDArray[np.float64],
    factors: int,
    penalty: tuple[float, float],
    x: NDArray[np.float32],
    threads: int,
) -> None: ...
def nmf_divergence(
    table: _Cells, fixed: NDArray[np.float32], x: NDArray[np.float32], threads: int
) -> float: ...

# csv
def csv_read(
    path: str | PathLike[str],
    skip: int,
    separator: int,
    quote: int | None,
    columns: list[str],
    threads: int,
) -> (
    tuple[
        list[tuple[NDArray[np.int32], list[str]]],
        list[NDArray[np.float32]],
        list[NDArray[np.int64]],
    ]
    | None
): ...

# als
def implicit_half_epoch(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    weight: float,
    offset: float,
    factors: int,
    unobserved: float,
    regularization: float,
    exponent: float,
    steps: int,
    fixed: NDArray[np.float32],
    x: NDArray[np.float32],
    threads: int,
) -> None: ...
def implicit_solve(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    weight: float,
    offset: float,
    unobserved: float,
    regularization: float,
    exponent: float,
    gram: NDArray[np.float32],
    nonnegative: bool,
    fixed: NDArray[np.float32],
    x: NDArray[np.float32],
    threads: int,
) -> None: ...
def explicit_solve(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    mean: float,
    regularization: float,
    bias_regularization: float | None,
    exponent: float,
    steps: int,
    nonnegative: bool,
    fixed: NDArray[np.float32],
    fixed_bias: NDArray[np.float32],
    x: NDArray[np.float32],
    bias: NDArray[np.float32],
    threads: int,
) -> None: ...
def weighted_gram(fixed: NDArray[np.float32], unobserved: float, threads: int) -> NDArray[np.float32]: ...
def implicit_objective(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    weight: float,
    offset: float,
    column_indptr: NDArray[np.int64],
    unobserved: float,
    regularization: float,
    exponent: float,
    x: NDArray[np.float32],
    fixed: NDArray[np.float32],
    threads: int,
) -> float: ...
def explicit_objective(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    column_indptr: NDArray[np.int64],
    mean: float,
    regularization: float,
    bias_regularization: float | None,
    exponent: float,
    x: NDArray[np.float32],
    bias: NDArray[np.float32],
    fixed: NDArray[np.float32],
    fixed_bias: NDArray[np.float32],
    threads: int,
) -> float: ...

# topk
@final
class Ranker:
    def __new__(
        cls, item_factors: NDArray[np.float32], factors: int, item_bias: NDArray[np.float32] | None
    ) -> Ranker: ...
    def best(
        self,
        users: NDArray[np.float32],
        offset: NDArray[np.float32],
        n: int,
        threads: int,
        exclude: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]] | None = None,
        bias: NDArray[np.float32] | None = None,
        positive: NDArray[np.float32] | None = None,
        negative: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...
    def concordance(
        self,
        users: NDArray[np.float32],
        offset: NDArray[np.float32],
        indptr: NDArray[np.int64],
        relevant: NDArray[np.int32],
        threads: int,
        exclude: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]] | None = None,
    ) -> list[NDArray[np.int64]]: ...
    def scores(self, users: NDArray[np.float32], threads: int) -> NDArray[np.float32]: ...
    def pairs(
        self,
        users: NDArray[np.float32],
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        threads: int,
    ) -> NDArray[np.float32]: ...

# likeness
def nearest_rows(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    columns: int,
    weights: NDArray[np.float32] | None,
    scale: NDArray[np.float32] | None,
    shrinkage: float,
    overlap: int,
    threshold: float,
    k: int,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...

# neighbours
_Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32] | None]
_Asking: TypeAlias = tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float32] | None,
    NDArray[np.int32],
    NDArray[np.float32],
]

@final
class Scorer:
    def __new__(
        cls,
        dense: NDArray[np.float32] | None,
        sparse: _Rows | None,
        bias: NDArray[np.float32],
        share: str,
        damping: float,
    ) -> Scorer: ...
    def best(
        self,
        asking: _Asking,
        n: int,
        threads: int,
        exclude: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]] | None = None,
        bias: NDArray[np.float32] | None = None,
        positive: NDArray[np.float32] | None = None,
        negative: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...
    def scores(self, asking: _Asking, threads: int) -> NDArray[np.float32]: ...
    def pairs(
        self, asking: _Asking, users: NDArray[np.int32], items: NDArray[np.int32], threads: int
    ) -> NDArray[np.float32]: ...

# ease
def ease_gram(
    by_user: _Rows, by_item: _Rows, ridge: float, out: NDArray[np.float32], threads: int
) -> None: ...
def ease_weights(inverse: NDArray[np.float32], threads: int) -> None: ...
def ease_cells(by_user: _Rows, by_item: _Rows, step: int, threads: int) -> int: ...
def ease_columns(
    by_user: _Rows, by_item: _Rows, ridge: float, most: int, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...

# candidates and held-out events
def gather_events(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32] | None,
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    chosen: NDArray[np.bool_] | None,
    keep_cold: bool,
    with_values: bool,
    threads: int,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
]: ...
def common_events(
    users: NDArray[np.int32],
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    known_indptr: NDArray[np.int64],
    known: NDArray[np.int32],
    threads: int,
) -> NDArray[np.bool_]: ...
def sample_candidates(
    seed: int,
    keys: NDArray[np.int32],
    items: int,
    negatives: int,
    weights: NDArray[np.uint64] | None,
    user_rows: NDArray[np.int32],
    seen: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
    tested: tuple[NDArray[np.int64], NDArray[np.int32]],
    relevant: tuple[NDArray[np.int64], NDArray[np.int32]],
    exclude_seen: bool,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]: ...
def rank_candidates(
    indptr: NDArray[np.int64],
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    places: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...

# metrics
def first_fault(
    ranked: NDArray[np.int32], scores: NDArray[np.float32], items: int, threads: int
) -> tuple[str, int, int] | None: ...
def count_hits(
    ranked: NDArray[np.int32],
    indptr: NDArray[np.int64],
    relevant: NDArray[np.int32],
    cutoffs: list[int],
    discounts: NDArray[np.float64],
    count: NDArray[np.int32],
    first: NDArray[np.int32],
    gain: NDArray[np.float64],
    precision: NDArray[np.float64],
    grades: NDArray[np.float32] | None,
    graded: NDArray[np.float64] | None,
    threads: int,
) -> None: ...
def graded_ideals(
    indptr: NDArray[np.int64],
    grades: NDArray[np.float32],
    cutoffs: list[int],
    discounts: NDArray[np.float64],
    out: NDArray[np.float64],
    threads: int,
) -> None: ...
def count_concordant(
    ranked: NDArray[np.int32],
    scores: NDArray[np.float32],
    indptr: NDArray[np.int64],
    relevant: NDArray[np.int32],
    threads: int,
) -> list[NDArray[np.int64]]: ...

# lists
@final
class Audiences:
    def __new__(cls, indptr: NDArray[np.int64], indices: NDArray[np.int32], items: int) -> Audiences: ...
    def diversity(
        self,
        ranked: NDArray[np.int32],
        cutoffs: list[int],
        lists: int,
        out: NDArray[np.float64],
        threads: int,
    ) -> None: ...

def count_recommended(ranked: NDArray[np.int32], cutoffs: list[int], counts: NDArray[np.int64]) -> None: ...
def list_means(
    ranked: NDArray[np.int32],
    cutoffs: list[int],
    values: NDArray[np.float64],
    out: NDArray[np.float64],
    threads: int,
) -> None: ...
def count_unexpected(
    ranked: NDArray[np.int32],
    indptr: NDArray[np.int64],
    relevant: NDArray[np.int32],
    order: NDArray[np.int32],
    users: NDArray[np.int32],
    known_indptr: NDArray[np.int64],
    known: NDArray[np.int32],
    cutoffs: list[int],
    count: NDArray[np.int32],
    threads: int,
) -> None: ...

# negatives
def draw_negatives(
    seed: int,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    items: int,
    per_positive: int,
    weights: NDArray[np.uint64] | None,
    check: bool,
    threads: int,
) -> NDArray[np.int32]: ...

# rerank
def rerank_lists(
    ranked: NDArray[np.int32],
    scores: NDArray[np.float32],
    n: int,
    candidates: int,
    penalty: float,
    diversity: float,
    popularity: NDArray[np.float32] | None,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
    items: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...

# blend
def score_spreads(
    users: NDArray[np.float32], items: NDArray[np.float32], columns: int, threads: int
) -> NDArray[np.float32]: ...
def add_standardised(
    scores: NDArray[np.float32],
    column_of: NDArray[np.int32],
    weights: NDArray[np.float32],
    total: NDArray[np.float32],
    threads: int,
) -> None: ...
def best_of_scores(
    scores: NDArray[np.float32],
    n: int,
    threads: int,
    exclude: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]] | None = None,
    bias: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...

# pairwise
@final
class Pairs:
    def __new__(
        cls,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        times: NDArray[np.int64] | None,
        items: int,
        seconds: int | None,
        events: int | None,
        scaling: float,
        threads: int,
    ) -> Pairs: ...
    def margins(self, keep: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def rows(
        self,
        rows: NDArray[np.int32],
        words: NDArray[np.float64],
        contexts: NDArray[np.float64],
        shrinkage: float,
        threads: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
    def count(
        self,
        rows: NDArray[np.int32],
        words: NDArray[np.float64],
        contexts: NDArray[np.float64],
        shrinkage: float,
        threads: int,
    ) -> int: ...

def pairwise_epoch(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    popularity: NDArray[np.float64] | None,
    loss: str,
    counts: list[int],
    mean: float,
    checked: bool,
    rate: float,
    penalties: tuple[float, float, float, float | None],
    seed: int,
    epoch: int,
    measured: bool,
    users: NDArray[np.float32],
    items: NDArray[np.float32],
    user_bias: NDArray[np.float32],
    item_bias: NDArray[np.float32],
    threads: int,
) -> float: ...
def pairwise_rows(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    popularity: NDArray[np.float64] | None,
    loss: str,
    counts: list[int],
    mean: float,
    penalties: tuple[float, float | None],
    items: NDArray[np.float32],
    item_bias: NDArray[np.float32],
    x: NDArray[np.float32],
    bias: NDArray[np.float32],
    threads: int,
) -> None: ...

# sgd
@final
class RatingRounds:
    def __new__(
        cls,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        values: NDArray[np.float32] | None,
        weights: NDArray[np.float32] | None,
        columns: int,
        seed: int,
        threads: int,
    ) -> RatingRounds: ...
    def epoch(
        self,
        number: int,
        mean: float,
        rates: list[float],
        penalties: list[float],
        factors: int,
        users: NDArray[np.float32],
        items: NDArray[np.float32],
        user_bias: NDArray[np.float32],
        item_bias: NDArray[np.float32],
        shrink: tuple[NDArray[np.float32], NDArray[np.float32]],
        pace: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
        threads: int,
    ) -> float: ...

# svdpp
@final
class SvdppPlan:
    def __new__(
        cls,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        sets: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
        columns: int,
        size: int,
        seed: int,
        threads: int,
    ) -> SvdppPlan: ...
    def epoch(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        values: NDArray[np.float32],
        weights: NDArray[np.float32] | None,
        sets: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
        mean: float,
        groups: list[tuple[float, float]],
        seed: int,
        epoch: int,
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        fixed: NDArray[np.float32] | None,
        implicit: NDArray[np.float32],
        row_bias: NDArray[np.float32],
        column_bias: NDArray[np.float32],
        threads: int,
    ) -> float: ...

def svdpp_sums(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], implicit: NDArray[np.float32], threads: int
) -> NDArray[np.float32]: ...
def svdpp_targets(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    sums: NDArray[np.float32],
    columns: NDArray[np.float32],
    threads: int,
) -> NDArray[np.float32]: ...

# timesvd
def timesvd_epoch(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    bins: NDArray[np.int32],
    days: NDArray[np.int32],
    deviations: tuple[NDArray[np.float32], NDArray[np.float32]],
    paces: list[tuple[float, float]],
    seed: int,
    epoch: int,
    factors: tuple[NDArray[np.float32] | None, ...],
    biases: tuple[NDArray[np.float32], ...],
    threads: int,
) -> float: ...
