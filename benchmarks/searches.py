"""Made searches: words of the catalog's own titles and brands, each search once."""

from __future__ import annotations

import numpy as np

from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.lexical.index import LexicalIndex, lexical_index
from endcap.strategies.lexical.plan import plan

MOST_DRAWS = 50


def searches(bundle: Bundle, count: int, seed: int) -> list[str]:
    """``count`` distinct ones of two to four words, without units, models or slips, which only Endcap reads.

    Raises ValueError where the catalog's words do not make so many.
    """
    index, random = lexical_index(bundle), np.random.default_rng(seed)
    names = list(index.vocabulary.ids)
    found: dict[str, None] = {}
    for _ in range(MOST_DRAWS * count):
        words = [names[number] for number in _drawn(index, random)]
        text = " ".join(words)
        if text not in found and _plain(text, words, index):
            found[text] = None
            if len(found) == count:
                return list(found)
    raise ValueError(f"made {len(found)} searches of this catalog's words, expected {count}")


def _drawn(index: LexicalIndex, random: np.random.Generator) -> list[int]:
    """One or two words of one title, and one or two of another's."""
    chosen: dict[int, None] = {}
    for _ in range(2):
        item = int(random.integers(0, index.size))
        title = index.title_words[index.title_offsets[item] : index.title_offsets[item + 1]]
        if len(title):
            chosen.update(dict.fromkeys(random.choice(title, min(2, len(title)), replace=False).tolist()))
    return list(chosen)[: int(random.integers(2, 5))]


def _plain(text: str, words: list[str], index: LexicalIndex) -> bool:
    """Whether the search is read as just these words, each written as it is."""
    slots = plan(Query(0, text=text), index)
    alone = all(len(slot.options) == 1 and slot.options[0].weight == 1.0 for slot in slots)
    return len(words) >= 2 and alone and [slot.token for slot in slots] == words and all(map(str.isalpha, words))
