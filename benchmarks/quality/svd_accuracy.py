"""How exact truncated SVD is: singular values, spaces and errors beside LAPACK, ARPACK and scikit-learn.

Protocol. The reference is LAPACK in double precision (``numpy.linalg.svd`` of the dense matrix) for matrices small
enough, and ARPACK to machine precision (``scipy.sparse.linalg.svds`` of doubles, ``tol=0``) for large sparse ones. All
take the same cells, rounded to single precision beforehand. ``tastespace`` is ``TruncatedSVD`` with its defaults,
``tastespace, to the end`` the same with ``rounds=100, tolerance=1e-9``, ``scikit-learn`` its ``TruncatedSVD`` with its
defaults (randomized, five iterations) in double precision. For each: the largest error of a singular value, as a share
of that value (of those above 1e-5 of the largest, which is what single precision promises) and of the largest; the sine
of the largest angle between the spaces of all right vectors of those values, beside the gap between the last value
wanted and the next (as a share of the former), without which that space is not defined; the squared error above the
least, as a share of the least; and how far V'V is from 1. Spectra: ``clustered`` has eight values of eight copies each
that differ by a ten-thousandth, ``slow`` falls like the root of 1 / i, ``fast`` like 0.7^i, ``rank 30`` has 30 values
above 0 and 64 are asked for, ``means of 50`` is ``slow`` with means a hundred times as large as its spread, centred.

Run as ``python -m benchmarks.quality.svd_accuracy [NAME ...] [--threads N]``.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

import tastespace as ts
from benchmarks import common
from benchmarks.speed import data

FACTORS = 64


def ratings(name: str) -> sp.csr_matrix:
    table = ts.read(
        pl.read_parquet(common.DATA / name / "ratings.parquet").select("user", "item", "rating"),
        user="user",
        item="item",
        rating="rating",
    )
    return table.by_user.to_scipy().tocsr()


def bbc() -> sp.csr_matrix:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = pl.read_parquet(common.DATA / "topics-bbc-news" / "docs.parquet")["text"].to_list()
    return TfidfVectorizer().fit_transform(texts)


def newsgroups() -> sp.csr_matrix:
    from sklearn.feature_extraction.text import TfidfTransformer

    bow = pl.read_parquet(common.DATA / "topics-20newsgroups" / "bow.parquet")
    counts = sp.csr_matrix((bow["count"].to_numpy(), (bow["doc"].to_numpy(), bow["word"].to_numpy())))
    return TfidfTransformer().fit_transform(counts.astype(np.float64))


def spectrum(values: np.ndarray, rows: int = 700, columns: int = 500, seed: int = 0) -> sp.csr_matrix:
    """A matrix with these singular values and random vectors."""
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.standard_normal((rows, len(values))))[0]
    v = np.linalg.qr(rng.standard_normal((columns, len(values))))[0]
    return sp.csr_matrix((u * values) @ v.T)


def slow(mean: float = 0.0) -> sp.csr_matrix:
    matrix = spectrum(1.0 / np.sqrt(np.arange(1, 501)))
    cells = matrix.toarray()
    return sp.csr_matrix(cells / cells.std() * (0.5 if mean else 1.0) + mean)


def clustered() -> sp.csr_matrix:
    steps = np.repeat(np.arange(8.0, 0.0, -1.0), 8) * np.tile(1.0 - 1e-4 * np.arange(8) / 8, 8)
    return spectrum(np.concatenate([steps, 0.5 * np.ones(64)]))


#: Name: the matrix, and whether its columns are centred.
SMALL: dict[str, tuple[Callable[[], sp.csr_matrix], bool]] = {
    "ml-latest-small, ratings": (lambda: ratings("ml-latest-small"), False),
    "ml-100k, ratings": (lambda: ratings("ml-100k"), False),
    "ml-100k, ratings, centred": (lambda: ratings("ml-100k"), True),
    "bbc-news, tf-idf": (bbc, False),
    "clustered": (clustered, False),
    "slow": (slow, False),
    "fast": (lambda: spectrum(0.7 ** np.arange(100)), False),
    "rank 30": (lambda: spectrum(np.linspace(2.0, 1.0, 30)), False),
    "means of 50": (lambda: slow(50.0), True),
}
LARGE: dict[str, tuple[Callable[[], sp.csr_matrix], bool]] = {
    "ml-1m, ones": (lambda: sp.csr_matrix(data.load("ml-1m")), False),
    "20newsgroups, tf-idf": (newsgroups, False),
    "gowalla, ones": (lambda: sp.csr_matrix(data.load("gowalla")), False),
}
Found = tuple[np.ndarray, np.ndarray]


def lapack(matrix: sp.csr_matrix, centred: bool) -> tuple[Found, float]:
    """All that is wanted, and the next singular value."""
    cells = matrix.toarray()
    cells -= cells.mean(axis=0) if centred else 0.0
    _, s, turned = np.linalg.svd(cells, full_matrices=False)
    return (s[:FACTORS], turned[:FACTORS].T), float(s[FACTORS])


def arpack(matrix: sp.csr_matrix, centred: bool) -> tuple[Found, float]:
    from scipy.sparse.linalg import svds

    assert not centred
    _, s, turned = svds(matrix, FACTORS + 1, rng=0, tol=0)
    return (s[:0:-1], turned[:0:-1].T), float(s[0])


def ours(matrix: sp.csr_matrix, centred: bool, threads: int, **settings: Any) -> Found:
    table = ts.read(sp.csr_array(matrix), explicit=True)
    trainer = ts.TruncatedSVD(factors=FACTORS, centred=centred, threads=threads, progress=False, **settings)
    model = trainer.fit(table)
    v = np.zeros((matrix.shape[1], FACTORS))
    v[np.asarray(model.items.ids)] = model.item_factors
    return model.solver.singular_values, v


def theirs(matrix: sp.csr_matrix) -> Found:
    from sklearn.decomposition import TruncatedSVD

    found = TruncatedSVD(FACTORS, random_state=0).fit(matrix)
    return found.singular_values_, found.components_.T


def explained(matrix: sp.csr_matrix, centred: bool, v: np.ndarray) -> float:
    """The squares that an orthonormal basis of the space holds, in double precision."""
    q = np.linalg.qr(v)[0] if v.any(axis=0).all() else np.linalg.qr(v[:, v.any(axis=0)])[0]
    product = matrix @ q
    if centred:
        product -= np.asarray(matrix.mean(axis=0)).ravel() @ q
    return float(np.square(product).sum())


def beside(matrix: sp.csr_matrix, centred: bool, found: Found, exact: Found, total: float) -> dict[str, Any]:
    (s, v), (true, basis) = found, exact
    rank = int((true > 1e-5 * true[0]).sum())
    v, basis = v[:, :rank], basis[:, :rank]
    q = np.linalg.qr(v)[0]
    least = total - float(np.square(true).sum())
    # Of a matrix that has no more rank nothing is left, so its error is a share of the whole.
    share = least if least > 1e-9 * total else total
    return {
        "values, share of each": float(np.abs(s[:rank] / true[:rank] - 1).max()),
        "values, share of the largest": float(np.abs(s - true).max() / true[0]),
        "largest angle": float(np.linalg.norm(q - basis @ (basis.T @ q), 2)),
        "error above the least": (total - explained(matrix, centred, v) - least) / share,
        "from orthonormal": float(np.abs(v.T @ v - np.eye(rank)).max()),
    }


def measure(name: str, threads: int) -> dict[str, Any]:
    make, centred = (SMALL | LARGE)[name]
    matrix = sp.csr_matrix(make()).astype(np.float32).astype(np.float64)
    start = time.perf_counter()
    exact, following = (lapack if name in SMALL else arpack)(matrix, centred)
    print(f"{name}: reference in {time.perf_counter() - start:.1f} s", flush=True)
    total = float(np.square(matrix.data).sum())
    if centred:
        cells = matrix.toarray()
        total = float(np.square(cells - cells.mean(axis=0)).sum())
    entries = {
        "tastespace": ours(matrix, centred, threads),
        "tastespace, to the end": ours(matrix, centred, threads, rounds=100, tolerance=1e-9),
    } | ({} if centred else {"scikit-learn": theirs(matrix)})
    return {
        "shape": list(matrix.shape),
        "reference": "LAPACK" if name in SMALL else "ARPACK",
        "gap": float(1 - following / exact[0][-1]) if exact[0][-1] > 1e-9 * exact[0][0] else 1.0,
        "least error": float(np.sqrt(max(total - np.square(exact[0]).sum(), 0.0) / total)),
        "found": {entry: beside(matrix, centred, found, exact, total) for entry, found in entries.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*SMALL, *LARGE]
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(names))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    path = common.RESULTS / "svd_accuracy.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    for name in options.names or names:
        results[name] = measure(name, options.threads)
        for entry, found in results[name]["found"].items():
            print(
                f"  {entry:24}" + ", ".join(f"{what} {value:.1e}" for what, value in found.items()),
                flush=True,
            )
        common.write(
            "svd_accuracy", __doc__, results, more_versions={"scikit-learn": version("scikit-learn")}
        )
    print(f"written to {path.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
