"""Writes the tables and pictures of ``docs/guide/speed.md`` from ``benchmarks/results``; no number is typed by hand.

The prose of the page is written by hand; each table lies between two comments, ``<!-- begin: name -->`` and
``<!-- end: name -->``, and is replaced. A table whose result file is absent says so.

Run as ``python -m benchmarks.page [--quick]``. ``--quick`` writes a copy of the page to ``benchmarks/.data/quick``.
"""

import argparse
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import common, pictures

PAGE = common.ROOT / "docs" / "guide" / "speed.md"
TABLE_NAMES = {"ml-1m": "MovieLens 1M", "gowalla": "Gowalla", "ml-20m-shaped": "20 M events"}
ABSENT = "*Not measured yet; `make bench` does.*"

Content = dict[str, Any]


def rows(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    every = [header, ("---",) * len(header), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in every)


def seconds(value: float) -> str:
    """Three digits: .0262, .797, 5.54, 12.7."""
    digits = 4 if value < 0.1 else 3 if value < 1 else 2 if value < 10 else 1
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"


def ranged(cell: Content) -> str:
    """Median and range."""
    return f"{seconds(cell['median'])} ({seconds(cell['least'])}–{seconds(cell['most'])})"


def where(content: Content) -> str:
    """Machine, versions, day, and what was left out."""
    machine, versions = content["machine"], content["versions"]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"{content['results']['threads']} threads; {packages}; {content['date']}."
    ]
    for name, why in content["results"].get("skipped", {}).items():
        lines.append(f"{name} was left out: {why}.")
    return " ".join(lines)


def cells(content: Content) -> list[tuple[str, int, Content]]:
    """Table, width and cell of every key such as ``ml-1m k=64``."""
    found = []
    for key, cell in content["results"].items():
        match = re.fullmatch(r"(\S+) k=(\d+)", key)
        if match:
            found.append((match[1], int(match[2]), cell))
    return found


def epochs(content: Content) -> str:
    """Seconds of an epoch, and how many times ours the fastest rival takes."""
    found = cells(content)
    names = list(dict.fromkeys(name for *_, cell in found for name in cell))
    names = ["tastespace", *(name for name in names if name != "tastespace")]
    lines = []
    for table, k, cell in found:
        rivals = [value["median"] for name, value in cell.items() if name != "tastespace"]
        ratio = f"{min(rivals) / cell['tastespace']['median']:.1f}" if rivals else ""
        values = (ranged(cell[name]) if name in cell else "" for name in names)
        lines.append((TABLE_NAMES[table], str(k), *values, ratio))
    table = rows(("table", "factors", *names, "fastest rival / ours"), lines)
    return f"{table}\n\n{where(content)}"


def shape(content: Content) -> str:
    """Quantiles of the tables."""
    lines = []
    for name, title in TABLE_NAMES.items():
        found = content["results"].get(f"{name} shape")
        if found:
            size = f"{found['users']:,} × {found['items']:,}", f"{found['events']:,}"
            for side in ("user", "item"):
                counts = [f"{value:,}" for value in found[f"events_per_{side}"]]
                lines.append((f"{title}, events per {side}", *size, *counts))
    share = ("least", "25 %", "median", "75 %", "90 %", "99 %", "most")
    return rows(("table", "users × items", "events", *share), lines)


def quality(content: Content) -> str:
    """Seconds until the target, and the end of each curve."""
    lines = []
    for key, cell in content["results"].items():
        if not key.startswith("k="):
            continue
        for name, curve in cell["curves"].items():
            at, last = cell["reached"][name], curve[-1]
            reached = ("not reached", "") if at is None else (seconds(at["seconds"]), str(at["epochs"]))
            end = f"{last['ndcg@10']:.4f}", seconds(last["seconds"]["median"])
            lines.append((key[2:], f"{cell['target']:.4f}", name, *reached, *end))
    header = ("factors", "target NDCG@10", "library", "seconds", "epochs", "NDCG@10 after 16", "seconds")
    return f"{rows(header, lines)}\n\n{where(content)}"


def explicit(content: Content) -> str:
    """RMSE and seconds of every fit."""
    lines = []
    for fit in content["results"]["ml-1m"]["fits"]:
        chosen = ", ".join(f"`{name}={value}`" for name, value in fit["settings"].items())
        lines.append((fit["library"], fit["setting"], f"{fit['rmse']:.4f}", ranged(fit["seconds"]), chosen))
    return f"{rows(('library', 'setting', 'RMSE', 'seconds', 'what'), lines)}\n\n{where(content)}"


def sgd(content: Content) -> str:
    """RMSE and seconds of every fit, and an epoch beside LIBMF's."""
    results = content["results"]
    ours = next(fit["seconds"]["median"] for fit in results["fits"] if fit["setting"] == "default")
    lines = []
    for fit in results["fits"]:
        chosen = ", ".join(f"`{name}={value}`" for name, value in fit["settings"].items())
        times = f"{fit['seconds']['median'] / ours:.1f}"
        kind = fit["library"], fit["setting"], str(fit["threads"])
        lines.append((*kind, f"{fit['rmse']:.4f}", ranged(fit["seconds"]), times, chosen))
    table = rows(
        ("library", "setting", "threads", "RMSE", "seconds", "of ours at defaults", "what"),
        lines,
    )
    epoch = results["epoch"]
    beside = [(name, ranged(cell)) for name, cell in epoch.items() if isinstance(cell, dict)]
    if not beside:
        return f"{table}\n\n{where(content)}"
    note = f"LIBMF's RMSE after 30 epochs: {epoch['LIBMF rmse']:.4f}."
    return f"{table}\n\n{rows(('an epoch', 'seconds'), beside)}\n\n{note} {where(content)}"


def svdpp(content: Content) -> str:
    """Seconds of an epoch, and RMSE by epochs."""
    lines = []
    for name, found in content["results"]["ml-1m"].items():
        if name == "ratings":
            continue
        errors = [f"{found['fits'][n]['rmse']:.4f}" if n in found["fits"] else "" for n in ("1", "2", "20")]
        times = str(found.get("times_faster", ""))
        lines.append((name, ranged(found["epoch_seconds"]), times, *errors))
    header = ("library", "an epoch, seconds", "times faster", "RMSE after 1", "after 2", "after 20")
    return f"{rows(header, lines)}\n\n{where(content)}"


def nmf(content: Content) -> str:
    """Seconds to the same error, passes and memory."""
    lines = []
    for name, found in content["results"].items():
        if name == "threads" or "times_faster" not in found:
            continue
        for library in ("scikit-learn", "tastespace"):
            cell = found[library]
            times = str(found["times_faster"]) if library == "tastespace" else ""
            passes, error, memory = str(cell["passes"]), f"{cell['error']:.2f}", f"{cell['peak_mb']:.0f} MB"
            label = ", ".join(filter(None, (library, cell.get("precision"))))
            lines.append((name, label, ranged(cell["seconds"]), times, passes, error, memory))
    header = ("loss and table", "library", "seconds", "times faster", "passes", "error", "peak")
    both = "scikit-learn ran in double and in single precision; the faster is listed. "
    told = both if any(", float" in label for _, label, *_ in lines) else ""
    return f"{rows(header, lines)}\n\n{told}{where(content)}"


def svd(content: Content) -> str:
    """Seconds, memory and error of each solver."""
    lines = []
    for table, found in content["results"].items():
        if table == "threads":
            continue
        ours = found["tastespace"]["seconds"]["median"]
        for name, cell in found.items():
            times = f"{cell['seconds']['median'] / ours:.1f}"
            memory, error = (
                f"{cell['peak_bytes'] / 1e6:.0f} MB",
                f"{max(cell['relative_error']):.8f}".removeprefix("0"),
            )
            lines.append((TABLE_NAMES[table], name, ranged(cell["seconds"]), times, error, memory))
    header = ("table", "solver", "seconds", "times ours", "error", "peak")
    return f"{rows(header, lines)}\n\n{where(content)}"


def item_embedding(content: Content) -> str:
    """Seconds and memory of counting, of the fit, and of gensim's."""
    names, lines = TABLE_NAMES | {"online-retail": "Online Retail"}, []
    for key, cell in content["results"].items():
        table, _, what = key.partition(" ")
        if table in names:
            memory = f"{1000 * cell['gigabytes']:.0f} MB"
            lines.append((names[table], what, ranged(cell["seconds"]), memory))
    return f"{rows(('table', 'what', 'seconds', 'peak'), lines)}\n\n{where(content)}"


def ranking(content: Content) -> str:
    """An epoch of BPR, and seconds until each rival's quality."""
    results = content["results"]
    epoch = rows(
        ("an epoch of BPR, 64 factors", "seconds"),
        [(name, ranged(cell)) for name, cell in results["epoch"].items() if name != "skipped"],
    )
    lines = []
    for rival, race in results.items():
        if "ours" not in getattr(race, "keys", list)():
            continue
        took = race.get("seconds")
        lines.append((rival, f"{race['ndcg@10']:.4f}", ranged(took) if took else race["skipped"], "", ""))
        for title, fits in race["ours"].items():
            at = next((fit for fit in fits if fit["ndcg@10"] >= race["ndcg@10"]), None)
            if at is None:
                lines.append((f"tastespace {title}", f"{fits[-1]['ndcg@10']:.4f}", "not reached", "", ""))
                continue
            times = f"{took['median'] / at['seconds']['median']:.1f}" if took else ""
            row = f"{at['ndcg@10']:.4f}", ranged(at["seconds"]), str(at["epochs"]), times
            lines.append((f"tastespace {title}", *row))
    header = ("model", "NDCG@10", "seconds of the fit", "epochs", "times faster")
    return f"{epoch}\n\n{rows(header, lines)}\n\n{where(content)}"


def neighbours(content: Content) -> str:
    """Seconds of a fit by weighting and number of neighbours."""
    lines = []
    for key, cell in content["results"].items():
        if match := re.fullmatch(r"(\S+) K=(\d+)", key):
            lines += [(TABLE_NAMES[match[1]], match[2], name, ranged(found)) for name, found in cell.items()]
    return f"{rows(('table', 'neighbours', 'library', 'seconds'), lines)}\n\n{where(content)}"


def ease(content: Content) -> str:
    """The whole fit beside the inverse alone."""
    lines = []
    for key, cell in content["results"].items():
        if "fit" in getattr(cell, "keys", list)():
            size = f"{cell['users']:,} × {cell['items']:,}", f"{cell['events']:,}"
            ratio = f"{cell['fit']['median'] / cell['lapack']['median']:.2f}"
            lines.append((TABLE_NAMES[key], *size, ranged(cell["lapack"]), ranged(cell["fit"]), ratio))
    header = ("table", "users × items", "events", "LAPACK alone", "whole fit", "ratio")
    return f"{rows(header, lines)}\n\n{where(content)}"


def reranking(content: Content) -> str:
    """Lists of ten, plain and ranked again."""
    lines = []
    for key, cell in content["results"].items():
        for name, found in cell.items() if key in TABLE_NAMES else ():
            alone = found["one user, microseconds"]["median"]
            lines.append((TABLE_NAMES[key], name, f"{alone:.0f}", ranged(found["everyone, seconds"])))
    return f"{rows(('table', 'list', 'one user, µs', 'all users, seconds'), lines)}\n\n{where(content)}"


def growth(content: Content) -> str:
    """Seconds by width, and the exponents."""
    found = cells(content)
    widths = sorted({k for _, k, _ in found})
    lines = []
    for table in dict.fromkeys(table for table, *_ in found):
        by_width = {k: cell for name, k, cell in found if name == table}
        values = (seconds(by_width[k]["median"]) if k in by_width else "" for k in widths)
        lines.append((TABLE_NAMES[table], *values))
    powers = [(name, f"{value:.2f}") for name, value in content["results"]["exponents"].items()]
    widths_table = rows(("factors", *map(str, widths)), lines)
    return f"{widths_table}\n\n{rows(('exponent of', ''), powers)}\n\n{where(content)}"


def peaks(content: Content) -> str:
    """What the machine can do."""
    by_threads = content["results"]["peaks"]
    names = [name for name in next(iter(by_threads.values())) if "triad" not in name]
    lines = []
    for name in names:
        unit = "GFLOP/s" if name.startswith("fma") else "GB/s"
        lines.append((name, *(f"{rates[name]:.0f} {unit}" for rates in by_threads.values())))
    header = ("", *("1 thread" if n == "1" else f"{n} threads" for n in by_threads))
    return f"{rows(header, lines)}\n\n{where(content)}"


def roofline(content: Content) -> str:
    """Each epoch beside the model."""
    lines = []
    for table, k, cell in cells(content):
        parts = sorted(cell["model_parts"].items(), key=lambda part: -part[1])
        longest = ", ".join(
            f"{name} {value / cell['model_seconds']:.0%}"
            for name, value in parts
            if value > 0.05 * parts[0][1]
        )
        lines.append(
            (
                TABLE_NAMES[table],
                str(k),
                f"{cell['gflop']:.1f}",
                f"{cell['gathered_gbytes']:.2f}",
                seconds(cell["seconds"]),
                seconds(cell["model_seconds"]),
                f"{cell['gflops']:.0f}",
                f"{cell['share_of_peak']:.0%}",
                longest,
            )
        )
    header = (
        "table",
        "factors",
        "GFLOP",
        "GB of touched rows",
        "seconds",
        "seconds by the model",
        "GFLOP/s",
        "of the peak",
        "the model's parts",
    )
    return rows(header, lines)


def top_k(content: Content) -> str:
    """Users a second, and one user's microseconds."""
    everyone, alone = [], []
    for _, k, cell in cells(content):
        for library, found in cell["everyone"].items():
            rate = f"{found['users'] / found['seconds']['median']:,.0f}"
            everyone.append((str(k), library, f"{found['users']:,}", ranged(found["seconds"]), rate))
        for library, found in cell["one user"].items():
            alone.append((str(k), library, f"{1e6 * found['median']:.0f}", f"{1e6 * found['p99']:.0f}"))
    first = rows(("factors", "library", "users", "seconds", "users a second"), everyone)
    second = rows(("factors", "library, one user", "median, µs", "99 %, µs"), alone)
    return f"{first}\n\n{second}\n\n{where(content)}"


def evaluation(content: Content) -> str:
    """Seconds, of which for the lists, and memory by library and number of users; which metrics each has."""
    lines, lacks = [], {}
    for key, cell in content["results"].items():
        if " users=" not in key:
            continue
        ours = cell["libraries"]["tastespace evaluate"]["seconds"]["median"]
        for name, found in cell["libraries"].items():
            middle = found["seconds"]["median"]
            lists = found["parts"].get("lists")
            lines.append(
                (
                    f"{cell['users']:,}",
                    name.removesuffix(" evaluate"),
                    f"{len(found['metrics'])} of {len(content['results']['metrics'])}",
                    ranged(found["seconds"]),
                    "" if lists is None else seconds(middle - lists),
                    f"{found['peak_mb']:,}",
                    f"{middle / ours:.1f}",
                )
            )
            lacks[name] = [one for one in content["results"]["metrics"] if one not in found["metrics"]]
    header = ("users", "library", "metrics", "seconds", "without the lists", "peak, MB", "times ours")
    missing = "; ".join(f"{name} {', '.join(found)}" for name, found in lacks.items() if found)
    return f"{rows(header, lines)}\n\nNot there: {missing}.\n\n{where(content)}"


def reading(content: Content) -> str:
    """Seconds and peak memory of every way to read, and what the memory of ours is made of."""
    lines, memory = [], []
    for key, cell in content["results"].items():
        if " by " not in key:
            continue
        for name, found in cell.items():
            peak, held = (f"{found[f'{what}_bytes_an_event']:.0f}" for what in ("peak", "held"))
            if name.startswith(("tastespace", "pandas")):
                lines.append(
                    (
                        key.partition(" by ")[2],
                        name,
                        ranged(found["seconds"]),
                        f"{found['peak_mb']:,}",
                        peak,
                        held,
                    )
                )
            else:
                memory.append((name, ranged(found["seconds"]), peak, held))
    first = rows(("rows by", "library", "seconds", "peak, MB", "peak, bytes an event", "held"), lines)
    second = rows(("also", "seconds", "peak, bytes an event", "held"), memory)
    return f"{first}\n\n{second}\n\n{where(content)}"


#: What each picture shows, by result file.
ALT = {
    "speed_epochs": "Seconds of an epoch by library and number of factors",
    "speed_quality_at": "NDCG@10 against seconds since fit began",
    "speed_growth": "Seconds of an epoch against factors and against events, in logarithms",
    "speed_roofline": "Epochs under this machine's roofs",
}

#: Blocks that end with the picture of their result file.
PICTURED = ("epochs", "quality", "growth", "roofline")

#: Block of the page: result file, and what makes the table.
BLOCKS: dict[str, tuple[str, Callable[[Content], str]]] = {
    "shape": ("speed_epochs", shape),
    "epochs": ("speed_epochs", epochs),
    "quality": ("speed_quality_at", quality),
    "explicit": ("speed_explicit", explicit),
    "sgd": ("speed_sgd", sgd),
    "svdpp": ("speed_svdpp", svdpp),
    "svd": ("speed_svd", svd),
    "nmf": ("speed_nmf", nmf),
    "item-embedding": ("speed_item_embedding", item_embedding),
    "top-k": ("speed_top_k", top_k),
    "evaluation": ("speed_evaluation", evaluation),
    "reading": ("speed_reading", reading),
    "growth": ("speed_growth", growth),
    "ranking": ("speed_ranking", ranking),
    "neighbours": ("speed_neighbours", neighbours),
    "ease": ("speed_ease", ease),
    "reranking": ("speed_reranking", reranking),
    "peaks": ("speed_roofline", peaks),
    "roofline": ("speed_roofline", roofline),
}


def picture(result: str) -> str:
    return result.replace("_", "-") + ".svg"


def read(folder: Path, name: str) -> Content | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def fill(page: str, folder: Path) -> str:
    """The page with every block replaced.

    Raises
    ------
    ValueError
        If a block is missing from the page.
    """
    for name, (result, make) in BLOCKS.items():
        content = read(folder, result)
        text = ABSENT if content is None else make(content)
        if content is not None and name in PICTURED:
            text += f"\n\n![{ALT[result]}](../images/{picture(result)})"
        block = f"<!-- begin: {name} -->\n{text}\n<!-- end: {name} -->"
        pattern = rf"<!-- begin: {name} -->\n.*?<!-- end: {name} -->"
        page, count = re.subn(pattern, lambda _, block=block: block, page, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} holds the block {name} {count} times; once is right")
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    folder = common.SCRATCH / "quick" if quick else common.RESULTS
    page = PAGE
    if quick:
        page = folder / "docs" / "guide" / PAGE.name
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PAGE, page)
    images = page.parents[1] / "images"
    images.mkdir(exist_ok=True)
    for name, draw in pictures.PICTURES.items():
        content = read(folder, name)
        if content is not None:
            draw(content, images / picture(name))
    page.write_text(fill(page.read_text(), folder))
    print(f"written to {page.relative_to(common.ROOT)}")


if __name__ == "__main__":
    main()
