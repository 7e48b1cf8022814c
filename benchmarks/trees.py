"""The ranker's trees alone, on rows of real candidates: Endcap's scorer against LightGBM's own ``predict``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np

from benchmarks.common import ratio
from benchmarks.contest import Ours, Request
from endcap.bundle.folder import Bundle
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.quick import QuickScorer

ROWS = 500


def trees_of(bundle: Bundle, requests: list[Request], ours: Ours, rounds: int) -> dict[str, Any]:
    """500 rows at a time, or all where there are fewer, in the columns and values that serving sees."""
    part, strategy = bundle.part("ranker"), ours.strategies.resolve()
    text = part.file("model.txt").read_text(encoding="utf-8")
    names = part.json("features")
    tables = [gather(strategy, ours.query(request), Run()).matrix(names) for request in requests]
    rows = np.concatenate(tables)
    blocks = [rows[start : start + ROWS] for start in range(0, len(rows) - ROWS + 1, ROWS)]
    return compared(text, blocks or [rows], rounds)


def compared(text: str, blocks: list[np.ndarray], rounds: int) -> dict[str, Any]:
    """A model's text, and blocks of rows (float32[n, k]): medians of rounds, in turn, on this thread."""
    booster, quick = lightgbm.Booster(model_str=text), QuickScorer.of(Forest.parse(text)).scores
    ways = {"plain": lambda rows: booster.predict(rows, num_threads=1, raw_score=True), "ours": quick}
    differ = max(float(np.abs(ways["plain"](rows) - ways["ours"](rows)).max()) for rows in blocks)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name].append(_milliseconds(way, blocks))
    plain, own = (statistics.median(spent[name]) for name in ("plain", "ours"))
    return {
        "cpu_ratio": ratio(plain, own),
        "max_abs_diff": differ,
        "plain_ms": round(plain, 3),
        "ours_ms": round(own, 3),
        "trees": booster.num_trees(),
        "columns": booster.num_feature(),
        "rows": len(blocks[0]),
    }


def _milliseconds(way: Callable[[np.ndarray], np.ndarray], blocks: list[np.ndarray]) -> float:
    start = time.thread_time()
    for rows in blocks:
        way(rows)
    return (time.thread_time() - start) * 1000 / len(blocks)
