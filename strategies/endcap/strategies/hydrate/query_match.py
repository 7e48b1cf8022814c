"""How an item's words answer the search: BM25 by field, what of the search is in the title, brand, model and numbers.

Nothing here looks at the other candidates: an item has the same columns among recalled ones as in a caller's own list.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.lexical.index import LexicalIndex, lexical_index
from endcap.strategies.lexical.plan import Slot, matched, plan
from endcap.strategies.lexical.words import Kind

FIELDS = ("title", "brand", "categories", "description", "attributes")
"""Those that an index may have; the columns of one that it lacks are 0."""


MATCHES = (
    "bm25",  # over all of the item's text
    *(f"bm25_{name}" for name in FIELDS),
    "coverage",  # share of the search's words that the item has, weighted by idf
    "title_coverage",  # share of them in the title
    "title_coverage_idf",
    "last_in_title",  # whether the search's last word is in the title: in many languages, what is wanted
    "title_share",  # share of the title's words that the search asks for
    "title_start",  # where in the title the first of them stands: 1 at its start, 0 where none does
    "title_phrase",  # share of the search's neighbouring words that are neighbours in the title
    "brand",  # 1: the search names the item's brand; -1: another
    "model",  # share of the search's model numbers that the item has
    "numbers",  # share of its numbers and amounts that the item has
)


class QueryMatchConfig(Settings):
    """No parameters."""


class QueryMatch:
    Config = QueryMatchConfig
    provides = (
        *(Feature(f"query.{name}", ReasonCode.MATCHES_QUERY) for name in MATCHES),
        Feature("query.words"),
    )

    def __init__(self, config: QueryMatchConfig, bundle: Bundle) -> None:
        self.index = lexical_index(bundle)
        self.columns = [self.index.fields.index(name) if name in self.index.fields else -1 for name in FIELDS]
        self.brand_of = bundle.catalog.groups["brand"]

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        slots, items = plan(query, self.index), candidates.items
        if not slots:
            return np.full((len(items), len(self.provides)), np.nan, np.float32)
        found = np.stack([matched(slot, self.index, items) for slot in slots])  # [slots, n, 1 + fields]
        bm25 = found.sum(axis=0)
        empty = np.zeros(len(items), np.float32)
        by_field = [bm25[:, 1 + place] if place >= 0 else empty for place in self.columns]
        has, titled = found[:, :, 0] > 0, found[:, :, 1 + self.columns[0]] > 0  # [slots, n]
        rarity = np.array([slot.rarity for slot in slots], np.float32)
        rarity /= rarity.sum()
        columns = [
            bm25[:, 0],
            *by_field,
            rarity @ has,
            titled.mean(axis=0),
            rarity @ titled,
            titled[-1],
            *self._in_title(slots, items),
            self._brand(slots, items),
            _share(has, [slot.kind is Kind.MODEL for slot in slots]),
            _share(has, [slot.kind is Kind.UNIT or slot.token[:1].isdecimal() for slot in slots]),
            np.full(len(items), len(slots)),
        ]
        return np.column_stack(columns).astype(np.float32)

    def _in_title(self, slots: tuple[Slot, ...], items: Array) -> tuple[Array, Array, Array]:
        """Three columns, float64[n]: title_share, title_start, title_phrase."""
        owners, places, lengths, slot_of = title_slots(self.index, slots, items)
        hit = np.flatnonzero(slot_of >= 0)
        size = len(items)
        share = np.bincount(owners[hit], minlength=size) / np.maximum(lengths, 1)
        first = np.full(size, np.inf)
        np.minimum.at(first, owners[hit], places[hit])
        start = 1.0 - np.minimum(first / np.maximum(lengths, 1), 1.0)
        follows = (slot_of[1:] == slot_of[:-1] + 1) & (slot_of[:-1] >= 0) & (owners[1:] == owners[:-1])
        phrase = np.bincount(owners[1:][follows], minlength=size) / max(len(slots) - 1, 1)
        return share, start, np.minimum(phrase, 1.0)

    def _brand(self, slots: tuple[Slot, ...], items: Array) -> Array:
        named = query_brands(self.index, slots)
        if not named.any():
            return np.zeros(len(items))
        own = self.brand_of[items]
        return np.where(own < 0, 0.0, np.where(named[np.maximum(own, 0)], 1.0, -1.0))


def title_slots(index: LexicalIndex, slots: tuple[Slot, ...], items: Array) -> tuple[Array, Array, Array, Array]:
    """For every word of the items' titles, one item after the other: its item's row, its place in the title and the
    slot that it answers (-1: none). And int64[n], the length of each title."""
    starts = index.title_offsets[items]
    lengths = index.title_offsets[items + 1] - starts
    owners = np.repeat(np.arange(len(items)), lengths)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    words = index.title_words[np.repeat(starts, lengths) + places]
    slot_of = np.full(len(words), -1)
    for number, slot in enumerate(slots):
        for option in slot.options:
            for word in option.words:
                slot_of[words == word] = number
    return owners, places, lengths, slot_of


def query_brands(index: LexicalIndex, slots: tuple[Slot, ...]) -> Array:
    """bool[brands]: those all of whose words the search has as they are."""
    own = [option.words[0] for slot in slots for option in slot.options if option.weight == 1.0]
    inside = (index.brand_words[:, None] == np.array(own, np.int32)).any(axis=1)
    lengths = np.diff(index.brand_offsets)
    named = np.zeros(len(lengths), np.bool_)
    filled = np.flatnonzero(lengths)
    if len(filled):
        named[filled] = np.logical_and.reduceat(inside, index.brand_offsets[:-1][filled])
    return named


def _share(has: Array, rows: list[bool]) -> Array:
    """float64[n]: the mean of these rows of bool[slots, n], NaN without any."""
    if not any(rows):
        return np.full(has.shape[1], np.nan)
    share: Array = has[np.array(rows)].mean(axis=0)
    return share
