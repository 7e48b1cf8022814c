"""The inverted index of the catalog's words: BM25 by bm25s, over all of an item's text and over each field alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from endcap.bundle.columns import StringColumn
from endcap.bundle.events import Array
from endcap.bundle.ids import IdIndex
from endcap.bundle.writer import PartWriter
from endcap.strategies.lexical.spelling import Spelling
from endcap.strategies.lexical.words import tokens
from endcap.training.data.texts import Words
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

K1, B = 1.2, 0.6
WEIGHTS = {"title": 3, "brand": 2, "categories": 2}
"""How often a field's words count towards the whole: Robertson, Zaragoza and Taylor, CIKM 2004. Others count once."""

Documents = list[list[int]]
"""The word numbers of each item's text, in their order."""


class Vocabulary:
    """Numbers for tokens: first as they come, in the end by the alphabet, so that equal texts give equal bytes."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def read(self, words: Words) -> Documents:
        seen: dict[str, list[int]] = {}
        return [[number for text in row for number in self._numbered(text, seen)] for row in words]

    def _numbered(self, text: str, seen: dict[str, list[int]]) -> list[int]:
        """``seen`` spares what many items say (a brand, a category) from being cut again."""
        if text not in seen:
            seen[text] = [self.numbers.setdefault(token, len(self.numbers)) for token in tokens(text)]
        return seen[text]

    def in_order(self) -> tuple[list[str], Array]:
        """The tokens by the alphabet, and int32[words]: each first number's place among them."""
        names = sorted(self.numbers)
        places = np.empty(len(names), np.int32)
        places[[self.numbers[name] for name in names]] = np.arange(len(names))
        return names, places


class Postings(NamedTuple):
    """Sorted by (word, item)."""

    keys: Array
    """int64[p]: word * items + item."""
    scores: Array
    """float32[p]."""


def _lexical(shop: Shop, part: PartWriter, context: Context) -> None:
    write_index(part, searched(shop), _brands(shop))


def write_index(part: PartWriter, searched: Mapping[str, Words], brand_names: Sequence[str]) -> None:
    """The part over each item's texts by field (``title`` among them); brands are numbered as in the catalog."""
    vocabulary = Vocabulary()
    fields = {name: vocabulary.read(words) for name, words in searched.items()}
    brands = vocabulary.read([[name] for name in brand_names])
    names, places = vocabulary.in_order()
    fields = {name: [places[row].tolist() for row in rows] for name, rows in fields.items()}
    index = IdIndex.of(names)
    part.arrays(index.arrays("vocabulary"))
    part.arrays(Spelling.of(index.ids).arrays())
    part.arrays(_cut("title", fields["title"]) | _cut("brand", [places[row].tolist() for row in brands]))
    part.json("fields", list(fields))
    part.arrays(_postings(fields, len(names), len(fields["title"])))


def searched(shop: Shop) -> dict[str, Words]:
    """The fields by name; a shop that says nothing of its texts has titles."""
    return dict(shop.fields) or {"title": [[title] for title in shop.titles]}


def _brands(shop: Shop) -> list[str]:
    column = shop.columns.get("brand")
    return list(column.vocabulary) if isinstance(column, StringColumn) else []


def _postings(fields: dict[str, Documents], words: int, items: int) -> dict[str, Array]:
    whole = _scored(_weighted(fields), words, items)
    by_field = np.zeros((len(whole.keys), len(fields)), np.float16)
    for place, documents in enumerate(fields.values()):
        own = _scored(documents, words, items)
        by_field[np.searchsorted(whole.keys, own.keys), place] = own.scores
    return {
        "offsets": np.searchsorted(whole.keys, np.arange(words + 1, dtype=np.int64) * items),
        "items": (whole.keys % max(items, 1)).astype(np.int32),
        "whole": whole.scores,
        "by_field": by_field,
    }


def _weighted(fields: dict[str, Documents]) -> Documents:
    """All of an item's words, those of telling fields several times."""
    weights = [WEIGHTS.get(name, 1) for name in fields]
    return [
        list(chain.from_iterable(row * weight for row, weight in zip(rows, weights, strict=True)))
        for rows in zip(*fields.values(), strict=True)
    ]


def _scored(documents: Documents, words: int, items: int) -> Postings:
    from bm25s import BM25

    if not any(documents):
        return Postings(np.empty(0, np.int64), np.empty(0, np.float32))
    found = BM25(k1=K1, b=B, method="lucene").build_index_from_ids(list(range(words)), documents, show_progress=False)
    owners = np.repeat(np.arange(words, dtype=np.int64), np.diff(found["indptr"]))
    keys = owners * items + found["indices"]
    order = np.argsort(keys, kind="stable")
    return Postings(keys[order], found["data"][order].astype(np.float32))


def _cut(name: str, documents: Sequence[Sequence[int]]) -> dict[str, Array]:
    """The words of each document, one after the other."""
    offsets = np.zeros(len(documents) + 1, np.int64)
    np.cumsum([len(row) for row in documents], out=offsets[1:])
    return {
        f"{name}.words": np.fromiter(chain.from_iterable(documents), np.int32, offsets[-1]),
        f"{name}.offsets": offsets,
    }


lexical = Fitter(_lexical, timeless=True)
