"""Cold start: a vector from words alone, for a shopper about whom nothing else is known.

The words are the search text; else the page they are on; else those of their attributes that no shopper of the users
table has (what the others mean is learned: see the source ``profile``). The same encoder that reads the catalog reads
them, so nothing has to be known of the shopper before.
"""

from __future__ import annotations

import re
from collections.abc import Collection
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
        self.learned = frozenset(bundle.part("users").json("columns")) if bundle.has("users") else frozenset()

    def words_to_encode(self, query: Query) -> str:
        return words_of(query, self.learned)

    def recall(self, query: Query, limit: int) -> Recalled:
        words = self.words_to_encode(query)
        if not words:
            return Recalled.none()
        vector = query.once("cold.vector", lambda: self.space.encoder.encode_one(words))
        return self.space.nearest(vector, limit, query.allowed, self.config.per_text)


def words_of(query: Query, learned: Collection[str] = ()) -> str:
    """What the request says in words, ``learned`` attributes left out; empty where it says nothing.

    >>> words_of(Query(now=0, page="/category/coffee-and-tea"))
    'category coffee and tea'
    """
    told = sorted((name, value) for name, value in query.attributes.items() if name not in learned)
    return spoken(query) or ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told)


def spoken(query: Query) -> str:
    """The search text, else the words of the page's address."""
    return query.text or " ".join(re.findall(r"\w+", unquote_plus(query.page)))
