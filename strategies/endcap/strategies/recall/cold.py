"""Cold start: a vector from words alone, for a shopper about whom nothing else is known.

The words are the search text; else the page they are on; else their attributes. The same encoder that reads the
catalog reads them, so nothing has to be known of the shopper before.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from pydantic import Field

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Recalled
from endcap.strategies.contract import Query, ReasonCode, Settings
from endcap.strategies.text.space import text_space


class ColdConfig(Settings):
    per_text: int = Field(2, ge=1)
    """At most this many items of one text."""


class ColdRecall:
    Config = ColdConfig
    reason = ReasonCode.SIMILAR_CONTENT

    def __init__(self, config: ColdConfig, bundle: Bundle) -> None:
        self.config = config
        self.space = text_space(bundle)

    def recall(self, query: Query, limit: int) -> Recalled:
        words = words_of(query)
        if not words:
            return Recalled.none()
        vector = query.once("cold.vector", lambda: self.space.encoder.encode_one(words))
        return self.space.nearest(vector, limit, query.allowed, self.config.per_text)


def words_of(query: Query) -> str:
    """What the request says in words; empty where it says nothing.

    >>> words_of(Query(now=0, page="/category/coffee-and-tea"))
    'category coffee and tea'
    """
    if query.text:
        return query.text
    if query.page:
        return " ".join(re.findall(r"\w+", unquote_plus(query.page)))
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(query.attributes.items()))
