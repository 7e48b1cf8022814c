from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.recall import longest
from endcap.strategies.recall.longest import Longest, added, by_length, roughly


def factors_like(random: np.random.Generator, count: int, width: int = 16) -> Array:
    """float32[count, width] of lengths as skewed as popularity is, and with a common direction, as factors have."""
    directions = random.normal(size=(count, width)) + 0.5
    lengths = random.pareto(1.5, count) / np.linalg.norm(directions, axis=1)
    return np.asarray(directions * lengths[:, None], np.float32)


def shelf(vectors: Array, items: Array, reach: float = 1.0) -> Longest:
    order, lengths = by_length(vectors)
    return Longest(items[order], vectors[order], lengths, reach)


def best_of_all(scores: Array, items: Array, limit: int, allowed: Array | None = None) -> Array:
    keep = scores > 0 if allowed is None else (scores > 0) & allowed[items]
    return items[keep][np.lexsort((items[keep], -scores[keep]))][:limit]


@pytest.fixture(autouse=True)
def few_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longest, "FIRST", 64)
    monkeypatch.setattr(longest, "HEAD", 16)
    monkeypatch.setattr(longest, "ROUGH", 1000)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    count=st.sampled_from([0, 1, 63, 64, 65, 3000]),
    limit=st.sampled_from([1, 20, 300]),
    share=st.sampled_from([None, 0.0, 0.002, 0.05, 0.5, 1.0]),
    corrected=st.booleans(),
)
def test_nothing_is_missed_where_no_cosine_is_ruled_out(
    seed: int, count: int, limit: int, share: float | None, corrected: bool
) -> None:
    random = np.random.default_rng(seed)
    vectors, items = factors_like(random, count), random.permutation(2 * count + 1)[:count].astype(np.int32)
    vector = random.normal(0.3, 1, 16).astype(np.float32)
    allowed = None if share is None else random.random(2 * count + 1) < share
    order, _ = by_length(vectors)
    extra = (random.pareto(1.0, count) - 1.0).astype(np.float32)
    found = shelf(vectors, items).search(vector, limit, allowed, plus=added(extra) if corrected else None).best
    scores = vectors[order].astype(np.float64) @ vector + (extra if corrected else 0.0)
    expected = best_of_all(scores, items[order], limit, allowed)
    known = dict(zip(items[order].tolist(), scores.tolist(), strict=True))
    assert len(np.unique(found.items)) == len(found.items) == len(expected)
    np.testing.assert_allclose(found.scores, [known[each] for each in expected.tolist()], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.scores, [known[each] for each in found.items.tolist()], rtol=1e-4, atol=1e-5)


@given(st.integers(0, 2**31), st.sampled_from([0, 1, 50]))
def test_a_rough_copy_is_off_by_half_a_step_at_most(seed: int, count: int) -> None:
    vectors = factors_like(np.random.default_rng(seed), count)
    vectors[::7] = 0.0
    multiples, steps = roughly(vectors)
    assert (np.abs(multiples * steps[:, None].astype(np.float64) - vectors) <= 0.5001 * steps[:, None]).all()


def test_only_a_part_of_a_large_catalog_is_looked_at() -> None:
    random = np.random.default_rng(1)
    vectors, items = factors_like(random, 20_000), np.arange(20_000, dtype=np.int32)
    vector = random.normal(0.3, 1, 16).astype(np.float32)
    whole, part = (shelf(vectors, items, reach).search(vector, 100) for reach in (1.0, 0.6))
    assert 64 < part.seen < whole.seen < 8000
    assert np.isin(whole.best.items, part.best.items).mean() > 0.9


def test_vectors_of_equal_length_are_all_looked_at() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(2000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = shelf(vectors, np.arange(2000, dtype=np.int32)).search(vectors[7], 10)
    assert found.seen == 2000
    assert found.best.items[0] == 7


def test_lengths_without_an_end_mean_that_all_are_looked_at() -> None:
    random = np.random.default_rng(3)
    vectors, items = factors_like(random, 3000), np.arange(3000, dtype=np.int32)
    unsorted = Longest(items, vectors, np.broadcast_to(np.float32(np.inf), 3000), 1.0)
    vector = random.normal(0.3, 1, 16).astype(np.float32)
    found = unsorted.search(vector, 50)
    assert found.seen == 3000
    assert found.best.items.tolist() == best_of_all(vectors @ vector, items, 50).tolist()


def test_what_scores_below_the_least_of_interest_is_not_looked_for() -> None:
    random = np.random.default_rng(4)
    vectors, items = factors_like(random, 3000), np.arange(3000, dtype=np.int32)
    vector = random.normal(0.3, 1, 16).astype(np.float32)
    all_scores = np.sort(vectors @ vector)[::-1]
    least = float(all_scores[4])
    found = shelf(vectors, items).search(vector, 300, least=least)
    assert found.seen < shelf(vectors, items).search(vector, 300).seen
    assert (found.best.scores >= least).sum() == 5


def test_a_length_is_no_lower_than_any_product_with_a_vector_of_length_one() -> None:
    vectors = factors_like(np.random.default_rng(5), 4000)
    order, lengths = by_length(vectors)
    units = vectors[order] / np.linalg.norm(vectors[order], axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", vectors[order], units) <= lengths).all()
    assert (np.diff(lengths) <= 0).all()
