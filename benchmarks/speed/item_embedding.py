"""ItemEmbedding: seconds and memory of counting pairs, of the matrix, and of the whole fit.

Protocol: tables in memory, of baskets of Online Retail, users of MovieLens 1M and of the generated table in the shape
of MovieLens 20M; no window; 64 factors, all else at its default. Counting: the prepared baskets and the matrix of cells
above the shift, by rows. Fit: from events to a model. Memory is the growth of the largest resident set of a process of
its own, above the table; a fresh process each round, the largest table once. gensim's Word2Vec, where it is installed
(``--gensim PYTHON``), learns from the same baskets as sentences, window 10,000 so that all items of a basket are
together as in item2vec, 5 negatives, 5 epochs, 64 factors; reading is not on its clock.

Run as ``python -m benchmarks.speed.item_embedding [--names NAME ...] [--gensim PYTHON]``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import common
from benchmarks.quality import retail
from benchmarks.speed import data

OURS = """
import sys, time, json
import numpy as np, scipy.sparse as sp
import tastespace as ts
with np.load(sys.argv[1]) as a:
    table = sp.csr_matrix((np.ones(len(a["indices"]), np.float32), a["indices"], a["indptr"]), shape=tuple(a["shape"]))
threads = int(sys.argv[2])
events = ts.read(table)
events.by_item
def status(key):  # of this process, in GB
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1e6
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
trainer, before = ts.ItemEmbedding(factors=64, threads=threads, progress=False), status("VmRSS")
found = {}
start = time.perf_counter()
if sys.argv[3] == "count":
    cells = trainer.association.count(events, threads).rows()
    found["cells"] = cells.nnz
else:
    model = trainer.fit(events)
    found |= model.info.metrics
found |= {"seconds": time.perf_counter() - start, "gigabytes": status("VmHWM") - before}
print(json.dumps(found))
"""

# In the inner loops of both a sentence is a row of the table.
GENSIM = """
import sys, time, json
import numpy as np, scipy.sparse as sp
import gensim
from gensim.models import Word2Vec
with np.load(sys.argv[1]) as a:
    table = sp.csr_matrix((np.ones(len(a["indices"]), np.float32), a["indices"], a["indptr"]), shape=tuple(a["shape"]))
threads = int(sys.argv[2])
names = [str(i) for i in range(table.shape[1])]
sentences = [[names[i] for i in table.indices[a:b]] for a, b in zip(table.indptr[:-1], table.indptr[1:])]
def status(key):  # of this process, in GB
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1e6
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before, start = status("VmRSS"), time.perf_counter()
Word2Vec(sentences, vector_size=64, window=10_000, sg=1, negative=5, epochs=5, min_count=1, workers=threads)
found = {"seconds": time.perf_counter() - start, "gigabytes": status("VmHWM") - before}
print(json.dumps(found | {"version": gensim.__version__}))
"""


def path(name: str) -> Path:
    """The file of a table of ones."""
    if name != "online-retail":
        return data.path(name)
    table = retail.events(retail.baskets(), "basket").by_user
    shape = (table.rows, table.columns)
    ones = sp.csr_matrix((np.ones(table.nnz, np.float32), table.indices, table.indptr), shape=shape)
    return data.save(common.SCRATCH / "online-retail.npz", ones)


def run(python: str, code: str, *words: str) -> dict[str, Any]:
    done = subprocess.run([python, "-c", code, *words], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--names", nargs="+", default=["online-retail", "ml-1m", "ml-20m-shaped"])
    parser.add_argument("--gensim", help="a Python that has gensim; for online-retail")
    chosen: argparse.Namespace = parser.parse_args()
    results = common.Results("speed_item_embedding", __doc__, chosen)
    results.cells["threads"] = chosen.threads
    for name in chosen.names[:1] if chosen.quick else chosen.names:
        file = str(path(name))
        times = 1 if name == "ml-20m-shaped" else chosen.rounds
        for kind in ("count", "fit"):
            rounds = [run(sys.executable, OURS, file, str(chosen.threads), kind) for _ in range(times)]
            cell = rounds[0] | {"seconds": common.spread([r["seconds"] for r in rounds])}
            cell["gigabytes"] = round(float(np.median([r["gigabytes"] for r in rounds])), 3)
            results.cells[f"{name} {kind}"] = cell
            print(name, kind, cell, flush=True)
            results.write()
        if chosen.gensim and name == "online-retail":
            found = run(chosen.gensim, GENSIM, file, str(chosen.threads))
            found["seconds"] = common.spread([found["seconds"]])
            results.cells[f"{name} gensim Word2Vec"] = found
            print(name, "gensim", found, flush=True)
    print(f"written to {results.write().relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
