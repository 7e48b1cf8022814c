"""What the machine code finds of words in items, beside the index read word by word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.lexical.index import LexicalIndex, lexical_index
from endcap.strategies.lexical.matching import _single, matched
from endcap.strategies.lexical.plan import Option, Slot
from endcap.strategies.lexical.words import Kind


@pytest.fixture(scope="module")
def index(searchable: Bundle) -> LexicalIndex:
    return lexical_index(searchable)


def plainly(slots: list[Slot], index: LexicalIndex, items: Array) -> Array:
    best = np.zeros((len(slots), len(items), 1 + len(index.fields)), np.float32)
    for row, slot in enumerate(slots):
        for option in slot.options:
            worth = np.stack([index.among(word, items) for word in option.words])
            worth = np.where((worth > 0).all(axis=0), worth.sum(axis=0), 0.0)
            best[row] = np.maximum(best[row], np.float32(option.weight) * worth)
    return best


@settings(deadline=None)
@given(st.data())
def test_every_slot_is_worth_its_best_option(index: LexicalIndex, data: st.DataObject) -> None:
    word = st.integers(0, len(index.vocabulary) - 1)
    option = st.builds(Option, st.lists(word, min_size=1, max_size=3).map(tuple), st.sampled_from([1.0, 0.8, 0.5]))
    options = st.lists(st.lists(option, max_size=3), min_size=1, max_size=5)
    slots = [Slot("", Kind.WORD, tuple(each), 1.0) for each in data.draw(options)]
    items = np.array(data.draw(st.lists(st.integers(0, index.size - 1), unique=True, max_size=20)), np.int32)
    np.testing.assert_allclose(matched(slots, index, items), plainly(slots, index, items), rtol=1e-6)


def test_the_index_has_words_of_many_items_to_try(index: LexicalIndex) -> None:
    """Or the test above would look for next to nothing."""
    assert np.diff(index.offsets).max() >= 3
    assert index.by_field.max() > 0


def test_halves_are_read_as_numpy_reads_them() -> None:
    bits = np.arange(np.float16(np.inf).view(np.uint16), dtype=np.uint16)
    assert [float(_single(int(each))) for each in bits] == bits.view(np.float16).tolist()
