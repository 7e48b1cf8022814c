"""What is known ahead of an item: promotions in force now, and over the time that the ranking looks ahead."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import SECONDS_PER_DAY, Feature, Proof, Query, ReasonCode, Settings


class PeriodsConfig(Settings):
    """No parameters."""


class Periods:
    """For each attribute of the shop's item_periods: its value now, its mean over the horizon, and over the past."""

    Config = PeriodsConfig

    def __init__(self, config: PeriodsConfig, bundle: Bundle) -> None:
        part = bundle.part("periods")
        self.offsets = part.array("offsets")  # int64[items + 1]
        self.starts, self.ends = part.array("starts"), part.array("ends")  # int64[r], seconds
        self.values = part.array("values")  # float32[r, k]
        self.horizon = int(bundle.manifest.horizon_days * SECONDS_PER_DAY)
        self.provides = tuple(
            Feature(f"period.{name}.{when}", ReasonCode.ON_PROMOTION, Proof(f"period.{name}.now"))
            for when in ("now", "ahead", "before")
            for name in part.json("names")
        )

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        windows = (
            (query.now, query.now + 1),
            (query.now, query.now + self.horizon),
            (query.now - self.horizon, query.now),
        )
        starts, stops = self.offsets[candidates.items], self.offsets[candidates.items + 1]
        counts = stops - starts
        owners = np.repeat(np.arange(len(candidates)), counts)
        rows = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
        return np.hstack([self._means(rows, owners, len(candidates), *window) for window in windows])

    def _means(self, rows: Array, owners: Array, size: int, start: int, stop: int) -> Array:
        """float32[size, k]: each attribute's mean over a window, 0 outside of the item's periods."""
        overlap = np.minimum(self.ends[rows], stop) - np.maximum(self.starts[rows], start)
        inside = np.flatnonzero(overlap > 0)
        weights = overlap[inside] / (stop - start)
        means = np.empty((size, self.values.shape[1]), np.float32)
        for k in range(self.values.shape[1]):
            means[:, k] = np.bincount(owners[inside], weights * self.values[rows[inside], k], size)
        return means
