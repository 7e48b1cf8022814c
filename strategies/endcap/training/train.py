"""From a shop's tables to a bundle: fit everything, teach the ranker on earlier windows, judge it on the last."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.registry import check_tables, load_strategies, ready_made
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.evaluate.protocol import in_window
from endcap.training.evaluate.quick import quick_check
from endcap.training.evaluate.ranking import Opening, each_alone
from endcap.training.evaluate.scorer import fit_calibration
from endcap.training.fit.fitter import Context
from endcap.training.parallel import Workers, workers
from endcap.training.progress import Progress, silent
from endcap.training.ranker.fit import fit_ranker, write_ranker
from endcap.training.ranker.rows import Rows, Task, collect, columns_of, gathering
from endcap.training.ranker.windows import Labels, Window, cut, labels_in
from endcap.training.shop import Shop
from endcap.training.snapshot import write_snapshot

SHARE = 100
"""Shoppers a task: small enough for a lively progress bar, large enough to pay for opening the bundle."""
MOST_SHOPPERS = 20_000
"""A window teaches and judges by at most this many shoppers, drawn by seed."""


@dataclass
class Trained:
    """What ``train`` made, and what is worth printing of it."""

    folder: Path
    manifest: Manifest
    cleaning: CleaningReport
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """One window's bundle while it is being used, and what came after its cut-off."""

    writer: BundleWriter
    manifest: Manifest
    window: Window
    labels: Labels


def train(config: ShopConfig, out: Path, progress: Progress = silent) -> Trained:
    """Read the shop's tables and train on them. Raises TrainingInputError or StrategyError for data or configuration
    that cannot be used; an interrupt leaves nothing behind."""
    check_tables(config.strategies, config.default_strategy)
    clock = Stopwatch()
    with clock.lap("read"):
        shop = read_shop(config, progress)
    return train_on(shop, config, out, progress, clock)


def train_on(shop: Shop, config: ShopConfig, out: Path, progress: Progress, clock: Stopwatch) -> Trained:
    """A bundle in ``out`` of all that ``shop`` knows: of a shop as of some day, the one it would have had that day."""
    windows = cut(shop, config.training.horizon_days, config.training.windows + 1)
    with ExitStack() as stack:
        final = stack.enter_context(BundleWriter(out))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".training-", dir=out)))
        pool = stack.enter_context(workers(progress))
        context = Context(config, progress)
        with clock.lap("fit"):
            manifest = write_snapshot(final, shop, context)
            snapshots = [_snapshot(stack, scratch, shop, window, context, final.folder) for window in windows]
        table = strategy_table(config)
        with clock.lap("rows"):
            rows = [_collect(pool, snapshot, table, config) for snapshot in snapshots]
            names = columns_of(gathering(final.preview(manifest), table))
        with clock.lap("ranker"):
            judged = fit_ranker(Rows.joined(rows[1:]), config.training.seed, progress)
            ranker = fit_ranker(Rows.joined(rows[:-1]), config.training.seed, progress)
        with clock.lap("evaluate"):
            write_ranker(snapshots[0].writer.part("ranker"), judged, names)
            metrics, calibration = _judge(pool, shop, snapshots[0], table, config.training.seed)
        manifest = manifest.model_copy(update={"metrics": metrics})
        write_ranker(final.part("ranker"), ranker, names)
        final.part("ranker").json("calibration", calibration)
        return _sealed(final, manifest, shop, clock)


def strategy_table(config: ShopConfig) -> dict[str, Any]:
    """The strategy that the ranker is taught for: the shop's default where it scores with trees, else ``hybrid``."""
    tables = {**ready_made(), **config.strategies}
    table: dict[str, Any] = tables.get(config.default_strategy, {})
    return table if table.get("score") in ("trees", {"use": "trees"}) else tables["hybrid"]


def _snapshot(stack: ExitStack, scratch: Path, shop: Shop, window: Window, context: Context, shared: Path) -> Snapshot:
    writer = stack.enter_context(BundleWriter(scratch))
    manifest = write_snapshot(writer, shop.before(window.cutoff), context, shared)
    return Snapshot(writer, manifest, window, labels_in(shop, window))


def _collect(pool: Workers, snapshot: Snapshot, table: dict[str, Any], config: ShopConfig) -> Rows:
    places = _drawn(np.arange(len(snapshot.labels.users)), config.training.seed)
    tasks = [
        Task(
            snapshot.writer.folder,
            snapshot.manifest,
            table,
            [int(snapshot.labels.users[place]) for place in share],
            [snapshot.labels.of(place) for place in share],
            config.training.seed,
        )
        for share in _shares(places)
    ]
    return Rows.joined(pool.map("gathering candidates to learn from", collect, tasks))


def _judge(
    pool: Workers, shop: Shop, snapshot: Snapshot, table: dict[str, Any], seed: int
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """How the strategy, and each of its recall sources alone, rank the window; and what its scores came to."""
    folder, manifest, window = snapshot.writer.folder, snapshot.manifest, snapshot.window
    opening = Opening(folder, manifest, {"hybrid": table, **each_alone(table, Bundle(folder, manifest))})
    holdout = in_window(shop, window.cutoff, window.end, seed)
    found = quick_check(pool, holdout, opening)
    judged_on = {"start": window.cutoff, "end": window.end, "shoppers": found["shoppers"]}
    metrics = {"window": judged_on, "strategies": found["strategies"]}
    return metrics, fit_calibration(pool, holdout, opening, "hybrid", seed)


def _drawn(values: Array, seed: int) -> Array:
    """All of them, or MOST_SHOPPERS by lot, in ascending order."""
    if len(values) <= MOST_SHOPPERS:
        return values
    return np.sort(np.random.default_rng(seed).choice(values, MOST_SHOPPERS, replace=False))


def _shares(values: Array) -> Iterator[list[int]]:
    return ([int(value) for value in values[start : start + SHARE]] for start in range(0, len(values), SHARE))


def _sealed(writer: BundleWriter, manifest: Manifest, shop: Shop, clock: Stopwatch) -> Trained:
    load_strategies(writer.preview(manifest))  # a shop's own strategy that cannot boot should stop here, not at 3 a.m.
    folder = writer.seal(manifest)
    return Trained(folder, manifest, shop.report, clock.seconds)


class Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)
