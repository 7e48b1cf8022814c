"""Known words one slip away from an unknown one: a letter left out, added, changed, or swapped with its neighbour.

Symmetric deletes (Garbe, SymSpell, 2012): two words one slip apart share a form with at most one letter deleted from
each. Training keeps the forms' hashes sorted; a look-up hashes as many forms as the word has letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from endcap.bundle.arrays import Int32Array, UInt64Array, take_array
from endcap.bundle.ids import hash_ids
from endcap.bundle.strings import StringTable

SHORTEST = 3
"""Of shorter words every other is one slip away."""


@dataclass(frozen=True, eq=False)
class Spelling:
    vocabulary: StringTable
    hashes: UInt64Array
    """uint64[m], sorted: of every form of every word."""
    words: Int32Array
    """int32[m]: whose form it is, a number in the vocabulary."""

    @staticmethod
    def of(vocabulary: StringTable) -> Spelling:
        owners, forms = [], []
        for number, word in enumerate(vocabulary):
            if can_slip(word):
                for form in _forms(word):
                    owners.append(number)
                    forms.append(form.encode())
        hashes = hash_ids(forms)
        order = np.argsort(hashes, kind="stable")
        return Spelling(vocabulary, hashes[order], np.array(owners, np.int32)[order])

    @staticmethod
    def from_arrays(arrays: Mapping[str, npt.NDArray[Any]], vocabulary: StringTable) -> Spelling:
        hashes = take_array(arrays, "spelling.hashes", np.uint64)
        return Spelling(vocabulary, hashes, take_array(arrays, "spelling.words", np.int32))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"spelling.hashes": self.hashes, "spelling.words": self.words}

    def near(self, word: str) -> list[int]:
        """Numbers of the words exactly one slip away from ``word``, ascending."""
        if not can_slip(word):
            return []
        hashes = hash_ids([form.encode(errors="surrogatepass") for form in _forms(word)])
        starts, ends = (np.searchsorted(self.hashes, hashes, side) for side in ("left", "right"))
        found = {int(n) for start, end in zip(starts, ends, strict=True) for n in self.words[start:end]}
        return sorted(number for number in found if one_slip(word, self.vocabulary[number]))


def can_slip(word: str) -> bool:
    """Whether a slip in ``word`` is looked for: it has letters, of a script in which words are longer than two."""
    return len(word) >= SHORTEST and any(map(str.isalpha, word))


def one_slip(one: str, other: str) -> bool:
    """Whether the Damerau-Levenshtein distance (Damerau, CACM 1964) is exactly 1."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    if len(one) != len(other):
        return one[1:] == other or one == other[1:]
    return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])


def _forms(word: str) -> Sequence[str]:
    return list(dict.fromkeys(_with_one_less(word)))


def _with_one_less(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
