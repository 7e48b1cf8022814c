"""What everyone buys now: the recent window, leaning towards what is rising."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.compiled import FLAGS, INT, INT32S, SINGLES, TO_INT32S, TO_SINGLES, kernel, several
from endcap.strategies.contract import Query, ReasonCode, Settings


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
        allowed = query.allowed
        if allowed is None:
            return Recalled(self.items[:limit], self.scores[:limit])
        return Recalled(*_first(self.items, self.scores, allowed, limit))


@kernel(several(TO_INT32S, TO_SINGLES)(INT32S, SINGLES, FLAGS, INT))
def _first(items: Array, scores: Array, allowed: Array, limit: int) -> tuple[Array, Array]:
    """The first ``limit`` that are allowed: most are, as a rule, so that few are looked at."""
    found, found_scores, count = np.empty(limit, np.int32), np.empty(limit, np.float32), 0
    for place in range(len(items)):
        if count == limit:
            break
        if allowed[items[place]]:
            found[count], found_scores[count] = items[place], scores[place]
            count += 1
    return found[:count], found_scores[:count]
