"""How an item's words answer the search: BM25 by field, what of the search is in the title, brand, model and numbers.

Nothing here looks at the other candidates: an item has the same columns among recalled ones as in a caller's own list.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import FLAG, INT, INT32S, INT64S, NOTHING, TO_REAL_ROWS, compiled, filled, kernel
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

    def _in_title(self, slots: tuple[Slot, ...], items: Array) -> Array:
        """float64[3, n]: title_share, title_start, title_phrase."""
        pairs = [(word, at) for at, slot in enumerate(slots) for option in slot.options for word in option.words]
        words, slot_of = np.array(pairs, np.int32).reshape(-1, 2).T.copy()
        found = np.empty((3, len(items)))
        _read_titles(items, self.index.title_offsets, self.index.title_words, words, slot_of, len(slots), found)
        return found

    def _brand(self, slots: tuple[Slot, ...], items: Array) -> Array:
        named = query_brands(self.index, slots)
        if not named.any():
            return np.zeros(len(items))
        own = self.brand_of[items]
        return np.where(own < 0, 0.0, np.where(named[np.maximum(own, 0)], 1.0, -1.0))


@kernel(NOTHING(INT32S, INT64S, INT32S, INT32S, INT32S, INT, TO_REAL_ROWS))
def _read_titles(
    items: Array, offsets: Array, titles: Array, words: Array, slot_of: Array, slot_count: int, found: Array
) -> None:
    """Of ``words`` each answers the slot beside it, the last where it stands several times."""
    for row in range(len(items)):
        start, end = offsets[items[row]], offsets[items[row] + 1]
        length = max(end - start, 1)
        hits, first, neighbours, before = 0, end - start, 0, -1
        for place in range(start, end):
            slot = -1
            for entry in range(len(words) - 1, -1, -1):
                if words[entry] == titles[place]:
                    slot = slot_of[entry]
                    break
            if slot >= 0:
                hits += 1
                first = min(first, place - start)
                neighbours += before >= 0 and slot == before + 1
            before = slot
        found[0, row] = hits / length
        found[1, row] = 1.0 - first / length if hits else 0.0
        found[2, row] = min(neighbours / max(slot_count - 1, 1), 1.0)


def query_brands(index: LexicalIndex, slots: tuple[Slot, ...]) -> Array:
    """bool[brands]: those all of whose words the search has as they are."""
    own = [option.words[0] for slot in slots for option in slot.options if option.weight == 1.0]
    named = np.zeros(len(index.brand_offsets) - 1, np.bool_)
    _name(np.array(own, np.int32), index.brand_words, index.brand_offsets, named)
    return named


@compiled
def _has(own: Array, word: int) -> bool:
    for each in own:  # noqa: SIM110  # Numba has no generators
        if each == word:
            return True
    return False


@kernel(NOTHING(INT32S, INT32S, INT64S, filled(FLAG)))
def _name(own: Array, words: Array, offsets: Array, named: Array) -> None:
    for brand in range(len(named)):
        inside = 0
        for place in range(offsets[brand], offsets[brand + 1]):
            if not _has(own, words[place]):
                break
            inside += 1
        named[brand] = 0 < inside == offsets[brand + 1] - offsets[brand]


def _share(has: Array, rows: list[bool]) -> Array:
    """float64[n]: the mean of these rows of bool[slots, n], NaN without any."""
    if not any(rows):
        return np.full(has.shape[1], np.nan)
    share: Array = has[np.array(rows)].mean(axis=0)
    return share
