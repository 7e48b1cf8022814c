"""From texts, nearest first, to the items that have them."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.text.space import _mark, _pick_items

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=20)


@given(
    COUNTS, st.randoms(use_true_random=False), st.integers(1, 4), st.integers(0, 40), st.sampled_from([None, 0.5, 0])
)
def test_each_text_gives_its_first_allowed_items(
    counts: list[int], random: Random, per_text: int, limit: int, share: float | None
) -> None:
    offsets = np.cumsum([0, *counts]).astype(np.int64)
    items, texts = np.arange(offsets[-1])[::-1].astype(np.int32), [*range(len(counts))]
    random.shuffle(texts)
    allowed = [share is None or random.random() < share for _ in items]
    mask = np.empty(0, np.bool_) if share is None else np.array(allowed, np.bool_)
    expected = [
        (item, place)
        for place, text in enumerate(texts)
        for item in [item for item in items[offsets[text] : offsets[text + 1]].tolist() if allowed[item]][:per_text]
    ][:limit]
    picked, scores = np.empty(limit, np.int32), np.empty(limit, np.float32)
    places = np.arange(len(texts), dtype=np.float32)
    count = _pick_items(np.array(texts, np.int32), places, offsets, items, mask, per_text, picked, scores)
    assert list(zip(picked[:count].tolist(), scores[:count].tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 9), max_size=60), st.randoms(use_true_random=False), st.floats(0, 1))
def test_a_text_is_allowed_where_one_of_its_items_is(owners: list[int], random: Random, share: float) -> None:
    texts = np.array(owners, np.int32)
    allowed = np.array([random.random() < share for _ in owners], np.bool_)
    marked = np.zeros(10, np.bool_)
    _mark(texts, allowed, marked)
    assert np.flatnonzero(marked).tolist() == sorted(set(texts[allowed].tolist()))
