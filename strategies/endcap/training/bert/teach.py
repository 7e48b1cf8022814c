"""The BERT ranker from beginning to end: pairs of earlier windows, a teacher, a student, its graph, its fusion."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.text.cross import FUSION, CrossEncoder, CrossInfo
from endcap.training.bert.asked import Asked, judged, searches, shoppers
from endcap.training.bert.fuse import Fused, fuse
from endcap.training.bert.learn import School, Taught, learn
from endcap.training.bert.lessons import Lessons, collect, tasks_of
from endcap.training.bert.network import PairNetwork, logits_of
from endcap.training.bert.part import export, exported_logits, write_pairs
from endcap.training.config import ShopConfig
from endcap.training.errors import DataError
from endcap.training.evaluate.probability import auc, reliability, sigmoid
from endcap.training.parallel import Workers
from endcap.training.progress import Progress
from endcap.training.ranker.lessons import Snapshot
from endcap.training.search.judgments import read_judgments
from endcap.training.shop import Shop
from endcap.training.text.finetune.device import computing
from endcap.training.text.model import SourceModel, check_model

LEARNED_HEAD, SERVED_HEAD = 40, 20
PAIRS_EACH = 9
"""About so many pairs a request are kept."""
CHECKED = 800
"""Requests kept aside to keep the best moment by, to learn the fusion on, and to judge by."""
LEAST_PAIRS = 100
JUDGED_SHARE = 0.6
"""Of the searches that people judged, so many are learned from; the others are for the fusion and its numbers."""
JUDGED_PAIRS = 2000
"""Of those kept aside, that teacher, student and graph are compared on."""


def teach_bert(
    pool: Workers,
    shop: Shop,
    snapshots: Sequence[Snapshot],
    table: dict[str, Any],
    config: ShopConfig,
    part: PartWriter,
    kept: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Writes the part and returns what is worth knowing of it, as plain data.

    The first of ``snapshots`` is the latest: it is learned from by nobody, its trees neither, and the fusion and all
    numbers come from it. Every snapshot has a part ``ranker``. ``kept`` is for checkpoints. Raises DataError where
    there is next to nothing to learn from.
    """
    source = check_model(config.text.model)
    write_pairs(part, source, shop.texts, config.bert.max_tokens)
    lessons, watch, check = gather(pool, shop, snapshots, table, config, part.folder)
    if len(lessons.labels) < LEAST_PAIRS or not check:
        raise DataError(
            f"found {len(lessons.labels)} pairs of a request and an item for the BERT ranker, expected at least "
            f"{LEAST_PAIRS}, and requests of the last window: set train = false under [bert]"
        )
    return finish(source, School(lessons, watch, check, config.bert, config.training.seed, kept, progress), part)


def finish(source: SourceModel, school: School, part: PartWriter) -> dict[str, Any]:
    """From pairs to the part: for callers that have pairs of their own."""
    taught = learn(source, school)
    _forget(school.kept)
    info = export(part, taught.student, source, school.config.layers, school.check, school.progress)
    school.progress("fusing BERT with the trees")
    logits = exported_logits(CrossEncoder.open(Part(part.folder)), school.check.ids, school.check.lengths)
    fused = fuse(school.check, logits, school.seed)
    part.json(FUSION, {kind: fusion.model_dump() for kind, fusion in fused.fusions.items()})
    return _told(taught, info, fused, school, logits)


def _forget(kept: Path) -> None:
    """The checkpoints, and the folder that they share with other learning where they were the last in it."""
    shutil.rmtree(kept, ignore_errors=True)
    with suppress(OSError):
        kept.parent.rmdir()


def gather(
    pool: Workers,
    shop: Shop,
    snapshots: Sequence[Snapshot],
    table: dict[str, Any],
    config: ShopConfig,
    pairs: Path,
) -> tuple[Lessons, Lessons, Lessons]:
    """(to learn from, to watch learning by, to judge by): requests of the earlier windows, sampled, and those of the
    latest, whole, in two parts."""
    latest, *earlier = snapshots
    seed, width = config.training.seed, config.bert.max_tokens
    count = -(-config.bert.pairs // (PAIRS_EACH * len(earlier)))
    tasks = [
        task
        for snapshot in earlier
        for task in tasks_of(snapshot.bundle, table, pairs, asked_in(shop, snapshot, count, seed), LEARNED_HEAD, seed)
    ]
    rated, rated_aside = _judged_searches(config, latest.bundle)
    tasks += tasks_of(latest.bundle, table, pairs, rated, LEARNED_HEAD, seed)
    aside = _shuffled([*asked_in(shop, latest, CHECKED, seed), *rated_aside], np.random.default_rng(seed))
    checks = tasks_of(latest.bundle, table, pairs, aside, SERVED_HEAD, None)
    found = pool.map("pairing requests with items", collect, [*tasks, *checks])
    learned, kept = found[: len(tasks)], found[len(tasks) :]
    return Lessons.joined(learned, width), Lessons.joined(kept[:1], width), Lessons.joined(kept[1:] or kept, width)


def asked_in(shop: Shop, snapshot: Snapshot, count: int, seed: int) -> list[Asked]:
    """At most ``count`` requests of a window: searches as far as there are any, up to half of them, and shoppers."""
    random = np.random.default_rng([seed, abs(snapshot.window.cutoff)])
    found = searches(shop, snapshot.window, count // 2, random)
    return [*found, *shoppers(snapshot.labels, count - len(found), random)[: count - len(found)]]


def _judged_searches(config: ShopConfig, bundle: Bundle) -> tuple[list[Asked], list[Asked]]:
    """(to learn from, kept aside): whole searches, by lot; both empty where the shop has no judgments."""
    if config.search.judgments is None:
        return [], []
    found = judged(read_judgments(config.search.judgments, bundle.catalog.ids))
    found = _shuffled(found, np.random.default_rng(config.training.seed))
    cut = round(JUDGED_SHARE * len(found))
    return found[:cut], found[cut:]


def _shuffled(asked: list[Asked], random: np.random.Generator) -> list[Asked]:
    return [asked[place] for place in random.permutation(len(asked))]


def _told(taught: Taught, info: CrossInfo, fused: Fused, school: School, exported: Array) -> dict[str, Any]:
    """The manifest's entry. All of it comes from requests that nobody learned from."""
    check = school.check
    rows = np.random.default_rng(0).permutation(len(check.labels))[:JUDGED_PAIRS]
    said = {name: _logits(getattr(taught, name), check, rows) for name in ("teacher", "student")}
    said["exported"] = exported[rows]
    return {
        "model": info.model,
        "precision": info.precision,
        "parity": info.parity.model_dump() if info.parity else None,
        "learning": taught.report,
        "pairs_judged": len(rows),
        "judged": {name: _judged(logits, check.labels[rows]) for name, logits in said.items()},
        "fusion": fused.metrics,
    }


def _logits(network: PairNetwork, check: Lessons, rows: Array) -> Array:
    with computing(torch.device("cpu")):
        return logits_of(network, check.ids[rows], check.lengths[rows], torch.device("cpu"))


def _judged(logits: Array, labels: Array) -> dict[str, float]:
    chosen = labels >= 0.5
    return {
        "auc": round(auc(logits, chosen), 4),
        "log_loss": round(reliability(sigmoid(logits), chosen)["log_loss"], 4),
    }
