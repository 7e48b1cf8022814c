"""The items that were first sold last."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import SECONDS_PER_DAY, Query, ReasonCode, Settings


class NewestConfig(Settings):
    within_days: float = Field(60.0, gt=0)
    """Items first sold longer ago than this, at the bundle's cut-off, are not new."""


class Newest:
    Config = NewestConfig
    reason = ReasonCode.OTHER

    def __init__(self, config: NewestConfig, bundle: Bundle) -> None:
        log, never = bundle.histories.log, np.iinfo(np.int64).max
        first = np.full(len(bundle.catalog), never, np.int64)
        np.minimum.at(first, log.items, log.times)
        age_days = (bundle.manifest.data_end - first) / SECONDS_PER_DAY
        order = np.argsort(age_days, kind="stable")
        new = order[(first[order] != never) & (age_days[order] <= config.within_days)]
        self.items, self.scores = new.astype(np.int32), -age_days[new].astype(np.float32)

    def recall(self, query: Query, limit: int) -> Recalled:
        rows = np.arange(len(self.items)) if query.allowed is None else np.flatnonzero(query.allowed[self.items])
        return Recalled(self.items[rows[:limit]], self.scores[rows[:limit]])
