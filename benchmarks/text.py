"""The text model on the demo's shop: speed, exactness, and what fine-tuning and fewer layers are worth.

``python benchmarks/text.py speed`` takes seconds, ``switches`` and ``layers`` minutes each, ``effect`` trains two
bundles and ranks with both. Each prints tables and writes benchmarks/out/text-NAME.json.
"""

from __future__ import annotations

import os

# Before numpy is imported: a query is encoded on one thread, as it is in a worker.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from endcap.strategies.text.encoder import Encoder
from endcap.training.config import ShopConfig, TextConfig, load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import accuracy
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.truth import Truth
from endcap.training.progress import silent
from endcap.training.text.export import export_encoder
from endcap.training.text.finetune.batches import Recipe
from endcap.training.text.finetune.distil import distilled
from endcap.training.text.finetune.shop import lessons_of
from endcap.training.text.finetune.tune import finetune
from endcap.training.text.model import check_model

OUT = Path(__file__).parent / "out"
SEED = 7
QUERY_TOKENS = 8
Rows = list[dict[str, Any]]


def speed(config: ShopConfig, options: argparse.Namespace) -> Rows:
    """Query to vector on one core, and how near the exported model comes to what it was made from."""
    texts = read_shop(config).texts
    with tempfile.TemporaryDirectory() as folder:
        report = export_encoder(config.text.model, Path(folder), texts=texts)
        encoder = Encoder.open(Path(folder))
        queries = list(_queries(encoder, texts, 600))
        missed = _milliseconds(encoder.encode_one, queries)[100:]
        encoder = Encoder.open(Path(folder))
        worked = _milliseconds(encoder.encode_one, queries, time.thread_time)[100:]
        cached = _milliseconds(encoder.encode_one, queries * 5)[100:]
    parity = report.info.parity
    assert parity is not None
    return [
        {"what": "query of 8 tokens to vector, cache miss, p50", "value": float(np.median(missed)), "unit": "ms"},
        {"what": "of which the processor worked, p50", "value": float(np.median(worked)), "unit": "ms"},
        {"what": "the same, p99", "value": float(np.percentile(missed, 99)), "unit": "ms"},
        {"what": "cached, p50", "value": float(np.median(cached)) * 1000, "unit": "µs"},
        {"what": f"{report.info.precision}: mean cosine to fp32", "value": parity.cosine, "unit": ""},
        {"what": "ten nearest shared with fp32", "value": parity.neighbour_overlap, "unit": ""},
        {"what": "encoder.onnx", "value": report.bytes / 2**20, "unit": "MiB"},
    ]


def _queries(encoder: Encoder, texts: list[str], count: int) -> Iterator[str]:
    """Beginnings of the shop's texts of QUERY_TOKENS tokens, special ones included."""
    found: set[str] = set()
    for text in texts:
        words = text.split()
        for length in range(1, len(words)):
            query = " ".join(words[:length])
            if query not in found and len(encoder._tokens(encoder._queries, query)) == QUERY_TOKENS:
                found.add(query)
                yield query
            if len(found) == count:
                return


def _milliseconds(
    call: Callable[[str], object], values: list[str], clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    spent = []
    for value in values:
        begun = clock()
        call(value)
        spent.append((clock() - begun) * 1000)
    return spent


SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lora": ({}, {}),
    "full": ({"method": "full"}, {}),
    "word dropout": ({"augment": ["word_dropout"]}, {}),
    "spelling noise": ({"augment": ["spelling"]}, {}),
    "attribute shuffle": ({"augment": ["attribute_shuffle"]}, {}),
    "adversarial": ({"adversarial": True}, {}),
    "no correction for popularity": ({}, {"correction": 0.0}),
    "no weight on rare items": ({}, {"tail": 0.0}),
    "in-batch negatives alone": ({}, {"uniform": 0, "hard": 0}),
}


def switches(config: ShopConfig, options: argparse.Namespace) -> Rows:
    """The score on the window kept aside, of each way to fine-tune, for the same number of steps."""
    known = temporal(read_shop(config), config.training.horizon_days, SEED).known
    lessons, source = lessons_of(known, config), check_model(config.text.model)
    found: Rows = []
    for name, (settings, recipe) in SWITCHES.items():
        if options.only and name not in options.only:
            continue
        text = TextConfig(finetune=True, steps=options.steps, minutes=600.0, patience=99, **settings)
        begun = time.process_time()
        with tempfile.TemporaryDirectory() as kept:
            _, report = finetune(source, lessons, text, SEED, Path(kept), recipe=replace(Recipe(), **recipe))
        scores = [entry["score"] for entry in report["history"]]
        row = {"what": name, "before": scores[0], "best": max(scores), "step": report["best_step"]}
        found.append(row | {"CPU seconds": time.process_time() - begun})
        print(found[-1], flush=True)
    return found


def layers(config: ShopConfig, options: argparse.Namespace) -> Rows:
    """Fewer layers by distillation: how near to the whole model, and how quick."""
    texts, source = read_shop(config).texts, check_model(config.text.model)
    found: Rows = []
    for count in options.layers:
        with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as out:
            student, report = distilled(source, count, texts, SEED, Path(kept), steps=options.steps)
            exported = export_encoder(student, Path(out), texts=texts)
            encoder = Encoder.open(Path(out))
            missed = _milliseconds(encoder.encode_one, list(_queries(encoder, texts, 400)), time.thread_time)[100:]
        found.append({"what": f"{count} of {report['of']} layers, {exported.info.precision}", **report})
        found[-1] |= {"p50 ms": float(np.median(missed)), "MiB": exported.bytes / 2**20}
        print(found[-1], flush=True)
    return found


def effect(config: ShopConfig, options: argparse.Namespace) -> Rows:
    """NDCG@10 on the last days, which nothing was taught by, with and without fine-tuning, shopper by shopper."""
    holdout = temporal(read_shop(config), config.training.horizon_days, SEED)
    text = config.text.model_copy(update={"finetune": True, "steps": options.steps, "minutes": 60.0})
    found: dict[str, dict[str, Any]] = {}
    for name, changed in {"as it comes": config, "fine-tuned": config.model_copy(update={"text": text})}.items():
        found[name] = _values(holdout, changed)
        print(name, "ranked", flush=True)
    return [
        {"what": strategy, "items": question, **_difference(found, strategy, question)}
        for strategy in next(iter(found.values()))
        for question in ("all", "new", "cold")
        if len(found["as it comes"][strategy][question])
    ]


def _values(holdout: Holdout, config: ShopConfig) -> dict[str, dict[str, Any]]:
    """float64[shoppers] of NDCG@10, by strategy and question."""
    from endcap.training.evaluate.bench import Bench, strategy_lists
    from endcap.training.evaluate.ranking import Opening, each_alone
    from endcap.training.parallel import workers
    from endcap.training.train import Stopwatch, strategy_table, train_on

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        trained = train_on(holdout.known, config, scratch, silent, Stopwatch())
        print((trained.folder / "text" / "encoder.json").read_text(), trained.seconds, flush=True)
        if (learned := trained.folder / "text" / "learning.json").is_file():
            print(learned.read_text(), flush=True)
        opening = Opening(trained.folder, trained.manifest, {})
        table, bundle = strategy_table(config), opening.bundle()
        opening = replace(opening, tables={"hybrid": table, "text alone": each_alone(table, bundle)["text"]})
        pool = stack.enter_context(workers(silent))
        bench = Bench(holdout, bundle, "hybrid", pool, scratch, silent, Stopwatch(), SEED)
        lists, _ = strategy_lists(bench, opening)
    return {name: _ndcg(holdout, ranked.all, ranked.new) for name, ranked in lists.items()}


def _ndcg(holdout: Holdout, every: Any, new: Any) -> dict[str, Any]:
    questions: dict[str, tuple[Truth, Any]] = {
        "all": (holdout.truth, every),
        "new": (holdout.new, new),
        "cold": (holdout.cold, every),
    }
    values = {}
    for name, (truth, slates) in questions.items():
        rows = np.flatnonzero(holdout.regulars & (truth.sizes > 0))
        taken = truth.take(rows)
        values[name] = accuracy(taken.hits(slates[rows]), taken.sizes)["ndcg@10"]
    return values


def _difference(found: dict[str, dict[str, Any]], strategy: str, question: str) -> dict[str, Any]:
    before, after = (found[name][strategy][question] for name in found)
    low, high = interval(bootstrap_means((after - before)[:, None], SEED))
    measured = {"before": before.mean(), "fine-tuned": after.mean(), "difference": (after - before).mean()}
    return {"shoppers": len(before), **measured, "low": low[0], "high": high[0]}


PARTS = {"speed": speed, "switches": switches, "layers": layers, "effect": effect}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--config", type=Path, default=Path(".endcap/demo/tables/shop.toml"), help="a shop's shop.toml")
    parser.add_argument("--steps", type=int, default=300, help="of fine-tuning or distilling")
    parser.add_argument("--only", nargs="*", help="of the switches, these")
    parser.add_argument("--layers", type=int, nargs="*", default=[3], help="numbers of layers to distil to")
    options = parser.parse_args()
    rows = PARTS[options.part](load_config(options.config), options)
    _show(options.part, rows)
    OUT.mkdir(exist_ok=True)
    content = {"load_average": os.getloadavg()[0], "steps": options.steps, "measured": rows}
    (OUT / f"text-{options.part}.json").write_text(
        json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8"
    )


def _show(part: str, rows: Rows) -> None:
    table = Table(*rows[0], title=f"Text: {part}", title_justify="left")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:.4g}" for value in row.values()))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
