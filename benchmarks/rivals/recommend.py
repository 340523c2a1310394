"""Lists of ten by ``implicit``, from given factors, on request.

Run as ``python recommend.py MODEL.npz THREADS BATCH``. MODEL holds ``users`` and ``items``, float32 factors, and
``indptr`` and ``indices`` of what each user has seen. A line "all N" on standard input asks for the lists of the first
N users in batches; "one N" for the N users one at a time. The answer is a JSON line of seconds: one number, or one a
user.
"""

import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit advises; its own threads call the BLAS

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares


def main() -> None:
    path, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    given = np.load(path)
    shape = (len(given["users"]), len(given["items"]))
    ones = np.ones(len(given["indices"]), np.float32)
    seen = sp.csr_matrix((ones, given["indices"], given["indptr"]), shape=shape)
    model = AlternatingLeastSquares(factors=given["items"].shape[1], num_threads=threads)
    model.user_factors, model.item_factors = given["users"], given["items"]
    for line in sys.stdin:
        what, count = line.split()[0], int(line.split()[1])
        seconds = []
        begin = time.perf_counter()
        for start in range(0, count, 1 if what == "one" else batch):
            if what == "one":
                row = seen[start]
                begin = time.perf_counter()
                model.recommend(start, row, N=10)
                seconds.append(time.perf_counter() - begin)
            else:
                rows = np.arange(start, min(start + batch, count))
                model.recommend(rows, seen[rows], N=10)
        print(json.dumps(seconds or time.perf_counter() - begin), flush=True)


if __name__ == "__main__":
    main()
