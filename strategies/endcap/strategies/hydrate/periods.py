"""What is known ahead of an item: promotions in force now, and over the time that the ranking looks ahead."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import INT, INT32S, INT64S, NOTHING, SINGLE_ROWS, TO_SINGLE_ROWS, fetch, given, kernel
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
        self.longest = int(part.json("longest")) if "longest.json" in part.files() else _FOREVER
        """Seconds; bundles did not always say."""
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
        means = np.empty((len(candidates), len(self.provides)), np.float32)
        _means(
            candidates.items, np.array(windows), self.offsets, self.starts, self.ends, self.longest, self.values, means
        )  # fmt: skip
        return means


_FOREVER = 2**62


@kernel(NOTHING(INT32S, given(INT, 2), INT64S, INT64S, INT64S, INT, SINGLE_ROWS, TO_SINGLE_ROWS))
def _means(
    items: Array,
    windows: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    longest: int,
    values: Array,
    means: Array,
) -> None:
    """Each attribute's mean over each window, 0 outside of the item's periods. These stand by their start, so that
    what matters is found from the end: most of an item's periods are long over."""
    width, earliest, latest = values.shape[1], windows[:, 0].min(), windows[:, 1].max()
    sums, shares = np.empty((len(windows), width)), 1.0 / (windows[:, 1] - windows[:, 0])
    for row in range(len(items)):
        fetch(offsets, items[min(row + 16, len(items) - 1)])
        next_last = max(0, offsets[items[min(row + 8, len(items) - 1)] + 1] - 1)
        fetch(starts, next_last)
        fetch(ends, next_last)
        fetch(values, next_last * width)
        sums[:] = 0.0
        for period in range(offsets[items[row] + 1] - 1, offsets[items[row]] - 1, -1):
            if starts[period] <= earliest - longest:
                break
            if ends[period] <= earliest or starts[period] >= latest:
                continue
            for window in range(len(windows)):
                start, stop = windows[window, 0], windows[window, 1]
                overlap = min(ends[period], stop) - max(starts[period], start)
                if overlap > 0:
                    for k in range(width):
                        sums[window, k] += overlap * shares[window] * values[period, k]
        for window in range(len(windows)):
            for k in range(width):
                means[row, window * width + k] = sums[window, k]
