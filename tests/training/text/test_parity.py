from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.text import parity


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_equal_vectors_agree_in_everything() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(50, 8)))
    measured = parity.measure(vectors, vectors)
    assert (measured.cosine, measured.neighbour_overlap, measured.texts) == (1, 1, 50)
    assert parity.passes(measured)


def test_unrelated_vectors_fail_in_both() -> None:
    first, second = (unit(np.random.default_rng(seed).normal(size=(200, 16))) for seed in (0, 1))
    measured = parity.measure(first, second)
    assert abs(measured.cosine) < 0.1
    assert measured.neighbour_overlap < 0.2
    assert not parity.passes(measured)


def test_either_of_good_cosine_and_good_overlap_is_not_enough() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(300, 64)))
    turned = np.roll(vectors, 1, axis=1)  # a rotation keeps every neighbour and no vector
    assert parity.measure(vectors, turned).neighbour_overlap > 0.99
    assert not parity.passes(parity.measure(vectors, turned))
    crowded = unit(np.ones((300, 64)) + 0.1 * vectors)  # all alike, so that any noise reorders them
    noisy = unit(crowded + 0.1 / 8 * np.roll(vectors, 7, axis=0))
    assert parity.measure(crowded, noisy).cosine > 0.99
    assert not parity.passes(parity.measure(crowded, noisy))


def test_texts_that_the_model_cannot_tell_apart_do_not_count_against_it() -> None:
    same = np.tile(np.array([[1, 0]], np.float32), (30, 1))
    assert parity.measure(same, same).neighbour_overlap == 1


@given(st.lists(st.text(max_size=3), max_size=700))
def test_a_sample_is_of_distinct_texts_and_never_small_or_large(texts: list[str]) -> None:
    sample = parity.sample_texts(texts)
    assert len(sample) == len(set(sample))
    assert 100 <= len(sample) <= 500
    distinct = {text for text in texts if text.strip()}
    assert set(sample) <= distinct or distinct <= set(sample)
