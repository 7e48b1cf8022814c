"""What the BERT ranker adds to the trees on the demo's shop: `python benchmarks/bert.py`.

Holds back the last 28 days, trains one bundle on what lies before with [bert] train = true, and ranks for everyone by
`hybrid` and by `hybrid_bert`, which differ in nothing but the second look at the best twenty. Prints a table and writes
benchmarks/out/bert.json. Then times BERT over 20 pairs of the longest kind on one core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from endcap.bundle.folder import Bundle, Part, open_bundle
from endcap.cli._bars import Bars
from endcap.cli._console import notices
from endcap.cli._demo.preparation import write_tables
from endcap.strategies.tables import ready_made
from endcap.strategies.text.cross import PART, CrossEncoder
from endcap.strategies.text.pairs import PairBatch
from endcap.training.config import BertConfig, ShopConfig, load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.bench import Bench, strategy_lists
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.ranking import Opening
from endcap.training.evaluate.verdict import Asked, comparisons
from endcap.training.parallel import workers
from endcap.training.progress import Progress
from endcap.training.train import Stopwatch, train_on

OUT = Path(__file__).parent / "out"
DAYS, ROUNDS, PAIRS, TOKENS = 28.0, 200, 20, 32
STRATEGIES = ("hybrid", "hybrid_bert")


def main() -> None:
    options = _options()
    given = load_config(options.config or write_tables(options.work / "tables"))
    config = given.model_copy(update={"bert": BertConfig(train=True, pairs=options.pairs, minutes=options.minutes)})
    clock = Stopwatch()
    with Bars(notices()) as bars, tempfile.TemporaryDirectory(prefix="endcap-bert-") as scratch:
        holdout = temporal(read_shop(config, bars), DAYS, config.training.seed)
        bundle = _bundle(options, holdout, config, Path(scratch), bars, clock)
        with workers(bars) as pool:
            bench = Bench(holdout, bundle, STRATEGIES[0], pool, Path(scratch), bars, clock, config.training.seed)
            found = compared(bench)
        found |= {"bert": bundle.manifest.metrics.get("bert"), "seconds": clock.seconds, "speed": speed(bundle)}
    OUT.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    (OUT / "bert.json").write_text(text + "\n", encoding="utf-8")
    show(Console(), found)


def compared(bench: Bench) -> dict[str, Any]:
    """Means of both strategies over shoppers, and how far the second is ahead of the first."""
    opening = Opening(bench.bundle.folder, bench.bundle.manifest, {name: ready_made()[name] for name in STRATEGIES})
    lists, served = strategy_lists(bench, opening)
    means: dict[str, Any] = {name: {} for name in STRATEGIES}
    for question in ("all", "new"):
        asked = Asked.of(bench.holdout, question)
        for name in STRATEGIES:
            values = asked.values(getattr(lists[name], question))
            means[name][question] = {metric: round(float(values[metric].mean()), 4) for metric in ("ndcg@10", "mrr@10")}
    ahead = comparisons(bench.holdout, lists, STRATEGIES[1], bench.seed)[STRATEGIES[0]]
    return {"means": means, "ahead": ahead, "served": served}


def speed(bundle: Bundle) -> dict[str, float]:
    """Milliseconds of one thread for PAIRS pairs of TOKENS tokens each, none of them padding."""
    encoder = CrossEncoder.open(Part(bundle.folder / PART))
    ids = np.random.default_rng(0).integers(5, 1000, (PAIRS, TOKENS))
    pairs = PairBatch(ids, np.ones_like(ids))
    taken = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        encoder.logits(pairs)
        taken.append((time.thread_time() - start) * 1000)
    p50, p99 = np.percentile(taken, [50, 99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def show(console: Console, found: dict[str, Any]) -> None:
    table = Table(title="BERT over the trees' best twenty", title_justify="left")
    for name in ("question", "hybrid", "hybrid_bert", "difference", "95 % interval", "p"):
        table.add_column(name, justify="left" if name == "question" else "right")
    for question, metrics in found["ahead"].items():
        ahead, (low, high) = metrics["ndcg@10"], metrics["ndcg@10"]["interval"]
        before, after = (found["means"][name][question]["ndcg@10"] for name in STRATEGIES)
        interval = f"{low:+.4f} to {high:+.4f}"
        cells = (f"{before:.4f}", f"{after:.4f}", f"{ahead['difference']:+.4f}", interval, f"{ahead['p']:.3f}")
        table.add_row(f"NDCG@10, {question}", *cells)
    console.print(table)
    console.print(f"BERT over {PAIRS} pairs of {TOKENS} tokens: {found['speed']} (processor time of one thread).")
    console.print_json(data=found["bert"])


def _bundle(
    options: argparse.Namespace, holdout: Holdout, config: ShopConfig, scratch: Path, bars: Progress, clock: Stopwatch
) -> Bundle:
    if options.bundle:
        return open_bundle(options.bundle)
    trained = train_on(holdout.known, config, options.keep or scratch, bars, clock)
    clock.seconds |= trained.seconds
    return open_bundle(trained.folder, verify=False)


def _options() -> argparse.Namespace:
    default = BertConfig()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".endcap/demo"), help="the demo's folder")
    parser.add_argument("--config", type=Path, help="another shop's shop.toml, instead of the demo's")
    parser.add_argument("--bundle", type=Path, help="a bundle with a BERT ranker, trained before the last 28 days")
    parser.add_argument("--keep", type=Path, help="a folder for the bundle that is trained")
    parser.add_argument("--pairs", type=int, default=default.pairs, help="to learn from")
    parser.add_argument("--minutes", type=float, default=default.minutes, help="to learn in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
