"""Rankers taught anew under other conditions, and judged like the bundle's own: for ablation and for tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from endcap.bundle.writer import BundleWriter
from endcap.training.baselines.rank import Ranked
from endcap.training.config import ShopConfig
from endcap.training.evaluate.bench import Bench, strategy_lists
from endcap.training.evaluate.ranking import Opening
from endcap.training.ranker.fit import fit_ranker, share_of, write_ranker
from endcap.training.ranker.lessons import Snapshot, gather_rows, take_snapshots
from endcap.training.ranker.rows import Rows, columns_of, gathering
from endcap.training.ranker.windows import Window

NAME = "taught"


class School:
    """What is fitted before the ranker is fitted once; rows are gathered anew where the candidates change."""

    def __init__(self, bench: Bench, config: ShopConfig, hydrate: Any, lessons: Sequence[Snapshot]) -> None:
        """``hydrate`` is every feature group that any of the strategies to come may have."""
        self.bench, self.hydrate, self.lessons = bench, hydrate, lessons
        self.seed, self.given = config.training.seed, config.training.ranker.given
        self.gathered: tuple[Any, Rows, Sequence[str]] = (None, Rows.joined([]), ())

    def lists(self, table: Mapping[str, Any], others: Mapping[str, float] | None = None) -> tuple[Ranked, float]:
        """What the strategy ``table`` makes of the holdout, with a ranker that was taught for it, and the median time
        of a slate in milliseconds.

        ``others`` are parameters of the ranker, laid over those of the configuration.
        """
        bundle = self.bench.bundle
        names = columns_of(gathering(bundle, dict(table)))
        ranker = fit_ranker(self._rows(table, names), self.seed, self.bench.progress, {**self.given, **(others or {})})
        with BundleWriter(self.bench.scratch) as writer:
            for part in bundle.parts():
                if part != "ranker":
                    writer.share(part, bundle.folder)
            write_ranker(writer.part("ranker"), ranker.with_share(share_of(bundle)), names)
            opening = Opening(writer.folder, bundle.manifest, {NAME: {**table, "score": "trees"}})
            lists, served = strategy_lists(self.bench, opening)
            return lists[NAME], served["p50_ms"][NAME]

    def _rows(self, table: Mapping[str, Any], names: Sequence[str]) -> Rows:
        candidates = {key: table[key] for key in ("recall", "candidates") if key in table}
        if self.gathered[0] != candidates:
            widest = {**table, "hydrate": self.hydrate}
            every = columns_of(gathering(self.bench.bundle, widest))
            parts = [gather_rows(self.bench.pool, lesson, widest, self.seed) for lesson in self.lessons]
            self.gathered = candidates, Rows.joined(parts), every
        _, rows, gathered = self.gathered
        return rows._replace(features=rows.features[:, [gathered.index(name) for name in names]])


def lessons_of(stack: ExitStack, bench: Bench, config: ShopConfig, windows: Sequence[Window]) -> list[Snapshot]:
    """Snapshots of the windows, which last as long as ``stack``."""
    known, shared = bench.holdout.known, bench.bundle.folder
    return take_snapshots(stack, bench.pool, bench.scratch, known, windows, config, shared)
