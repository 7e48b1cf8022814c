"""The items that have the words of the search: BM25 over an inverted index, slips of the pen forgiven."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.lexical.index import lexical_index
from endcap.strategies.lexical.plan import plan, recalled
from endcap.strategies.text.nearest import highest, unpack


class LexicalConfig(Settings):
    """No parameters: fields and their weights were fixed at training."""


class LexicalRecall:
    Config = LexicalConfig
    reason = ReasonCode.MATCHES_QUERY

    def __init__(self, config: LexicalConfig, bundle: Bundle) -> None:
        self.index = lexical_index(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        slots = plan(query, self.index)
        if not any(slot.options for slot in slots):
            return Recalled.none()
        items, scores = recalled(slots, self.index)
        if query.allowed is not None:
            own = query.allowed.take(items)
            items, scores = items[own], scores[own]
        return _highest(items, scores, limit)


def _highest(items: Array, scores: Array, limit: int) -> Recalled:
    """Those of the ``limit`` highest scores above 0, equal ones by item."""
    keys = highest(scores, items, limit)
    keys.sort()
    count = min(limit, len(keys))
    found, best = np.empty(count, np.int32), np.empty(count, np.float32)
    unpack(keys, found, best)
    if count and not best[-1] > 0:
        found, best = found[best > 0], best[best > 0]
    return Recalled(found, best)
