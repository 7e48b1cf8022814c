"""What the ranker learns from: the shop as it was at the beginning of an earlier window, and what came in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.training.config import ShopConfig
from endcap.training.fit.fitter import Context
from endcap.training.parallel import Workers
from endcap.training.progress import silent
from endcap.training.ranker.rows import Rows, Task, collect
from endcap.training.ranker.windows import Labels, Window, labels_in
from endcap.training.shop import Shop
from endcap.training.snapshot import write_snapshot

SHARE = 100
"""Shoppers a task: small enough for a lively progress bar, large enough to pay for opening the bundle."""
MOST_SHOPPERS = 20_000
"""A window teaches by at most this many shoppers, drawn by seed."""


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
    shop: Shop
    config: ShopConfig
    shared: Path


def take_snapshots(
    stack: ExitStack,
    pool: Workers,
    scratch: Path,
    shop: Shop,
    windows: Sequence[Window],
    config: ShopConfig,
    shared: Path,
) -> list[Snapshot]:
    """Fit every part as of each window's cut-off into a folder below ``scratch``, which lasts as long as ``stack``.

    Parts that read no events are linked from ``shared``, a bundle of the same shop.
    """
    writers = [stack.enter_context(BundleWriter(scratch)) for _ in windows]
    orders = [
        _Order(writer, shop.before(window.cutoff), config, shared)
        for writer, window in zip(writers, windows, strict=True)
    ]
    manifests = pool.map("fitting the shop as it was", _fit, orders)
    return [
        Snapshot(writer, manifest, window, labels_in(shop, window))
        for writer, manifest, window in zip(writers, manifests, windows, strict=True)
    ]


def _fit(order: _Order) -> Manifest:
    """Runs in a worker process."""
    return write_snapshot(order.writer, order.shop, Context(order.config, silent), order.shared)


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
