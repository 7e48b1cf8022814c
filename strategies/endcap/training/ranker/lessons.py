"""What the ranker learns from: the shop as it was at the beginning of an earlier window, and what came in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.training.config import ShopConfig
from endcap.training.fit.fitter import Context
from endcap.training.kept import Kept
from endcap.training.parallel import Workers
from endcap.training.progress import silent
from endcap.training.ranker.rows import Rows, Task, collect
from endcap.training.ranker.windows import Labels, Window, labels_in
from endcap.training.shop import Shop
from endcap.training.snapshot import begin_snapshot, finish_snapshot

SHARE = 100
"""Shoppers a task: small enough for a lively progress bar, large enough to pay for opening the bundle."""
MOST_SHOPPERS = 10_000
"""A window teaches by at most this many shoppers, drawn by seed: three windows of them are some three million rows."""


@dataclass(frozen=True)
class Snapshot:
    """One window's bundle while it is being used, and what came after its cut-off."""

    writer: BundleWriter
    manifest: Manifest
    window: Window
    labels: Labels

    @property
    def bundle(self) -> Bundle:
        return self.writer.preview(self.manifest)


class _Order(NamedTuple):
    writer: BundleWriter
    kept: Kept[Shop]
    cutoff: int
    config: ShopConfig

    def shop(self) -> Shop:
        return self.kept.open().before(self.cutoff)


class Snapshots:
    """The shop as it was at the beginning of each window, fitted by worker processes below ``scratch``; there for as
    long as ``stack`` lasts.

    Most of it needs nothing but events, and is begun at once: the bundle that snapshots share parts with is still being
    written then, mostly on one core.
    """

    def __init__(
        self, stack: ExitStack, pool: Workers, scratch: Path, shop: Shop, windows: Sequence[Window], config: ShopConfig
    ) -> None:
        self._pool, self._shop, self._windows = pool, shop, windows
        writers = [stack.enter_context(BundleWriter(scratch)) for _ in windows]
        kept = Kept.write(shop, scratch)
        self._orders = [
            _Order(writer, kept, window.cutoff, config) for writer, window in zip(writers, windows, strict=True)
        ]
        self._begun = pool.begin(_begin, self._orders)

    def finish(self, shared: Path) -> list[Snapshot]:
        """Parts that read no events are linked from ``shared``, a bundle of the same shop."""
        for _ in self._begun:
            pass  # an error in one of them is raised here
        finish = partial(_finish, shared)
        manifests = self._pool.map("fitting the shop as it was", finish, self._orders)
        return [
            Snapshot(order.writer, manifest, window, labels_in(self._shop, window))
            for order, manifest, window in zip(self._orders, manifests, self._windows, strict=True)
        ]


def _begin(order: _Order) -> None:
    """Runs in a worker process."""
    begin_snapshot(order.writer, order.shop(), Context(order.config, silent))


def _finish(shared: Path, order: _Order) -> Manifest:
    """Runs in a worker process."""
    return finish_snapshot(order.writer, order.shop(), Context(order.config, silent), shared)


def gather_rows(pool: Workers, snapshot: Snapshot, table: dict[str, Any], seed: int) -> Rows:
    """The candidates of the strategy ``table`` for the window's shoppers, labelled by what they went for."""
    labels = snapshot.labels
    tasks = [
        Task(
            snapshot.writer.folder,
            snapshot.manifest,
            table,
            [int(labels.users[place]) for place in share],
            [labels.of(place) for place in share],
            seed,
        )
        for share in _shares(_drawn(len(labels.users), seed))
    ]
    return Rows.joined(pool.map("gathering candidates to learn from", collect, tasks))


def _drawn(count: int, seed: int) -> Array:
    """Places of all shoppers, or of MOST_SHOPPERS by lot, in ascending order."""
    if count <= MOST_SHOPPERS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST_SHOPPERS, replace=False))


def _shares(values: Array) -> Iterator[list[int]]:
    return ([int(value) for value in values[start : start + SHARE]] for start in range(0, len(values), SHARE))
