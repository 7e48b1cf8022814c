"""From texts, nearest first, to the items that have them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.strategies.hydrate.query_context import _answer
from endcap.strategies.text.nearest import products_with, products_with_both
from endcap.strategies.text.space import _mark, _mean, _pick_items

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


@given(st.integers(0, 2**32), st.integers(0, 30), st.sampled_from([16, 33, 384]))
def test_products_with_two_vectors_are_those_with_each(seed: int, count: int, width: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(20, width)).astype(np.float32)
    text_of, items = random.integers(0, 20, 50, np.int32), random.integers(0, 50, count, np.int32)
    one, other = random.normal(size=(2, width)).astype(np.float32)
    each = [products_with(vectors, text_of, items, vector) for vector in (one, other)]
    np.testing.assert_array_equal(products_with_both(vectors, text_of, items, one, other), np.transpose(each))


@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([16, 33, 384]))
def test_a_mean_is_weighted_and_of_unit_length(seed: int, count: int, width: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(20, width)).astype(np.float32)
    text_of, items = random.integers(0, 20, 50, np.int32), random.integers(0, 50, count, np.int32)
    weights = random.uniform(0.1, 2, count).astype(np.float32)
    expected = weights @ vectors[text_of[items]]
    found = _mean(vectors, text_of, items, weights)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


def test_a_mean_of_nothing_is_nowhere() -> None:
    nothing = _mean(np.zeros((1, 16), np.float32), *np.zeros((2, 3), np.int32), np.ones(3, np.float32))
    assert nothing.tolist() == [0.0] * 16


@pytest.mark.parametrize("texts", [0, 1, 3, 9])
def test_what_answers_best_counts_more_the_nearer_it_is(texts: int) -> None:
    random = np.random.default_rng(texts)
    vectors, vector = random.normal(size=(9, 33)).astype(np.float32), random.normal(size=33).astype(np.float32)
    cosines = np.sort(random.uniform(0, 1, texts)).astype(np.float32)[::-1].copy()
    found = _answer(vectors, np.arange(texts, dtype=np.int32), cosines, 5, 10.0, vector)
    expected = np.exp(10 * cosines[:5]) @ vectors[: min(texts, 5)]
    expected = expected / np.linalg.norm(expected) if texts else vector
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
