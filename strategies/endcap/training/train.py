"""From a shop's tables to a bundle: fit everything, teach the ranker on earlier windows, judge it on the last."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from endcap.bundle.ids import IdIndex
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.registry import check_tables, load_strategies
from endcap.strategies.tables import ready_made
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.evaluate.protocol import in_window
from endcap.training.evaluate.quick import quick_check
from endcap.training.evaluate.ranking import Opening, each_alone
from endcap.training.evaluate.scorer import fit_calibration
from endcap.training.fit.fitter import Context
from endcap.training.parallel import Workers, workers_for
from endcap.training.progress import Progress, silent
from endcap.training.ranker.fit import Course, Ranker, best_share, fit_rankers, write_ranker
from endcap.training.ranker.lessons import Snapshot, Snapshots, gather_rows
from endcap.training.ranker.rows import Rows, columns_of, gathering
from endcap.training.ranker.windows import cut
from endcap.training.ready import check_text_model
from endcap.training.search.judgments import read_judgments
from endcap.training.search.teach import taught
from endcap.training.shop import Shop
from endcap.training.snapshot import write_snapshot


@dataclass
class Trained:
    """What ``train`` made, and what is worth printing of it."""

    folder: Path
    manifest: Manifest
    cleaning: CleaningReport
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Ready-made strategies that the bundle cannot serve, for want of what they learn from."""


def train(config: ShopConfig, out: Path, progress: Progress = silent) -> Trained:
    """Read the shop's tables and train on them. Raises TrainingInputError or StrategyError for data or configuration
    that cannot be used; an interrupt leaves nothing behind but checkpoints of text models, for the next run."""
    check_tables(config.strategies, config.default_strategy)
    check_text_model(config)
    clock = Stopwatch()
    with clock.lap("read"):
        shop = read_shop(config, progress)
        if config.search.judgments is not None:
            read_judgments(config.search.judgments, IdIndex.of(shop.item_ids))  # refused now, not after minutes
    return train_on(shop, config, out, progress, clock)


def train_on(shop: Shop, config: ShopConfig, out: Path, progress: Progress, clock: Stopwatch) -> Trained:
    """A bundle in ``out`` of all that ``shop`` knows: of a shop as of some day, the one it would have had that day."""
    if config.events is None:
        return _searches_only(shop, config, out, progress, clock)
    windows = cut(shop, config.training.horizon_days, config.training.windows + 1)
    with ExitStack() as stack:
        final = stack.enter_context(BundleWriter(out))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".training-", dir=out)))
        pool = stack.enter_context(workers_for(len(shop.log), progress))
        context = Context(config, progress, kept=out / ".learning")
        with clock.lap("fit"):
            begun = Snapshots(stack, pool, scratch, shop, windows, config)
            manifest = write_snapshot(final, shop, context)
            snapshots = begun.finish(final.folder)
        table = strategy_table(config)
        with clock.lap("rows"):
            rows = [
                gather_rows(pool, snapshot, table, config.training.seed).save(scratch / f"rows-{number}")
                for number, snapshot in enumerate(snapshots)
            ]
            names = columns_of(gathering(final.preview(manifest), table))
        with clock.lap("ranker"):
            seed, others = config.training.seed, config.training.ranker.given
            courses = [Course(parts, seed, others) for parts in (rows[1:], rows[:-1])]
            judged, ranker = fit_rankers(pool, courses, progress)
            share = best_share(judged, Rows.open(rows[0]))
            judged, ranker = judged.with_share(share), ranker.with_share(share)
        with clock.lap("evaluate"):
            write_ranker(snapshots[0].writer.part("ranker"), judged, names)
            metrics, calibration = _judge(pool, shop, snapshots[0], table, config.training.seed)
        if config.bert.train:
            with clock.lap("bert"):
                metrics["bert"] = _bert(pool, shop, snapshots, table, config, final, judged, progress)
        manifest = manifest.model_copy(update={"metrics": metrics})
        with clock.lap("search"):
            manifest = taught(final, manifest, shop, config, snapshots, progress)
        write_ranker(final.part("ranker"), ranker, names)
        final.part("ranker").json("calibration", calibration)
        return _sealed(final, manifest, shop, clock)


def _searches_only(shop: Shop, config: ShopConfig, out: Path, progress: Progress, clock: Stopwatch) -> Trained:
    """Of a catalog without events: what answers searches."""
    with BundleWriter(out) as writer:
        with clock.lap("fit"):
            manifest = write_snapshot(writer, shop, Context(config, progress, kept=out / ".learning"))
        with clock.lap("search"):
            manifest = taught(writer, manifest, shop, config, progress=progress)
        return _sealed(writer, manifest, shop, clock)


def _bert(
    pool: Workers,
    shop: Shop,
    snapshots: list[Snapshot],
    table: dict[str, Any],
    config: ShopConfig,
    final: BundleWriter,
    ranker: Ranker,
    progress: Progress,
) -> dict[str, Any]:
    """The BERT ranker, by trees that have not learned from the latest window either."""
    from endcap.training.bert.teach import teach_bert

    names = snapshots[0].bundle.part("ranker").json("features")
    for snapshot in snapshots[1:]:
        write_ranker(snapshot.writer.part("ranker"), ranker, names)
    kept = final.out / ".learning" / "bert"
    return teach_bert(pool, shop, snapshots, table, config, final.part("bert"), kept, progress)


def strategy_table(config: ShopConfig) -> dict[str, Any]:
    """The strategy that the ranker is taught for: the shop's default where it scores with trees, else ``hybrid``."""
    tables = {**ready_made(), **config.strategies}
    table: dict[str, Any] = tables.get(config.default_strategy, {})
    return table if table.get("score") in ("trees", {"use": "trees"}) else tables["hybrid"]


def _judge(
    pool: Workers, shop: Shop, snapshot: Snapshot, table: dict[str, Any], seed: int
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """How the strategy, and each of its recall sources alone, rank the window; and what its scores came to."""
    bundle, window = snapshot.bundle, snapshot.window
    opening = Opening(bundle.folder, bundle.manifest, {"hybrid": table, **each_alone(table, bundle)})
    holdout = in_window(shop, window.cutoff, window.end, seed)
    found = quick_check(pool, holdout, opening)
    judged_on = {"start": window.cutoff, "end": window.end, "shoppers": found["shoppers"]}
    metrics = {"window": judged_on, "strategies": found["strategies"]}
    return metrics, fit_calibration(pool, holdout, opening, "hybrid", seed)


def _sealed(writer: BundleWriter, manifest: Manifest, shop: Shop, clock: Stopwatch) -> Trained:
    offered = load_strategies(writer.preview(manifest))  # one that cannot boot should stop here, not at 3 a.m.
    folder = writer.seal(manifest)
    return Trained(folder, manifest, shop.report, clock.seconds, sorted(offered.left_out))


class Stopwatch:
    """Seconds by lap; laps of one name add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 2)
