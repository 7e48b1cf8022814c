"""A text as the tokens that are indexed and searched, whatever language it is in.

Words of scripts with blanks are cut at the blanks, case-folded, stripped of accents and of an English plural s
(Harman, JASIS 1991: the "S" stemmer). Scripts without blanks become single characters and pairs of neighbours, as
Lucene's CJKBigramFilter does. ``XPS-13`` is also ``xps13``, ``16 GB`` is ``16gb``, ``24"`` is ``24inch``. Symbols such
as emoji are words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

LONGEST_WORD = 40
"""Longer runs without a blank (links, hashes) are cut here: nobody types them twice."""


class Kind(Enum):
    WORD = "word"
    PAIR = "pair"
    """Characters of a script without blanks."""
    UNIT = "unit"
    """A number with its unit, such as ``16gb``."""
    MODEL = "model"
    """Letters and digits together, such as ``tn2110``; also where they are parted by signs in the text."""


class Word(NamedTuple):
    """One word of a text, by the token that stands for it."""

    token: str
    kind: Kind
    parts: tuple[str, ...] = ()
    """What else the word could be written as: ``("tn", "2110")``; ``("24",)`` of a unit."""


_UNITS = {
    "inch": ("inch", "inches", "in", '"', "″", "”", "''", "zoll", "英寸", "寸"),
    "gb": ("gb", "gbyte", "gigabyte", "gigabytes", "go"),
    "tb": ("tb", "tbyte", "terabyte", "terabytes"),
    "mb": ("mb", "mbyte", "megabyte", "megabytes"),
    "ghz": ("ghz",),
    "mhz": ("mhz",),
    "hz": ("hz", "hertz"),
    "mah": ("mah",),
    "wh": ("wh",),
    "w": ("w", "watt", "watts"),
    "v": ("v", "volt", "volts"),
    "mm": ("mm", "毫米"),
    "cm": ("cm", "厘米"),
    "m": ("m", "meter", "meters", "metre", "metres", "米"),
    "ft": ("ft", "feet", "foot"),
    "mp": ("mp", "megapixel", "megapixels"),
    "dpi": ("dpi",),
    "ml": ("ml", "毫升"),
    "cl": ("cl",),
    "l": ("l", "liter", "liters", "litre", "litres", "升"),
    "mg": ("mg",),
    "g": ("g", "gr", "gram", "grams", "克"),
    "kg": ("kg", "kilo", "公斤"),
    "oz": ("oz", "ounce", "ounces"),
    "lb": ("lb", "lbs", "pound", "pounds"),
    "gal": ("gal", "gallon", "gallons"),
    "pack": ("pack", "packs", "pk"),
    "ct": ("ct", "count"),
    "pc": ("pc", "pcs", "piece", "pieces"),
}
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings}
_SPELLINGS = "|".join(re.escape(each) for each in sorted(_UNIT_OF, key=len, reverse=True))


def _ranges(*pairs: tuple[int, int]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in pairs)


_MARKS = "".join(re.escape(chr(code)) for code in range(0x300, 0x3000) if unicodedata.category(chr(code))[0] == "M")
_BLANKLESS = _ranges(
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SYMBOLS = _ranges((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))


def _pattern(whole: str, marks: str) -> re.Pattern[str]:
    """Of one token; ``whole`` is the class of letters and digits of scripts with blanks, ``marks`` what joins them."""
    letter = f"{whole}|{marks}" if marks else whole
    return re.compile(
        rf"(?<!{whole})(?P<number>\d+(?:[.,]\d+)?)[ -]?(?P<unit>{_SPELLINGS})(?!{whole})"
        rf"|(?P<decimal>\d+[.,]\d+(?!{whole}))"
        rf"|(?P<word>(?:{letter})+(?:[-./_+](?:{letter})+)*)(?:['’]s(?!{whole}))?"
        rf"|(?P<run>[{_BLANKLESS}]+)"
        rf"|(?P<symbol>[{_SYMBOLS}])"
    )


_ASCII_TOKEN = _pattern("[a-z0-9]", "")  # four times as fast as the other on what both can read
_TOKEN = _pattern(rf"[^\W_{_BLANKLESS}]", f"[{_MARKS}]")
_JOINTS = re.compile(r"[-./_+]")
_SEAMS = re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")
_LATIN_ACCENTS = re.compile("[\u0300-\u036f]")


def tokens(text: str) -> list[str]:
    """What an index keeps of ``text``, in its order: every word's token, followed by its parts."""
    return [token for word in words(text) for token in _indexed(word)]


def _indexed(word: Word) -> tuple[str, ...]:
    return (word.token, *(part for part in word.parts if part != word.token))


def words(text: str) -> list[Word]:
    """The words of ``text`` in its order."""
    return list(_words(normalised(text)))


def normalised(text: str) -> str:
    """Case-folded, in compatible characters (NFKC), without the accents that combine with Latin, Greek and Cyrillic."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.replace("″", '"').casefold())
    return unicodedata.normalize("NFKC", _LATIN_ACCENTS.sub("", folded))


def _words(text: str) -> Iterator[Word]:
    for match in (_ASCII_TOKEN if text.isascii() else _TOKEN).finditer(text):
        found = match["word"] or match[0]
        match match.lastgroup:
            case "word":
                yield from _of_word(found)
            case "run":
                yield from _of_run(found)
            case "decimal":
                yield Word(found.replace(",", "."), Kind.WORD)
            case "symbol":
                yield Word(found, Kind.WORD)
            case _:
                number = match["number"].replace(",", ".")
                yield Word(number + _UNIT_OF[match["unit"]], Kind.UNIT, (number,))


@lru_cache(65_536)
def _of_word(found: str) -> tuple[Word, ...]:
    """A word, or several that signs join: ``wi-fi``, ``tn-2110``, ``black/red``."""
    pieces = [piece[:LONGEST_WORD] for piece in _JOINTS.split(found)]
    joined = "".join(pieces)[:LONGEST_WORD]
    if has_digit(joined) and not joined.isdecimal():
        parts = tuple(part for piece in pieces for part in _SEAMS.split(piece)) if len(pieces) == 1 else tuple(pieces)
        return (Word(joined, Kind.MODEL, parts),)
    if len(pieces) == 1:
        return (Word(stemmed(joined), Kind.WORD),)
    return (*(Word(stemmed(piece), Kind.WORD) for piece in pieces), Word(stemmed(joined), Kind.WORD))


def _of_run(run: str) -> Iterator[Word]:
    """Single characters are indexed beside the pairs, as parts of the first of them."""
    if len(run) == 1:
        yield Word(run, Kind.PAIR)
        return
    for place in range(len(run) - 1):
        yield Word(run[place : place + 2], Kind.PAIR, (run[place], run[place + 1]) if not place else (run[place + 1],))


def has_digit(token: str) -> bool:
    return any(map(str.isdecimal, token))


def stemmed(word: str) -> str:
    """Without a plural s: ``batteries`` is ``battery``, ``cables`` is ``cable``, ``glass`` stays."""
    if len(word) < 4 or not word.isascii() or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ss", "us", "is")):
        return word
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1]
