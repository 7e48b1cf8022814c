"""The machine code of a search beside what NumPy says."""

from __future__ import annotations

from typing import Any, cast

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.registry import cpu_target

from endcap.bundle.events import Array
from endcap.strategies.text.nearest import compare, compare_best, highest, unpack
from endcap.strategies.text.scan import HIGHEST, LANES, estimated, fill_tables, summing, turn

OWN = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
EVERYTHING = np.empty(0, np.bool_)


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("feature", ["+avx512bw", "+avx2", "+ssse3", "+neon", "none of these"])
def test_every_width_of_vectors_adds_up_the_same(feature: str) -> None:
    if feature.startswith("+") and feature not in OWN:
        pytest.skip(f"this processor lacks {feature[1:]}")
    sum_up, compiled = summing([feature]), cast("Any", numba.njit)

    def run(codes: Array, start: int, tables: Array, sums: Array) -> None:
        sum_up(codes, start, tables, sums)

    random = np.random.default_rng(3)
    codes = random.integers(0, 256, (2, 37, LANES), np.uint8)
    tables, sums = random.integers(0, HIGHEST + 1, (2 * 37, 16), np.uint8), np.zeros(LANES, np.uint16)
    tables[:8] = HIGHEST
    compiled(run)(codes, 37 * LANES, tables, sums)
    halves = np.stack([codes[1] & 15, codes[1] >> 4], axis=1).reshape(-1, LANES)
    assert sums.tolist() == np.take_along_axis(tables.astype(int), halves.astype(int), axis=1).sum(axis=0).tolist()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 6), st.integers(0, 63))
def test_turning_keeps_lengths_and_angles(seed: int, rows: int, blocks: int, lacking: int) -> None:
    width = 64 * blocks
    vectors, signs = normal(seed, rows, width - lacking), np.sign(normal(seed + 1, width))
    turned = np.empty((rows, width), np.float32)
    turn(vectors, signs, turned)
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, rtol=1e-4, atol=1e-3)


def test_turning_spreads_what_stood_in_one_dimension() -> None:
    turned = np.empty((1, 128), np.float32)
    turn(np.eye(1, 128, dtype=np.float32), np.ones(128, np.float32), turned)
    np.testing.assert_allclose(np.abs(turned), 128**-0.5, rtol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 64, 384, 1024, 4096]), st.floats(-6, 6))
def test_sums_over_tables_are_products_with_signs(seed: int, size: int, scale: float) -> None:
    turned, bits = normal(seed, size) * np.float32(10.0**scale), normal(seed + 1, 20, size) > 0
    tables = np.empty((size // 4, 16), np.uint8)
    step, constant = fill_tables(turned, tables)
    assert tables.max() <= HIGHEST
    entries = bits.reshape(20, -1, 4) @ np.array([1, 2, 4, 8])
    sums = tables[np.arange(size // 4), entries].sum(axis=1, dtype=np.int64)
    assert sums.max() < 2**16
    products = np.where(bits, 1.0, -1.0) @ turned
    np.testing.assert_allclose((2 * sums + constant) * step, products, atol=0.51 * size * step)


def test_a_query_of_zeros_has_tables_too() -> None:
    tables = np.empty((16, 16), np.uint8)
    step, constant = fill_tables(np.zeros(64, np.float32), tables)
    assert (tables.max(), constant) == (0, 0)
    assert np.isfinite(step)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 70), st.floats(0, 1))
def test_estimates_are_those_of_signs_scales_and_offsets(seed: int, blocks: int, size: int, share: float) -> None:
    width, count = -(-size // 64) * 64, blocks * LANES - 5
    bits, scales, offsets = normal(seed, blocks * LANES, width) > 0, *normal(seed + 1, 2, blocks * LANES)
    centre, signs, vector = normal(seed + 2, size), np.sign(normal(seed + 3, width)), normal(seed + 4, size)
    codes = np.packbits(bits, axis=1, bitorder="little").reshape(blocks, LANES, -1).transpose(0, 2, 1).copy()
    allowed = np.random.default_rng(seed).random(count) < share
    turned = np.empty((1, width), np.float32)
    turn((vector - centre)[None], signs, turned)
    expected = np.where(bits, 1.0, -1.0) @ turned[0] * scales + offsets + (vector - centre) @ centre
    for mask in (EVERYTHING, allowed):
        found = estimated(codes, scales, offsets, centre, signs, vector, mask)
        out = np.flatnonzero(~mask)
        assert np.isneginf(found[out]).all()
        kept = np.setdiff1d(np.arange(len(found)), out)
        assert (np.abs(found - expected)[kept] <= 0.02 * np.abs(scales[kept]) * np.abs(turned).sum() + 1e-3).all()


def best(products: Array, rows: Array, limit: int) -> list[int]:
    """The rows of highest product, equal ones by number."""
    return [int(row) for row in rows[np.lexsort((rows, -products))][:limit]]


def unpacked(keys: Array, limit: int) -> tuple[Array, Array]:
    rows, products = np.empty(min(limit, len(keys)), np.int32), np.empty(min(limit, len(keys)), np.float32)
    unpack(np.sort(keys), rows, products)
    return rows, products


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 70), st.integers(1, 400), st.booleans())
def test_comparing_finds_the_highest_products_in_order(
    seed: int, count: int, size: int, limit: int, equal: bool
) -> None:
    vectors, vector = normal(seed, count, size), normal(seed + 1, size)
    if equal:  # few distinct products, all exact
        vectors, vector = np.round(vectors), np.round(vector)
    rows = np.flatnonzero(np.random.default_rng(seed).random(count) < 0.7).astype(np.int32)
    found, products = unpacked(compare(vectors, vector, limit, rows), limit)
    expected = vectors[found] @ vector
    np.testing.assert_allclose(products, expected, rtol=1e-4, atol=1e-4)
    if equal:
        assert found.tolist() == best(vectors[rows] @ vector, rows, limit)
    assert len(found) == min(limit, len(rows))
    assert (np.diff(products) <= 0).all()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 80), st.floats(0, 2), st.booleans())
def test_with_a_margin_as_wide_as_the_errors_nothing_is_missed(
    seed: int, blocks: int, limit: int, spread: float, equal: bool
) -> None:
    count = blocks * LANES - 3
    vectors, vector = normal(seed, count, 8), normal(seed + 1, 8)
    if equal:
        vectors = np.round(vectors)
    products = vectors @ vector
    errors = np.random.default_rng(seed).uniform(-spread, spread, count)
    estimates = np.full(blocks * LANES, -np.inf, np.float32)
    estimates[:count] = products + errors
    estimates[: count // 4] = -np.inf  # not allowed
    rows, found = unpacked(compare_best(vectors, vector, limit, estimates, spread + 1e-3, count), limit)
    assert rows.min() >= count // 4
    expected = np.sort(products[count // 4 :])[::-1][:limit]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_of_many_estimates_the_sample_that_leaves_most_out_leaves_enough() -> None:
    """Where all the high ones stand where nobody samples, too."""
    vectors, estimates = np.ones((64_000, 1), np.float32), np.zeros(64_000, np.float32)
    estimates[1::2] = 1.0
    vectors[1::2] = 2.0
    for limit in (1, 300, 20_000, 40_000):
        rows, _ = unpacked(compare_best(vectors, np.ones(1, np.float32), limit, estimates, 0.0, 64_000), limit)
        assert len(rows) == limit
        assert (rows[: min(limit, 32_000)] % 2 == 1).all()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 80), st.integers(1, 400))
def test_of_what_lies_within_the_margin_only_the_highest_estimates_are_compared(
    seed: int, blocks: int, limit: int, most: int
) -> None:
    count = blocks * LANES
    vectors, vector, estimates = normal(seed, count, 8), normal(seed + 1, 8), normal(seed + 2, count)
    rows, _ = unpacked(compare_best(vectors, vector, limit, estimates, 100.0, most), limit)
    compared = np.argsort(-estimates)[: max(most, limit + (limit + 1) // 2)]
    assert set(rows.tolist()) == set(best(vectors[compared] @ vector, compared, limit))


@given(st.lists(st.integers(-3, 6), max_size=200), st.integers(1, 40))
def test_the_highest_of_numbered_products_stand_by_number_where_they_are_equal(values: list[int], limit: int) -> None:
    products, rows = np.array(values, np.float32), np.random.default_rng(0).permutation(len(values)).astype(np.int32)
    keys = highest(products, rows, limit)
    keys.sort()
    found, best = np.empty(min(limit, len(keys)), np.int32), np.empty(min(limit, len(keys)), np.float32)
    unpack(keys, found, best)
    expected = sorted(zip(-products, rows, strict=True))[:limit]
    assert found.tolist() == [row for _, row in expected]
    assert best.tolist() == [-product for product, _ in expected]
