"""The inverted index of the catalog's words, memory-mapped: which items have a word, and what that is worth by BM25.

One list of postings serves whole and fields: a posting is one (word, item), and holds the item's BM25 of that word over
all its text and in each field alone (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; computed at
training by bm25s). Scores add up over the words of a query.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from endcap.bundle.arrays import take_array
from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.ids import IdIndex
from endcap.strategies.lexical.spelling import Spelling
from endcap.strategies.tally import item_tally

PART = "lexical"
CACHED = 16_384
"""Tokens that are remembered, at about 200 bytes each."""


class LexicalIndex:
    """One per process and bundle, see ``lexical_index``."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part(PART)
        arrays = part.arrays()
        self.vocabulary = IdIndex.from_arrays(arrays, "vocabulary")
        self.spelling = Spelling.from_arrays(arrays, self.vocabulary.ids)
        self.fields: tuple[str, ...] = tuple(part.json("fields"))
        self.offsets = take_array(arrays, "offsets", np.int64)  # [words + 1], into the postings
        self.items = take_array(arrays, "items", np.int32)  # [postings], ascending within a word
        self.whole = take_array(arrays, "whole", np.float32)  # [postings]
        self.by_field: Array = arrays["by_field"]  # float16[postings, fields]
        self.halves = self.by_field.view(np.uint16)  # their bits
        self.title_words = take_array(arrays, "title.words", np.int32)  # every item's title, in its order
        self.title_offsets = take_array(arrays, "title.offsets", np.int64)  # [items + 1]
        self.brand_words = take_array(arrays, "brand.words", np.int32)
        self.brand_offsets = take_array(arrays, "brand.offsets", np.int64)  # [brands + 1]
        self.size = len(bundle.catalog)
        self.tally = item_tally(bundle)
        self.number = lru_cache(CACHED)(self.vocabulary.number)
        """A token's number, -1 where no item has it; remembered, as shoppers' words are mostly the same few."""

    def span(self, word: int) -> tuple[int, int]:
        """Where the word's postings start and end."""
        return int(self.offsets[word]), int(self.offsets[word + 1])

    def count(self, word: int) -> int:
        """How many items have the word."""
        start, end = self.span(word)
        return end - start

    def numbers(self, tokens: Sequence[str]) -> Array:
        """int32[m]: each token's number, -1 where no item has it."""
        return self.vocabulary.numbers(tokens)

    def rarity(self, count: float) -> float:
        """The idf of a word that ``count`` items have, as BM25 has it: above 0, also for one that all have."""
        return math.log1p((self.size - count + 0.5) / (count + 0.5))

    def everywhere(self, word: int) -> tuple[Array, Array]:
        """int32[k] items that have the word, ascending, and float32[k], their BM25 of it."""
        rows = slice(*self.span(word))
        return self.items[rows], self.whole[rows]

    def among(self, word: int, items: Array) -> Array:
        """float32[n, 1 + fields]: the BM25 of the word in whole and by field, 0 where an item (int32[n]) lacks it."""
        start, end = self.span(word)
        found = np.zeros((len(items), 1 + len(self.fields)), np.float32)
        if start == end:
            return found
        places = start + np.searchsorted(self.items[start:end], items)
        np.minimum(places, end - 1, out=places)
        rows = np.flatnonzero(self.items[places] == items)
        places = places[rows]
        found[rows, 0], found[rows, 1:] = self.whole[places], self.by_field[places]
        return found


def lexical_index(bundle: Bundle) -> LexicalIndex:
    """The bundle's index. Raises BundleError where it was trained without one."""
    return bundle.once("lexical_index", lambda: LexicalIndex(bundle))
