"""Ways to say the same in other words, for texts of any script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from endcap.training.config import Augmentation

_WORDS = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\s぀-ヿ㐀-鿿가-힯]+|\s+")
"""Words, and where a script has no spaces between them, its characters; the spaces are kept."""

DROPPED = 0.15
"""Of the words of a text."""
MISSPELT = 0.3
"""Of the texts: one slip in one word each."""
SHUFFLED = 0.5
"""Of the texts."""
SEPARATOR = ". "
"""Between the fields of an item's text, see data/texts.py."""


def varied(texts: Sequence[str], ways: Sequence[Augmentation], random: np.random.Generator) -> list[str]:
    """``texts``, each varied in all of the ``ways``; never to nothing."""
    result = list(texts)
    for way in _WAYS:
        if way in ways:
            result = [_WAYS[way](text, random) for text in result]
    return result


def without_words(text: str, random: np.random.Generator, share: float = DROPPED) -> str:
    """Each word is left out with the odds of ``share``; one always stays."""
    words = _WORDS.findall(text)
    meant = [place for place, word in enumerate(words) if not word.isspace()]
    if len(meant) < 2:
        return text
    dropped = {place for place, chance in zip(meant, random.random(len(meant)), strict=True) if chance < share}
    if len(dropped) == len(meant):
        dropped.discard(meant[int(random.integers(len(meant)))])
    return " ".join("".join(word for place, word in enumerate(words) if place not in dropped).split())


def misspelt(text: str, random: np.random.Generator) -> str:
    """A letter left out, doubled, or swapped with the next, in a word of four or more letters."""
    words = _WORDS.findall(text)
    long = [place for place, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long or random.random() >= MISSPELT:
        return text
    place = long[int(random.integers(len(long)))]
    words[place] = _slip(words[place], int(random.integers(1, len(words[place]) - 1)), int(random.integers(3)))
    return "".join(words)


def shuffled_fields(text: str, random: np.random.Generator) -> str:
    """The fields after the title in another order."""
    title, *fields = text.split(SEPARATOR)
    if len(fields) < 2 or random.random() >= SHUFFLED:
        return text
    return SEPARATOR.join([title, *(fields[place] for place in random.permutation(len(fields)))])


def _slip(word: str, place: int, kind: int) -> str:
    before, letter, after = word[:place], word[place], word[place + 1 :]
    return (before + after, before + letter * 2 + after, before + after[:1] + letter + after[1:])[kind]


_WAYS: dict[Augmentation, Callable[[str, np.random.Generator], str]] = {
    "attribute_shuffle": shuffled_fields,  # first: it needs the separators whole
    "word_dropout": without_words,
    "spelling": misspelt,
}
