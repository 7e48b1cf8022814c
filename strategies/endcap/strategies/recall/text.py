"""Nearest by meaning: FAISS over BERT embeddings of the catalog's texts.

A search is answered from the query's vector; without one, from the mean of what the shopper chose lately or of the
product page's seeds.
"""

from __future__ import annotations

from pydantic import Field

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.text.space import text_space


class TextConfig(Settings):
    half_life_days: float = Field(14.0, gt=0)
    most_anchors: int = Field(30, ge=1)
    per_text: int = Field(3, ge=1)
    """At most this many items of one text."""


class TextRecall:
    Config = TextConfig
    reason = ReasonCode.SIMILAR_CONTENT

    def __init__(self, config: TextConfig, bundle: Bundle) -> None:
        self.config = config
        self.space = text_space(bundle)

    def words_to_encode(self, query: Query) -> str:
        return self.space.meant(query)

    def recall(self, query: Query, limit: int) -> Recalled:
        if query.text:
            return self.space.nearest_to(query, limit, self.config.per_text)
        vector = self.space.profile(query, self.config.half_life_days, self.config.most_anchors)
        if vector is None:
            return Recalled.none()
        return self.space.nearest(vector, limit, query.allowed, self.config.per_text)
