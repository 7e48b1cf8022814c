"""Tuning: each baseline's settings tried on a holdout that ends where the test window begins.

What wins among all items need not win among new ones; each question gets its own winner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.contract import Baseline
from endcap.training.baselines.rank import Ranked, rank
from endcap.training.evaluate.metrics import binary_ideal, ndcg
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import Truth
from endcap.training.progress import Progress

if TYPE_CHECKING:
    from endcap.training.train import Stopwatch

MOST_SHOPPERS = 1000
"""The search judges by at most this many shoppers, drawn by seed."""
CUT = 10
"""Settings are chosen by NDCG at this rank."""


class Chosen(NamedTuple):
    """A baseline's winning settings, by the question."""

    all: Mapping[str, Any]
    new: Mapping[str, Any]


def search(baselines: Sequence[Baseline], validation: Holdout, seed: int, progress: Progress) -> dict[str, Chosen]:
    """The best settings of each baseline by name. Reads nothing after the end of ``validation``."""
    rows = _sample(validation, seed)
    total = sum(len(baseline.grid) for baseline in baselines if len(baseline.grid) > 1)
    done = 0
    chosen = {}
    for baseline in baselines:
        found = []
        for settings in baseline.grid if len(baseline.grid) > 1 else ():
            progress("tuning the baselines", done, total)
            scores = baseline.fit(validation.known, seed, **settings, **baseline.cheaper)
            found.append(_quality(rank(scores, validation, rows, CUT), validation, rows))
            done += 1
        chosen[baseline.name] = _winners(baseline, found)
    return chosen


def rank_tuned(
    baselines: Sequence[Baseline],
    chosen: Mapping[str, Chosen],
    holdout: Holdout,
    depth: int,
    seed: int,
    progress: Progress,
    clock: Stopwatch,
) -> Iterator[tuple[str, Ranked]]:
    """Each baseline fitted on what the holdout knows, and its lists for every row; timed apart."""
    rows = np.arange(len(holdout.users))

    def lists(baseline: Baseline, settings: Mapping[str, Any]) -> Ranked:
        with clock.lap("fit baselines"):
            scores = baseline.fit(holdout.known, seed, **settings)
        with clock.lap("rank baselines"):
            return rank(scores, holdout, rows, depth)

    for done, baseline in enumerate(baselines):
        progress("fitting the baselines", done, len(baselines))
        settings = chosen[baseline.name]
        ranked = lists(baseline, settings.all)
        if settings.new != settings.all:
            ranked = Ranked(ranked.all, lists(baseline, settings.new).new)
        yield baseline.name, ranked


def _winners(baseline: Baseline, found: Sequence[tuple[float, float]]) -> Chosen:
    if not found:
        return Chosen(baseline.grid[0], baseline.grid[0])
    quality = np.array(found)
    best, best_new = quality.argmax(axis=0)
    if not quality[:, 1].any():  # a method that says nothing of new items, whatever its settings
        best_new = best
    return Chosen(baseline.grid[best], baseline.grid[best_new])


def _sample(validation: Holdout, seed: int) -> Array:
    rows = np.flatnonzero(validation.regulars & (validation.truth.sizes > 0))
    if len(rows) <= MOST_SHOPPERS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_SHOPPERS, replace=False))


def _quality(ranked: Ranked, validation: Holdout, rows: Array) -> tuple[float, float]:
    """Mean NDCG of all and of new items."""
    return _mean(ranked.all, validation.truth.take(rows)), _mean(ranked.new, validation.new.take(rows))


def _mean(slates: Array, truth: Truth) -> float:
    asked = truth.sizes > 0
    if not asked.any():
        return 0.0
    hits, sizes = truth.hits(slates)[asked], truth.sizes[asked]
    return float(ndcg(hits, binary_ideal(sizes, CUT), CUT).mean())
