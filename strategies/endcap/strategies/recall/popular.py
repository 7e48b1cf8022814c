"""What everyone buys now: the recent window, leaning towards what is rising."""

from __future__ import annotations

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings

FEW = 8
"""So many times the limit are looked at before the whole list."""


class PopularConfig(Settings):
    """No parameters: the window and the trend were fixed at training."""


class PopularRecall:
    Config = PopularConfig
    reason = ReasonCode.POPULAR

    def __init__(self, config: PopularConfig, bundle: Bundle) -> None:
        part = bundle.part("popular")
        self.items = part.array("items")  # int32[k], best first
        self.scores = part.array("scores")  # float32[k]

    def recall(self, query: Query, limit: int) -> Recalled:
        if query.allowed is None:
            return Recalled(self.items[:limit], self.scores[:limit])
        for some in (limit * FEW, len(self.items)):  # most are allowed, as a rule: the whole list is seldom needed
            rows = query.allowed[self.items[:some]].nonzero()[0][:limit]
            if len(rows) == limit:
                break
        return Recalled(self.items[rows], self.scores[rows])
