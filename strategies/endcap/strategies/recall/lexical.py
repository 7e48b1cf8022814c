"""The items that have the words of the search: BM25 over an inverted index, slips of the pen forgiven."""

from __future__ import annotations

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.lexical.index import lexical_index
from endcap.strategies.lexical.plan import plan, recalled
from endcap.strategies.recall.top import top


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
        return top(scores, limit, query.allowed, items)
