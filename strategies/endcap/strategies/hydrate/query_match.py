"""How an item's words answer the search: BM25 by field, what of the search is in the title, brand, model and numbers.

Nothing here looks at the other candidates: an item has the same columns among recalled ones as in a caller's own list.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import (
    FLAGS,
    INT,
    INT32S,
    INT64S,
    NOTHING,
    SINGLE,
    SINGLES,
    TO_SINGLE_ROWS,
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


_AHEAD = 4
"""So many items before it is read, a title is asked for."""
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
        rarity = np.array([slot.rarity for slot in slots], np.float32)
        models = np.array([slot.kind is Kind.MODEL for slot in slots])
        numbers = np.array([slot.kind is Kind.UNIT or slot.token[:1].isdecimal() for slot in slots])
        _sum(matched(slots, self.index, items), self.columns, rarity / rarity.sum(), models, numbers, columns)
        self._in_title(slots, items, columns)
        columns[:, _BRAND] = self._brand(slots, items)
        columns[:, _WORDS] = len(slots)
        return columns

    def _in_title(self, slots: tuple[Slot, ...], items: Array, columns: Array) -> None:
        """Sets title_share, title_start, title_phrase."""
        pairs = [(word, at) for at, slot in enumerate(slots) for option in slot.options for word in option.words]
        words, slot_of = np.array(pairs, np.int32).reshape(-1, 2).T.copy()
        _read_titles(items, self.index.title_offsets, self.index.title_words, words, slot_of, len(slots), columns)

    def _brand(self, slots: tuple[Slot, ...], items: Array) -> Array | float:
        named = self.brands.named(slots)
        if not named:
            return 0.0
        own = self.brand_of.take(items)
        column: Array = np.where(own < 0, 0.0, -1.0)
        for brand in named:
            column[own == brand] = 1.0
        return column


@kernel(NOTHING(given(SINGLE, 3), INT64S, SINGLES, FLAGS, FLAGS, TO_SINGLE_ROWS))
def _sum(found: Array, fields: Array, rarity: Array, models: Array, numbers: Array, columns: Array) -> None:
    """From what each slot is worth to an item (float32[slots, n, 1 + fields]), the columns up to last_in_title, and
    those of models and numbers. A field that the index lacks is -1 in ``fields``, of which the first is the title."""
    slots, title = len(found), 1 + fields[0]
    asked_models, asked_numbers = models.sum(), numbers.sum()
    for row in range(len(columns)):
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
            has_models += has and models[slot]
            has_numbers += has and numbers[slot]
        out[_COVERAGE + 1] = titled / slots
        if asked_models:
            out[_MODEL] = has_models / asked_models
        if asked_numbers:
            out[_MODEL + 1] = has_numbers / asked_numbers


@kernel(NOTHING(INT32S, INT64S, INT32S, INT32S, INT32S, INT, TO_SINGLE_ROWS))
def _read_titles(
    items: Array, offsets: Array, titles: Array, words: Array, slot_of: Array, slot_count: int, columns: Array
) -> None:
    """Of ``words`` each answers the slot beside it, the last where it stands several times."""
    for row in range(len(items)):
        fetch(titles, offsets[items[min(row + _AHEAD, len(items) - 1)]])
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
        columns[row, _TITLE] = hits / length
        columns[row, _TITLE + 1] = 1.0 - first / length if hits else 0.0
        columns[row, _TITLE + 2] = min(neighbours / max(slot_count - 1, 1), 1.0)


_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Brands:
    """The catalog's brands by the first of their words."""

    def __init__(self, index: LexicalIndex) -> None:
        self.offsets, self.words = index.brand_offsets, index.brand_words
        whole = np.flatnonzero(np.diff(self.offsets) > 0)
        firsts = self.words[self.offsets[whole]]
        order = np.argsort(firsts, kind="stable")
        self.firsts, self.brands = firsts[order], whole[order]

    def named(self, slots: tuple[Slot, ...]) -> list[int]:
        """Those all of whose words the search has as they are."""
        own = {option.words[0] for slot in slots for option in slot.options if option.weight == 1.0}
        wanted = np.array(list(own), np.int32)
        starts, ends = (self.firsts.searchsorted(wanted, side).tolist() for side in _SIDES)
        found = [brand for start, end in zip(starts, ends, strict=True) for brand in self.brands[start:end].tolist()]
        return [brand for brand in found if own.issuperset(self._words(brand))]

    def _words(self, brand: int) -> list[int]:
        words: list[int] = self.words[self.offsets[brand] : self.offsets[brand + 1]].tolist()
        return words
