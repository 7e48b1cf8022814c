"""How new items and new shoppers of the demo's shop fare: `python benchmarks/cold.py`.

Hides items and shoppers from training, holds back the last 28 days, asks for what was hidden, prints two tables, and
writes benchmarks/out/cold.json and cold.html. With --draws other items are hidden again and again, and only what the
map needs is fitted: which items are hidden decides more than which shoppers are asked.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.writer import BundleWriter
from endcap.cli._bars import Bars
from endcap.cli._cold import print_cold
from endcap.cli._console import notices, results
from endcap.cli._demo.preparation import write_tables
from endcap.training.config import ShopConfig, load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.cold.asked import hide_from
from endcap.training.evaluate.cold.evaluation import ColdOptions, evaluate_cold
from endcap.training.evaluate.cold.hide import draw
from endcap.training.evaluate.cold.items import CHANCE, MAP, TEXT, cold_values, even_share, lists, maps
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.plain import plain
from endcap.training.evaluate.protocol import temporal
from endcap.training.evaluate.ranking import Opening
from endcap.training.fit.fitter import Context, fitters
from endcap.training.parallel import Workers, workers
from endcap.training.progress import Progress
from endcap.training.report.cold import cold_page
from endcap.training.shop import Shop
from endcap.training.snapshot import manifest_of
from endcap.training.train import Stopwatch

OUT = Path(__file__).parent / "out"
PARTS = ("catalog", "users", "histories", "items", "popular", "text", "als")
"""Of a bundle, those that the map and what it is compared with read."""


def main() -> None:
    options = _options()
    config = load_config(options.config or write_tables(options.work / "tables"))
    if options.draws:
        _several(config, options)
        return
    with Bars(notices()) as bars:
        found = evaluate_cold(config, ColdOptions(options.items, options.shoppers), bars)
    options.out.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    (options.out / "cold.json").write_text(text + "\n", encoding="utf-8")
    (options.out / "cold.html").write_text(cold_page(found), encoding="utf-8")
    console = results()
    print_cold(console, found)
    console.print(f"Wrote {options.out / 'cold.json'} and cold.html.")


def _several(config: ShopConfig, options: argparse.Namespace) -> None:
    """The map, the nearest texts and chance, over several draws of hidden items; each shopper counts once a draw."""
    with Bars(notices()) as bars, tempfile.TemporaryDirectory(prefix="endcap-cold-") as scratch, workers(bars) as pool:
        shop = read_shop(config, bars)
        found = [_one(shop, config, Path(scratch), pool, bars, options.items, seed) for seed in range(options.draws)]
    users = np.concatenate([draw.users for draw in found])
    pooled = {name: _by_shopper(np.concatenate([draw.hits[name] for draw in found]), users) for name in found[0].hits}
    table = {name: _rate(hits, np.bincount(users)) for name, hits in pooled.items()}
    told: dict[str, Any] = {
        "draws": options.draws,
        "pairs_asked": len(users),
        "hit_rate@20": table,
        "map_over_chance": _rate(pooled[MAP], pooled[CHANCE]),
        "map_less_texts": _less(pooled[MAP], pooled[TEXT], np.bincount(users)),
        "by_draw": [{name: float(hits.mean()) for name, hits in draw.hits.items()} for draw in found],
    }
    options.out.mkdir(exist_ok=True)
    (options.out / "cold-draws.json").write_text(json.dumps(plain(told), indent=1) + "\n", encoding="utf-8")
    results().print_json(data=plain(told))


class Draw(NamedTuple):
    users: Array
    hits: dict[str, Array]


def _one(
    shop: Shop, config: ShopConfig, scratch: Path, pool: Workers, progress: Progress, items: float, seed: int
) -> Draw:
    hidden = draw(shop, items, 0.0, seed)
    holdout = hide_from(temporal(shop, 28.0, seed), hidden)
    with BundleWriter(scratch) as writer:
        for name, fitter in fitters().items():
            if name == "text" and (scratch / "text").is_dir():
                writer.share("text", scratch)
            elif name in PARTS:
                progress(f"draw {seed}: fitting {name}")
                fitter.fit(holdout.known, writer.part(name), Context(config, progress))
        if not (scratch / "text").is_dir():
            shutil.copytree(writer.folder / "text", scratch / "text")
        bundle = writer.preview(manifest_of(holdout.known, config))
        bench = Bench(holdout, bundle, "als", pool, scratch, progress, Stopwatch(), seed)
        rows = np.flatnonzero(holdout.regulars & (holdout.cold.sizes > 0))
        opening = Opening(bundle.folder, bundle.manifest, maps(even_share(bench), ()))
        values = cold_values(bench, lists(bench, opening, rows, new=False), rows)
    return Draw(holdout.users[rows], {name: each["hit_rate@20"] for name, each in values.items()})


def _by_shopper(values: Array, users: Array) -> Array:
    return np.bincount(users, values)


def _rate(over: Array, under: Array) -> list[float]:
    """The ratio of two sums over shoppers, and its 95 % interval."""
    draws = bootstrap_means(np.column_stack([over, under]).astype(np.float64), 7)
    return [float(over.sum() / under.sum()), *interval((draws[:, 0] / draws[:, 1])[:, None])[:, 0].tolist()]


def _less(one: Array, other: Array, times: Array) -> list[float]:
    draws = bootstrap_means(np.column_stack([one - other, times]).astype(np.float64), 7)
    ends = interval((draws[:, 0] / draws[:, 1])[:, None])[:, 0]
    return [float((one - other).sum() / times.sum()), *ends.tolist()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".endcap/demo"), help="the demo's folder")
    parser.add_argument("--config", type=Path, help="another shop's shop.toml, instead of the demo's")
    parser.add_argument("--items", type=float, default=0.05, help="the share of the items that is hidden")
    parser.add_argument("--shoppers", type=float, default=0.1, help="the share of the shoppers that is hidden")
    parser.add_argument("--draws", type=int, default=0, help="hide other items so many times, for the map alone")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for cold.json and cold.html")
    return parser.parse_args()


if __name__ == "__main__":
    main()
