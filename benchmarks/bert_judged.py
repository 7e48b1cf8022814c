"""The BERT ranker over searches alone: `python benchmarks/bert_judged.py --items FILE --judgments FILE`.

Learns from four fifths of the searches that people judged and is asked the others, fold by fold. No trees take part:
this is what reading the search beside each title is worth. Prints AUC and log loss (an item counts as an answer from
half of the highest rating on) and NDCG@10 (gains 2^rating - 1) of teacher and student, and writes
benchmarks/out/bert_judged.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from rich.console import Console
from rich.table import Table

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.bundle.ids import IdIndex
from endcap.bundle.writer import PartWriter
from endcap.strategies.contract import Query
from endcap.strategies.text.encoder import open_tokenizer
from endcap.strategies.text.info import TOKENIZER_NAME
from endcap.strategies.text.pairs import OFFSETS, SHAPE, TOKENS, Pairs, PairShape
from endcap.training.bert.learn import School, learn
from endcap.training.bert.lessons import Lessons, by_request
from endcap.training.bert.network import logits_of
from endcap.training.bert.part import write_pairs
from endcap.training.config import BertConfig
from endcap.training.evaluate.metrics import graded, ndcg
from endcap.training.evaluate.probability import auc, reliability, sigmoid
from endcap.training.progress import silent
from endcap.training.search.judgments import Judged, read_judgments
from endcap.training.text.model import check_model

OUT = Path(__file__).parent / "out"
FOLDS, SEED, WATCHED, LEAST_ITEMS = 5, 7, 5, 5


def main() -> None:
    options = _options()
    numbers = range(FOLDS)
    tasks = [(options, fold) for fold in numbers]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        folds = list(pool.map(one_fold, tasks))
    found = {"folds": folds, "mean": _mean(folds)}
    OUT.mkdir(exist_ok=True)
    (OUT / "bert_judged.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    show(Console(), found)


def one_fold(task: tuple[argparse.Namespace, int]) -> dict[str, Any]:
    """Runs in a process of its own, on one thread."""
    options, fold = task
    torch.set_num_threads(1)
    items = pl.read_parquet(options.items)
    pools = read_judgments(options.judgments, IdIndex.of(items["item_id"].to_list())).pools
    told = [pool for pool in pools if pool.mixed and len(pool.items) >= LEAST_ITEMS]
    order = np.random.default_rng(SEED).permutation(len(told))
    asked = [told[place] for place in order[fold::FOLDS]]
    others = [pool for pool in pools if pool.query not in {each.query for each in asked}]
    with tempfile.TemporaryDirectory() as scratch:
        source = check_model(None)
        pairs = _pairs(Path(scratch), items["title"].to_list())
        lessons, watch, check = (_lessons(pairs, some) for some in (others[WATCHED:], others[:WATCHED], asked))
        config = BertConfig(layers=options.layers, epochs=options.epochs, minutes=60.0)
        taught = learn(source, School(lessons, watch, check, config, SEED, Path(scratch) / "kept", silent))
        networks = {"teacher": taught.teacher, "student": taught.student}
        said = {name: logits_of(each, check.ids, check.lengths, torch.device("cpu")) for name, each in networks.items()}
    return {"searches": len(asked), **{name: _judged(logits, check, asked) for name, logits in said.items()}}


def _pairs(folder: Path, titles: Sequence[str]) -> Pairs:
    write_pairs(PartWriter(folder), check_model(None), titles, BertConfig().max_tokens)
    part, nothing = Part(folder), np.empty((len(titles), 0), np.float32)
    shape = PairShape.model_validate(part.json(SHAPE))
    tokenizer = open_tokenizer(folder / TOKENIZER_NAME, shape.max_tokens)
    return Pairs(shape, part.array(TOKENS), part.array(OFFSETS), np.arange(len(titles)), nothing, tokenizer)


def _lessons(pairs: Pairs, pools: Sequence[Judged]) -> Lessons:
    """Every rated item of the searches, in the order of its number."""
    highest = 3.0
    width, parts = pairs.shape.max_tokens, []
    for pool in pools:
        batch = pairs.of(Query(now=0, text=pool.query), pool.items)
        ids = np.zeros((len(pool.items), width), np.int32)
        ids[:, : batch.ids.shape[1]] = batch.ids
        nothing, count = np.zeros(len(pool.items), np.float32), np.array([len(pool.items)])
        labels = (pool.ratings / highest).astype(np.float32)
        parts.append(Lessons(ids, batch.mask.sum(axis=1), labels, nothing, nothing, count, np.zeros(1, np.int8)))
    return Lessons.joined(parts, width)


def _judged(logits: Array, check: Lessons, pools: Sequence[Judged]) -> dict[str, float]:
    answers = check.labels >= 0.5
    values = [_ndcg(logits[span], pool) for span, pool in zip(by_request(check), pools, strict=True)]
    return {
        "auc": round(auc(logits, answers), 4),
        "log_loss": round(reliability(sigmoid(logits), answers)["log_loss"], 4),
        "ndcg@10": round(float(np.mean(values)), 4),
    }


def _ndcg(logits: Array, pool: Judged) -> float:
    gains = graded(pool.ratings)
    return float(ndcg(gains[np.argsort(-logits, kind="stable")][None], np.sort(gains)[::-1][None], 10)[0])


def _mean(folds: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Over searches."""
    weights = np.array([fold["searches"] for fold in folds])
    return {
        name: {
            metric: round(float(np.average([fold[name][metric] for fold in folds], weights=weights)), 4)
            for metric in ("auc", "log_loss", "ndcg@10")
        }
        for name in ("teacher", "student")
    }


def show(console: Console, found: dict[str, Any]) -> None:
    table = Table(title="BERT over judged searches, asked only what it did not learn from", title_justify="left")
    for name in ("", "AUC", "log loss", "NDCG@10", *(f"fold {fold + 1}" for fold in range(FOLDS))):
        table.add_column(name, justify="right" if name else "left")
    for name, mean in found["mean"].items():
        folds = (f"{fold[name]['ndcg@10']:.3f}" for fold in found["folds"])
        table.add_row(name, *(f"{value:.3f}" for value in mean.values()), *folds)
    console.print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=Path, required=True, help="Parquet with item_id and title")
    parser.add_argument("--judgments", type=Path, required=True, help="CSV with query, item_id and rating, 0 to 3")
    parser.add_argument("--layers", type=int, default=2, help="of the student")
    parser.add_argument("--epochs", type=float, default=2.0, help="through all pairs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
