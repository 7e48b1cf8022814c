"""How well searches are answered, by judgments: `make search`.

Cross-validation by search: the ranker learns from four fifths of the searches and is asked the others, in every fold,
by several draws of the folds. Then the whole catalog is searched; then each group of features is left out. Prints
tables and writes benchmarks/out/search.json. Needs a catalog and judgments; by default those beside the project.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, open_bundle
from endcap.bundle.writer import BundleWriter
from endcap.cli._bars import Bars
from endcap.cli._console import notices
from endcap.training.config import ShopConfig, load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.searches import LEAST_RATED, judge, strategies_asked, write_parts
from endcap.training.progress import Progress
from endcap.training.search.judgments import Judgments, read_judgments
from endcap.training.search.lessons import Lessons, from_judgments
from endcap.training.search.model import WAYS, Choice, choose, cross_validated, folds, quality
from endcap.training.search.neighbours import write_neighbours
from endcap.training.search.teach import gathering, judged_columns, search_table, write_choice

OUT = Path(__file__).parent / "out"
DATA = Path(__file__).parents[2] / "shared/data/icecat"
GROUPS = {
    "likeness to the search": ("text.query_cosine",),
    "likeness to its best answers": ("query.feedback_cosine", "query.neighbour_cosine"),
    "BM25, whole and by field": ("query.bm25",),
    "coverage and phrase": ("query.coverage", "query.title_", "query.last_in_title"),
    "brand": ("query.brand",),
    "model numbers and amounts": ("query.model", "query.numbers"),
}
"""By the beginnings of their columns."""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="endcap-search-") as scratch, Bars(notices()) as bars:
        config = load_config(options.config or _config(Path(scratch)))
        bundle = open_bundle(options.bundle or _parts(config, options.keep or Path(scratch), bars))
        judgments = read_judgments(options.judgments, bundle.catalog.ids)
        found = measured(bundle, config, judgments, options.draws, Path(scratch), bars)
    OUT.mkdir(exist_ok=True)
    (OUT / "search.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console = Console()
    for table in (_folds_table(found), _catalog_table(found), _groups_table(found)):
        console.print(table)
    console.print(f"Wrote {OUT / 'search.json'}.")


def measured(
    bundle: Bundle, config: ShopConfig, judgments: Judgments, draws: int, scratch: Path, progress: Progress
) -> dict[str, Any]:
    table = search_table(config)
    strategy = gathering(bundle, table)
    lessons = from_judgments(bundle, strategy, judgments.pools, judged_columns(strategy))
    listed = np.array([len(pool.items) >= LEAST_RATED for pool in judgments.pools])
    kept = np.flatnonzero(listed | ~np.isin(np.arange(lessons.size), lessons.telling))
    lessons, pools = lessons.rows(kept), [judgments.pools[place] for place in kept]
    judgments = replace(judgments, pools=tuple(pools))
    fixed = {name: one["judged"] for name, one in asked(bundle, config, judgments).items()}
    values, rows = [], []
    for draw in range(draws):
        progress("cross-validating", draw, draws)
        drawn, told = fold_by_fold(lessons, draw)
        values.append(drawn)
        rows.append(told)
    return {
        "judgments": {"searches": len(lessons.telling), "rows": judgments.rows},
        "without_learning": fixed,
        "cross_validated": summed(np.array(values)),
        "folds": rows,
        "ways": {way: [_mean(cross_validated(lessons, way, draw)) for draw in range(draws)] for way in WAYS},
        "catalog": whole_catalog(bundle, config, judgments, lessons, scratch),
        "without_group": dict(without_each_group(lessons, draws)),
    }


def asked(bundle: Bundle, config: ShopConfig, judgments: Judgments) -> dict[str, Any]:
    seed = config.training.seed
    return {name: judge(bundle, each, judgments, seed) for name, each in strategies_asked(bundle, config).items()}


def fold_by_fold(lessons: Lessons, draw: int) -> tuple[Array, list[dict[str, Any]]]:
    """NDCG@10 of every telling search, and of each fold. The way to learn is chosen inside of each fold anew."""
    values, told = np.zeros(lessons.size), []
    for learned, held in folds(lessons, draw):
        choice = choose(lessons.rows(learned), draw)
        values[held] = quality(lessons.rows(held), choice.ranker)
        told.append({"searches": len(held), "way": choice.way, "ndcg@10": _mean(values[held])})
    return values[lessons.telling], told


def summed(values: Array) -> dict[str, Any]:
    """``values`` is float64[draws, searches]. The interval is over searches, each by its mean over the draws."""
    ends = interval(bootstrap_means(values.mean(axis=0)[:, None], 0))[:, 0]
    return {"ndcg@10": _mean(values), "draws": [_mean(each) for each in values], "interval": ends.round(4).tolist()}


def whole_catalog(
    bundle: Bundle, config: ShopConfig, judgments: Judgments, lessons: Lessons, scratch: Path
) -> dict[str, Any]:
    """Every strategy over the whole catalog; ``search, learned`` by rankers that never saw the search."""
    found = {name: one["catalog"] for name, one in asked(bundle, config, judgments).items()}
    parts: list[tuple[int, dict[str, Any]]] = []
    for learned, held in _all_folds(lessons):
        choice = choose(lessons.rows(learned), 0)
        one = _served(
            bundle, config, choice, replace(judgments, pools=tuple(judgments.pools[g] for g in held)), scratch
        )
        parts.append((one["queries"], one))
    weights = np.array([count for count, _ in parts])
    metrics = [name for name in parts[0][1] if name not in ("queries", "intervals")]
    learned_means = {
        name: round(float(np.average([one[name] for _, one in parts], weights=weights)), 4) for name in metrics
    }
    return {**found, "search, learned": {"queries": int(weights.sum()), **learned_means}}


def _all_folds(lessons: Lessons) -> Iterator[tuple[Array, Array]]:
    """Also the searches with nothing to tell apart are asked here."""
    groups = np.random.default_rng(0).permutation(lessons.size)
    for fold in range(5):
        held = np.sort(groups[fold::5])
        yield np.setdiff1d(np.arange(lessons.size), held), held


def _served(bundle: Bundle, config: ShopConfig, choice: Choice, judgments: Judgments, scratch: Path) -> dict[str, Any]:
    with BundleWriter(scratch) as writer:
        for part in bundle.parts():
            writer.share(part, bundle.folder)
        manifest = write_choice(writer, bundle.manifest, choice, {"learned_from": "judgments"})
        strategy = strategies_asked(writer.preview(manifest), config)["search"]
        catalog: dict[str, Any] = judge(writer.preview(manifest), strategy, judgments, 0)["catalog"]
    return catalog


def without_each_group(lessons: Lessons, draws: int) -> Iterator[tuple[str, dict[str, float]]]:
    """The weighted sum, which moves least by chance, with each group and without."""
    whole = np.array([cross_validated(lessons, "sum", draw) for draw in range(draws)]).mean(axis=0)
    for name, beginnings in GROUPS.items():
        kept = [place for place, column in enumerate(lessons.columns) if not column.startswith(beginnings)]
        fewer = lessons._replace(columns=tuple(lessons.columns[k] for k in kept), features=lessons.features[:, kept])
        without = np.array([cross_validated(fewer, "sum", draw) for draw in range(draws)]).mean(axis=0)
        ends = interval(bootstrap_means((whole - without)[:, None], 0))[:, 0].round(4).tolist()
        yield name, {"ndcg@10": _mean(without), "worth": round(float((whole - without).mean()), 4), "interval": ends}


def _mean(values: Array | Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def _folds_table(found: dict[str, Any]) -> Table:
    searches = found["judgments"]["searches"]
    table = Table(
        title=f"NDCG@10 of the rated items of {searches} searches, five folds by search", title_justify="left"
    )
    for name in ("", "mean", "fold 1", "2", "3", "4", "5"):
        table.add_column(name, justify="left" if not name else "right")
    for name, one in found["without_learning"].items():
        table.add_row(f"{name}, nothing learned", f"{one['ndcg@10']:.4f}")
    for draw, rows in enumerate(found["folds"]):
        cells = [f"{row['ndcg@10']:.3f}" for row in rows]
        table.add_row(f"search, learned, draw {draw + 1}", f"{found['cross_validated']['draws'][draw]:.4f}", *cells)
    low, high = found["cross_validated"]["interval"]
    table.add_row("search, learned", f"{found['cross_validated']['ndcg@10']:.4f}", f"95 %: {low:.3f} to {high:.3f}")
    return table


def _catalog_table(found: dict[str, Any]) -> Table:
    table = Table(title="The whole catalog, searched", title_justify="left")
    metrics = ("recall@100", "recall@20", "ndcg@10", "mrr")
    for name in ("", *metrics):
        table.add_column(name, justify="right" if name else "left")
    for name, one in found["catalog"].items():
        table.add_row(name, *(f"{one[metric]:.4f}" for metric in metrics))
    return table


def _groups_table(found: dict[str, Any]) -> Table:
    table = Table(title="The weighted sum without each group of features", title_justify="left")
    for name in ("without", "ndcg@10", "what it was worth", "95 %"):
        table.add_column(name, justify="left" if name == "without" else "right")
    for name, one in found["without_group"].items():
        low, high = one["interval"]
        table.add_row(name, f"{one['ndcg@10']:.4f}", f"{one['worth']:+.4f}", f"{low:+.4f} to {high:+.4f}")
    return table


def _config(folder: Path) -> Path:
    path = folder / "shop.toml"
    path.write_text(f'name = "catalog"\n[items]\npath = "{DATA / "items.parquet"}"\n', encoding="utf-8")
    return path


def _parts(config: ShopConfig, folder: Path, progress: Progress) -> Path:
    """A bundle of the parts that searches read, without a ranker."""
    with BundleWriter(folder) as writer:
        manifest = write_parts(writer, read_shop(config, progress), config, progress)
        write_neighbours(writer, progress)
        return writer.seal(manifest)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, help="the shop's shop.toml; default: the catalog beside the project")
    parser.add_argument("--judgments", type=Path, default=DATA / "judgments.csv", help="columns query, item_id, rating")
    parser.add_argument("--bundle", type=Path, help="a bundle without a search ranker, instead of a new one")
    parser.add_argument("--keep", type=Path, help="a folder to keep the new bundle in, for --bundle of the next run")
    parser.add_argument("--draws", type=int, default=5, help="how often the folds are drawn")
    return parser.parse_args()


if __name__ == "__main__":
    main()
