"""What the text models read of an item: one text each, numbered so that each distinct one is embedded once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from endcap.bundle.columns import Column
from endcap.bundle.events import Array

Words = Sequence[Sequence[str]]
"""The texts that one field has for each item; none where it has nothing to say."""


def words_of(column: Column) -> Words:
    """Numbers say nothing to a text model, and neither do codes without a letter."""
    values = (column.value(row) for row in range(len(column)))
    return [[text for text in _texts(value) if any(map(str.isalpha, text))] for value in values]


def number_texts(fields: Iterable[Words]) -> tuple[list[str], Array]:
    """The distinct texts, and int32[n]: the number of each item's. What a text already says is not said again."""
    numbers: dict[str, int] = {}
    rows = zip(*fields, strict=True)
    codes = [numbers.setdefault(_joined(chain.from_iterable(row)), len(numbers)) for row in rows]
    return list(numbers), np.array(codes, np.int32)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()


def _joined(parts: Iterable[str]) -> str:
    text = ""
    for part in parts:
        if part.casefold() not in text.casefold():
            text = f"{text}. {part}" if text else part
    return text
