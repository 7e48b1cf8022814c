"""What a search asks for, word by word: how else each may be written, and how much it tells.

A word that the catalog lacks may be two (``powerbank``), the halves of one (``head set``), or a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    INT,
    INT32S,
    SINGLE,
    SINGLES,
    TO_INT32S,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    fetch,
    kernel,
)
from endcap.strategies.contract import Query
from endcap.strategies.lexical.index import LexicalIndex
from endcap.strategies.lexical.spelling import can_slip
from endcap.strategies.lexical.words import Kind, Word, words

MOST_WORDS = 24
"""The first so many words of a search are looked up; a longer one is a text, which meaning finds better."""
MOST_SPELLINGS = 3
SLIP, RARE_SLIP, PART, BARE_NUMBER = 0.8, 0.5, 0.9, 0.5
"""What a match by another writing is worth, against the word itself."""
AHEAD = 16
"""So many items before it is read, what is known of an item is asked for."""
RARE, FAR_MORE = 2, 20
"""A word of at most RARE items is taken for a slip too where FAR_MORE times as many have a word one slip away."""


class Option(NamedTuple):
    """One way to write a word: an item has it where it has all these words."""

    words: tuple[int, ...]
    weight: float


class Slot(NamedTuple):
    """One word of the search."""

    token: str
    kind: Kind
    options: tuple[Option, ...]
    """None where the catalog has nothing like it."""
    rarity: float
    """Its idf: what it tells about an item."""


def plan(query: Query, index: LexicalIndex) -> tuple[Slot, ...]:
    """The slots of the request's search text, computed once a request."""
    return query.once("lexical.plan", lambda: tuple(_slots(words(query.text)[:MOST_WORDS], index)))


def _slots(asked: Sequence[Word], index: LexicalIndex) -> Iterator[Slot]:
    joined = _joined(asked, index)
    seen: set[str] = set()
    for place, word in enumerate(asked):
        if word.token in seen:
            continue
        seen.add(word.token)
        options = [*_options(word, index), *(Option((number,), PART) for number in joined.get(place, ()))]
        options = options or list(_repaired(word, index))
        yield Slot(word.token, word.kind, tuple(options), _rarity(options, index))


def _options(word: Word, index: LexicalIndex) -> Iterator[Option]:
    """The word as it is, and as its parts; a rare one also as what it may be a slip of."""
    number, parts = index.number(word.token), [index.number(part) for part in word.parts]
    if number >= 0:
        yield Option((number,), 1.0)
        if word.kind is Kind.WORD and index.count(number) <= RARE:
            yield from _slips(word.token, index, FAR_MORE * index.count(number), RARE_SLIP)
    if word.kind is Kind.MODEL and parts and min(parts) >= 0:
        yield Option(tuple(parts), PART)
    if word.kind is Kind.UNIT and parts[0] >= 0:
        yield Option((parts[0],), BARE_NUMBER)


def _joined(asked: Sequence[Word], index: LexicalIndex) -> dict[int, list[int]]:
    """By place, the words that two neighbours make together."""
    found: dict[int, list[int]] = {}
    for place, (left, right) in enumerate(pairwise(asked)):
        if left.kind is Kind.PAIR or right.kind is Kind.PAIR:
            continue
        number = index.number(left.token + right.token)
        if number >= 0:
            found.setdefault(place, []).append(number)
            found.setdefault(place + 1, []).append(number)
    return found


def _repaired(word: Word, index: LexicalIndex) -> Iterator[Option]:
    """What an unknown word may stand for."""
    if (halves := _halves(word.token, index)) is not None:
        yield Option(halves, PART)
    yield from _slips(word.token, index, 0, SLIP)


def _slips(token: str, index: LexicalIndex, least: int, weight: float) -> Iterator[Option]:
    """The most frequent words one slip away that more than ``least`` items have."""
    if not can_slip(token):
        return
    near = [number for number in index.spelling.near(token) if index.count(number) > least]
    for number in sorted(near, key=lambda number: (-index.count(number), number))[:MOST_SPELLINGS]:
        yield Option((number,), weight)


def _halves(token: str, index: LexicalIndex) -> tuple[int, int] | None:
    """The two words that ``token`` is made of, the rarer of them as frequent as can be."""
    cuts = range(3, len(token) - 2)
    if not cuts or not token.isalpha():
        return None
    left, right = (index.numbers([_cut(token, cut, side) for cut in cuts]) for side in (0, 1))
    both = np.flatnonzero((left >= 0) & (right >= 0))
    if not len(both):
        return None
    pairs = zip(left[both].tolist(), right[both].tolist(), strict=True)
    return max(pairs, key=lambda pair: min(map(index.count, pair)))


def _cut(token: str, at: int, side: int) -> str:
    return token[at:] if side else token[:at]


def _rarity(options: Sequence[Option], index: LexicalIndex) -> float:
    """That of the best option's rarest word; of a word that is nowhere, the highest there is."""
    best = max(options, key=lambda option: option.weight, default=None)
    return index.rarity(min(map(index.count, best.words)) if best else 0)


def slips(slots: Sequence[Slot], index: LexicalIndex) -> dict[str, str]:
    """By token, what the search's unknown words are slips of, as far as that can be told: the most frequent."""
    repaired = [slot for slot in slots if slot.options and slot.options[0].weight == SLIP]
    return {slot.token: index.vocabulary.id(slot.options[0].words[0]) for slot in repaired}


def recalled(slots: Sequence[Slot], index: LexicalIndex) -> tuple[Array, Array]:
    """Every item that has a word of the search (int32[k], each once, in no order), and its BM25 (float32[k])."""
    parts = [
        (number, option.weight, *_everywhere(option, index))
        for number, slot in enumerate(slots)
        for option in slot.options
    ]
    most = sum(len(items) for _, _, items, _ in parts)
    found, sums, latest = np.empty(most, np.int32), np.zeros(most, np.float32), np.zeros((most, 2), np.float32)
    table, base = index.tally.use(most)
    count = 0
    for number, weight, items, worth in parts:
        count = _add_words(table, base, items, worth, weight, number, found, sums, latest, count)
    return found[:count], sums[:count]


@kernel(INT(TO_INT32S, INT, INT32S, SINGLES, SINGLE, SINGLE, TO_INT32S, TO_SINGLES, TO_SINGLE_ROWS, INT))
def _add_words(
    table: Array,
    base: int,
    items: Array,
    worth: Array,
    weight: np.float32,
    slot: np.float32,
    found: Array,
    sums: Array,
    latest: Array,
    count: int,
) -> int:
    """Of ``latest`` the columns are what the latest slot gave an item, and that slot's number: of a slot's options the
    best counts."""
    for entry in range(len(items)):
        fetch(table, items[min(entry + AHEAD, len(items) - 1)])
        item = items[entry]
        place = table[item] - base
        if place < 0:
            place, table[item] = count, base + count
            found[count] = item
            count += 1
        row = latest[place]
        if row[1] != slot:
            row[0], row[1] = 0.0, slot
        better = weight * worth[entry] - row[0]
        if better > 0:
            sums[place] += better
            row[0] += better
    return count


def _everywhere(option: Option, index: LexicalIndex) -> tuple[Array, Array]:
    """The items that have all of the option's words, and the sum of what these are worth."""
    items, scores = index.everywhere(option.words[0])
    for word in option.words[1:]:
        others = index.among(word, items)[:, 0]
        both = others > 0
        items, scores = items[both], scores[both] + others[both]
    return items, scores
