"""Rankers taught anew under other conditions, and judged like the bundle's own: for ablation and for tuning."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from endcap.bundle.writer import BundleWriter
from endcap.training.baselines.rank import Ranked
from endcap.training.config import ShopConfig
from endcap.training.evaluate.bench import Bench, strategy_lists
from endcap.training.evaluate.ranking import Opening
from endcap.training.ranker.fit import Course, Ranker, fit_rankers, share_of, write_ranker
from endcap.training.ranker.lessons import Snapshot, Snapshots, gather_rows
from endcap.training.ranker.rows import columns_of, gathering
from endcap.training.ranker.windows import Window

NAME = "taught"


class Trial(NamedTuple):
    table: Mapping[str, Any]
    """A strategy."""
    others: Mapping[str, float] = {}
    """Parameters of its ranker, laid over those of the configuration."""

    @property
    def candidates(self) -> str:
        """What decides which rows its ranker learns from."""
        return repr([self.table.get(key) for key in ("recall", "candidates")])


class Gathered(NamedTuple):
    parts: list[Path]
    """Folders of rows, one a lesson."""
    columns: Sequence[str]


class School:
    """What is fitted before the ranker is fitted once; rows are gathered anew where the candidates change."""

    def __init__(self, bench: Bench, config: ShopConfig, hydrate: Any, lessons: Sequence[Snapshot]) -> None:
        """``hydrate`` is every feature group that any of the strategies to come may have."""
        self.bench, self.hydrate, self.lessons = bench, hydrate, lessons
        self.seed, self.given = config.training.seed, config.training.ranker.given
        self.gathered: dict[str, Gathered] = {}

    def lists(self, trials: Sequence[Trial]) -> list[tuple[Ranked, float]]:
        """What each strategy makes of the holdout, with a ranker that was taught for it, and the median time of a slate
        in milliseconds. Rankers of one call are fitted side by side."""
        self._forget_all_but({trial.candidates for trial in trials})
        courses = [self._course(trial) for trial in trials]
        rankers = fit_rankers(self.bench.pool, courses, self.bench.progress)
        return [self._ranked(trial.table, ranker) for trial, ranker in zip(trials, rankers, strict=True)]

    def _ranked(self, table: Mapping[str, Any], ranker: Ranker) -> tuple[Ranked, float]:
        bundle = self.bench.bundle
        with BundleWriter(self.bench.scratch) as writer:
            for part in bundle.parts():
                if part != "ranker":
                    writer.share(part, bundle.folder)
            write_ranker(writer.part("ranker"), ranker.with_share(share_of(bundle)), self._columns(table))
            opening = Opening(writer.folder, bundle.manifest, {NAME: {**table, "score": "trees"}})
            lists, served = strategy_lists(self.bench, opening)
            return lists[NAME], served["p50_ms"][NAME]

    def _course(self, trial: Trial) -> Course:
        if trial.candidates not in self.gathered:
            self.gathered[trial.candidates] = self._gather({**trial.table, "hydrate": self.hydrate})
        parts, every = self.gathered[trial.candidates]
        columns = [every.index(name) for name in self._columns(trial.table)]
        return Course(parts, self.seed, {**self.given, **trial.others}, columns)

    def _gather(self, widest: dict[str, Any]) -> Gathered:
        folder = Path(tempfile.mkdtemp(prefix="rows-", dir=self.bench.scratch))
        parts = [
            gather_rows(self.bench.pool, lesson, widest, self.seed).save(folder / str(number))
            for number, lesson in enumerate(self.lessons)
        ]
        return Gathered(parts, self._columns(widest))

    def _columns(self, table: Mapping[str, Any]) -> tuple[str, ...]:
        return columns_of(gathering(self.bench.bundle, dict(table)))

    def _forget_all_but(self, needed: Collection[str]) -> None:
        """Rows of a large shop take gigabytes on disk."""
        for candidates in self.gathered.keys() - needed:
            for part in self.gathered.pop(candidates).parts:
                shutil.rmtree(part)


def lessons_of(stack: ExitStack, bench: Bench, config: ShopConfig, windows: Sequence[Window]) -> list[Snapshot]:
    """Snapshots of the windows, which last as long as ``stack``."""
    known, shared = bench.holdout.known, bench.bundle.folder
    return Snapshots(stack, bench.pool, bench.scratch, known, windows, config).finish(shared)
