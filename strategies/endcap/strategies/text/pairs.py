"""Pairs for the BERT ranker: an item beside what it is asked for, as token ids.

A search:   [CLS] item [SEP] query [SEP]
A shopper:  [CLS] item [SEP] [SEP] title [SEP] title [SEP] …

The doubled separator tells the two kinds apart. A shopper's titles are of what they went for lately, those nearest in
meaning to the item first, until the pair is full. Items come tokenised in the bundle: of a request only a query is
tokenised. Training makes its pairs by this code too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.strategies.anchors import anchors
from endcap.strategies.contract import Query
from endcap.strategies.text.encoder import open_tokenizer
from endcap.strategies.text.info import TOKENIZER_NAME

Kind = Literal["query", "shopper"]
KINDS: tuple[Kind, ...] = ("query", "shopper")

SHAPE = "pairs"
TOKENS, OFFSETS = "tokens", "token_offsets"
LEAST_CONTEXT = 8
"""An item leaves at least so many tokens to what it is asked for."""


class PairShape(BaseModel):
    """The content of pairs.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(default=32, ge=16)
    """Of a pair, with its separators."""
    title_tokens: int = Field(default=8, ge=1)
    """Of each of a shopper's titles."""
    half_life_days: float = Field(default=14.0, gt=0)
    titles: int = Field(default=24, ge=1)
    """The shopper's strongest items by recency, from which those nearest to an item are taken."""
    first: int
    """The token that every text begins with, and the one that ends it."""
    last: int

    @property
    def item_tokens(self) -> int:
        return self.max_tokens - LEAST_CONTEXT - 3


class PairBatch(NamedTuple):
    ids: Array
    """int64[n, longest], padded with 0."""
    mask: Array
    """int64[n, longest], 1 for a token and 0 for padding."""


class Pairs:
    """Makes pairs of one bundle's items. Safe to share between threads."""

    def __init__(
        self, shape: PairShape, tokens: Array, offsets: Array, text_of: Array, vectors: Array, tokenizer: Tokenizer
    ) -> None:
        """``tokens`` int32[total] and ``offsets`` int64[texts + 1]: each distinct text's ids, without separators;
        ``text_of`` int32[items]; ``vectors`` float32[texts, d], unit length."""
        self.shape = shape
        self._tokens, self._offsets = tokens, offsets
        self._text_of, self._vectors = text_of, vectors
        self._tokenizer = tokenizer

    @staticmethod
    def open(part: Part, bundle: Bundle) -> Pairs:
        """Raises BundleError where the part, or the bundle's text part, lacks something."""
        shape = PairShape.model_validate(part.json(SHAPE))
        return Pairs(
            shape,
            part.array(TOKENS),
            part.array(OFFSETS),
            bundle.catalog.texts,
            bundle.part("text").array("vectors"),
            open_tokenizer(part.file(TOKENIZER_NAME), shape.max_tokens),
        )

    def kind_of(self, query: Query) -> Kind | None:
        """How the request's items are paired; None where nothing is known to pair them with."""
        if query.text:
            return "query"
        return "shopper" if len(self._recent(query)) else None

    def of(self, query: Query, items: Array) -> PairBatch:
        """One pair an item (int32[n]). Raises ValueError for a request that ``kind_of`` has no kind for."""
        if query.text:
            return self._batch(items, [[self._ids(query.text)]] * len(items))
        recent = self._recent(query)
        if not len(recent):
            raise ValueError("found a request without a search and without events, expected one of them")
        near = self._vectors[self._text_of[items]] @ self._vectors[recent].T
        order = np.argsort(-near, axis=1, kind="stable")
        titles = [self._text(text)[: self.shape.title_tokens] for text in recent]
        return self._batch(items, [[[], *(titles[place] for place in row)] for row in order])

    def _recent(self, query: Query) -> Array:
        """int32[k]: the distinct texts of what the shopper went for lately, the strongest first."""
        start = anchors(query, self.shape.half_life_days, self.shape.titles)
        texts = self._text_of[start.items]
        _, first = np.unique(texts, return_index=True)
        recent: Array = texts[np.sort(first)]
        return recent

    def _batch(self, items: Array, contexts: Sequence[Iterable[Sequence[int]]]) -> PairBatch:
        rows = [self._pair(self._text(self._text_of[item]), each) for item, each in zip(items, contexts, strict=True)]
        return padded(rows)

    def _pair(self, item: list[int], context: Iterable[Sequence[int]]) -> list[int]:
        shape = self.shape
        pair = [shape.first, *item[: shape.item_tokens], shape.last]
        for tokens in context:
            room = shape.max_tokens - len(pair) - 1
            if room <= 0:
                break
            pair += [*tokens[:room], shape.last]
        return pair

    def _text(self, text: int) -> list[int]:
        ids: list[int] = self._tokens[self._offsets[text] : self._offsets[text + 1]].tolist()
        return ids

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)


def padded(rows: Sequence[Sequence[int]]) -> PairBatch:
    shape = (len(rows), max(map(len, rows), default=0))
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return PairBatch(ids, mask)
