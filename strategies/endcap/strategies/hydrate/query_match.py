"""How an item's words answer the search: BM25 by field, what of the search is in the title, brand, model and numbers.

Nothing here looks at the other candidates: an item has the same columns among recalled ones as in a caller's own list.
"""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import (
    INT,
    INT32_ROWS,
    INT32S,
    INT64S,
    NOTHING,
    SINGLE,
    SINGLES,
    TO_SINGLE_ROWS,
    compiled,
    fetch,
    given,
    kernel,
)
from endcap.strategies.contract import Feature, Query, ReasonCode, Settings
from endcap.strategies.lexical.index import LexicalIndex, lexical_index
from endcap.strategies.lexical.matching import matched
from endcap.strategies.lexical.plan import Slot, plan
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


_AHEAD = 8
"""So many items before it is read, a title is asked for; and where it starts, three times as many."""
_COVERAGE, _TITLE, _BRAND, _MODEL, _WORDS = (
    MATCHES.index("coverage"),
    MATCHES.index("title_share"),
    MATCHES.index("brand"),
    MATCHES.index("model"),
    len(MATCHES),
)


class QueryMatch:
    Config = QueryMatchConfig
    provides = (
        *(Feature(f"query.{name}", ReasonCode.MATCHES_QUERY) for name in MATCHES),
        Feature("query.words"),
    )

    def __init__(self, config: QueryMatchConfig, bundle: Bundle) -> None:
        self.index = lexical_index(bundle)
        places = [self.index.fields.index(name) if name in self.index.fields else -1 for name in FIELDS]
        self.columns = np.array(places, np.int64)
        self.brand_of = bundle.catalog.groups["brand"]
        self.brands = Brands(self.index)

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        slots, items = plan(query, self.index), candidates.items
        columns = np.full((len(items), len(self.provides)), np.nan, np.float32)
        if not slots:
            return columns
        found, rarity = matched(slots, self.index, items), np.array([slot.rarity for slot in slots], np.float32)
        kinds, named = np.array([_kind(slot) for slot in slots], np.int64), self.brands.named(slots)
        _sum(found, self.columns, rarity / rarity.sum(), kinds, items, self.brand_of, named, columns)
        self._in_title(slots, items, columns)
        return columns

    def _in_title(self, slots: tuple[Slot, ...], items: Array, columns: Array) -> None:
        """Sets title_share, title_start, title_phrase."""
        pairs = [(word, at) for at, slot in enumerate(slots) for option in slot.options for word in option.words]
        words = np.array(pairs or _NO_WORDS, np.int32)
        _read_titles(items, self.index.title_offsets, self.index.title_words, words, len(slots), columns)


_IS_MODEL, _IS_NUMBER = 1, 2
_NO_WORDS = np.empty((0, 2), np.int32)
_NO_BRANDS = np.empty(0, np.int32)


def _kind(slot: Slot) -> int:
    """Whether it is a model number, a number or amount, or both, in bits."""
    number = slot.kind is Kind.UNIT or slot.token[:1].isdecimal()
    return _IS_MODEL * (slot.kind is Kind.MODEL) + _IS_NUMBER * number


@compiled
def _brand(own: int, named: Array) -> float:
    for brand in named:
        if own == brand:
            return 1.0
    return 0.0 if own < 0 else -1.0


@kernel(NOTHING(given(SINGLE, 3), INT64S, SINGLES, INT64S, INT32S, INT32S, INT32S, TO_SINGLE_ROWS))
def _sum(
    found: Array,
    fields: Array,
    rarity: Array,
    kinds: Array,
    items: Array,
    brand_of: Array,
    named: Array,
    columns: Array,
) -> None:
    """From what each slot is worth to an item (float32[slots, n, 1 + fields]), the columns up to last_in_title, those
    of models and numbers, brand and words. A field that the index lacks is -1 in ``fields``, of which the first is the
    title; ``named`` are the brands that the search names."""
    slots, title, asked_models, asked_numbers = len(found), 1 + fields[0], 0, 0
    for slot in range(slots):
        asked_models += kinds[slot] & _IS_MODEL > 0
        asked_numbers += kinds[slot] & _IS_NUMBER > 0
    for row in range(len(columns)):
        if len(named):
            fetch(brand_of, items[min(row + _AHEAD, len(items) - 1)])
        out, has_models, has_numbers, titled = columns[row], 0, 0, 0
        out[: _COVERAGE + 4] = 0.0
        for slot in range(slots):
            worth = found[slot, row]
            out[0] += worth[0]
            for place in range(len(fields)):
                if fields[place] >= 0:
                    out[1 + place] += worth[1 + fields[place]]
            has, in_title = worth[0] > 0, worth[title] > 0
            out[_COVERAGE] += rarity[slot] * has
            out[_COVERAGE + 2] += rarity[slot] * in_title
            out[_COVERAGE + 3] = in_title
            titled += in_title
            has_models += has and kinds[slot] & _IS_MODEL > 0
            has_numbers += has and kinds[slot] & _IS_NUMBER > 0
        out[_COVERAGE + 1] = titled / slots
        if asked_models:
            out[_MODEL] = has_models / asked_models
        if asked_numbers:
            out[_MODEL + 1] = has_numbers / asked_numbers
        out[_BRAND], out[_WORDS] = _brand(brand_of[items[row]], named) if len(named) else 0.0, slots


@kernel(NOTHING(INT32S, INT64S, INT32S, INT32_ROWS, INT, TO_SINGLE_ROWS))
def _read_titles(items: Array, offsets: Array, titles: Array, words: Array, slot_count: int, columns: Array) -> None:
    """Each of ``words`` (int32[m, 2]) answers the slot beside it, the last where it stands several times."""
    last = len(items) - 1
    for row in range(len(items)):
        fetch(offsets, items[min(row + 3 * _AHEAD, last)])
        fetch(titles, offsets[items[min(row + _AHEAD, last)]])
        start, end = offsets[items[row]], offsets[items[row] + 1]
        length = max(end - start, 1)
        hits, first, neighbours, before = 0, end - start, 0, -1
        for place in range(start, end):
            slot = -1
            for entry in range(len(words) - 1, -1, -1):
                if words[entry, 0] == titles[place]:
                    slot = words[entry, 1]
                    break
            if slot >= 0:
                hits += 1
                first = min(first, place - start)
                neighbours += before >= 0 and slot == before + 1
            before = slot
        columns[row, _TITLE] = hits / length
        columns[row, _TITLE + 1] = 1.0 - first / length if hits else 0.0
        columns[row, _TITLE + 2] = min(neighbours / max(slot_count - 1, 1), 1.0)


class Brands:
    """The catalog's brands by the first of their words."""

    def __init__(self, index: LexicalIndex) -> None:
        self.offsets, self.words = index.brand_offsets, index.brand_words
        whole = np.flatnonzero(np.diff(self.offsets) > 0)
        firsts = self.words[self.offsets[whole]]
        order = np.argsort(firsts, kind="stable")
        self.firsts, self.brands = firsts[order], whole[order]

    def named(self, slots: tuple[Slot, ...]) -> Array:
        """int32[k]: those all of whose words the search has as they are."""
        own = {option.words[0] for slot in slots for option in slot.options if option.weight == 1.0}
        ends = self.firsts.searchsorted(np.array([word + k for word in own for k in (0, 1)], np.int32)).tolist()
        spans = zip(ends[::2], ends[1::2], strict=True)
        found = [brand for start, end in spans for brand in self.brands[start:end].tolist()]
        named = [brand for brand in found if own.issuperset(self._words(brand))]
        return np.array(named, np.int32) if named else _NO_BRANDS

    def _words(self, brand: int) -> list[int]:
        words: list[int] = self.words[self.offsets[brand] : self.offsets[brand + 1]].tolist()
        return words
