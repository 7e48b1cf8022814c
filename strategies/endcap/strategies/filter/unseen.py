"""Items the shopper has not bought yet, for shops whose goods are bought once."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import SECONDS_PER_DAY, Query, Settings


class UnseenConfig(Settings):
    days: float = Field(36_500.0, gt=0)
    """How long a purchase keeps its item away."""


class Unseen:
    Config = UnseenConfig

    def __init__(self, config: UnseenConfig, bundle: Bundle) -> None:
        self.seconds = config.days * SECONDS_PER_DAY

    def keep(self, query: Query, candidates: Candidates) -> Array:
        events = query.events
        recent = events.goals & (query.now - events.times <= self.seconds)
        return ~np.isin(candidates.items, events.items[recent])
