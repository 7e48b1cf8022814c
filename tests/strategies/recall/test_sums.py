"""What the kernels of recall add up, against the same in plain NumPy, for models and shoppers drawn by lot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.anchors import Anchors
from endcap.strategies.contract import Query
from endcap.strategies.recall.als import folded_in
from endcap.strategies.recall.covisit import Neighbours
from endcap.strategies.recall.ease import LinearModel
from endcap.strategies.recall.kinds import KindsConfig, KindsRecall
from endcap.strategies.recall.neighbours import LikeShoppers, Near

ITEMS = 60
SEEDS = st.integers(0, 2**31)


class Parts:
    """A bundle of one part, whose arrays are made up."""

    def __init__(self, groups: dict[str, Array] | None = None, **arrays: Array) -> None:
        self.catalog, self.groups, self.arrays = self, groups, arrays
        self.opened: dict[str, Any] = {}

    def __len__(self) -> int:
        return ITEMS

    def part(self, name: str) -> Parts:
        return self

    def array(self, name: str) -> Array:
        return self.arrays[name.replace(".", "_")]

    def once(self, key: str, build: Any) -> Any:
        return self.opened.setdefault(key, build())


def chosen(random: np.random.Generator) -> Anchors:
    items = random.permutation(ITEMS)[: random.integers(0, ITEMS)].astype(np.int32)
    return Anchors(items, np.sort(random.random(len(items)).astype(np.float32) + 0.01)[::-1].copy())


def covisits(random: np.random.Generator) -> Neighbours:
    width = int(random.integers(1, 40))
    near = np.array([random.permutation(ITEMS)[:width] for _ in range(ITEMS)], np.int32)
    near[random.random(near.shape) < 0.3] = -1
    bundle: Any = Parts(neighbours=near, similarities=random.random(near.shape, np.float32) * (near >= 0))
    return Neighbours(bundle)


def similarities(near: Neighbours, start: Anchors) -> Array:
    """float64[ITEMS]: summed over the anchors."""
    expected = np.zeros(ITEMS)
    for anchor, weight in zip(start.items, start.weights, strict=True):
        known = near.items[anchor] >= 0
        expected[near.items[anchor][known]] += near.similarities[anchor][known] * np.float64(weight)
    return expected


@given(SEEDS)
def test_what_goes_with_several_items_is_the_sum_over_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    near, start = covisits(random), chosen(random)
    (items, sums), expected = near.around(start), similarities(near, start)
    assert len(np.unique(items)) == len(items)
    assert set(np.flatnonzero(expected)) <= set(items.tolist())
    np.testing.assert_allclose(sums, expected[items], rtol=1e-6)


@given(SEEDS)
def test_how_items_go_with_others_is_the_mean_over_these_and_unknown_where_there_are_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    near, start = covisits(random), chosen(random)
    items = random.permutation(ITEMS)[: random.integers(0, ITEMS)].astype(np.int32)
    found = np.full((len(items), 2), -1.0, np.float32)
    near.fill(start, items, 1, found)
    with np.errstate(invalid="ignore"):
        expected = similarities(near, start)[items] / start.weights.sum(dtype=np.float64)
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-6)
    assert (found[:, 0] == -1.0).all()


@given(SEEDS)
def test_a_linear_model_adds_up_the_weights_of_all_that_was_chosen(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = np.sort(random.permutation(ITEMS)[:40]).astype(np.int32)
    places = np.full(ITEMS, -1, np.int32)
    places[known] = np.arange(40)
    targets = np.array([random.permutation(40)[:17] for _ in known], np.int32)
    weights = random.normal(size=targets.shape).astype(np.float32)
    bundle: Any = Parts(items=known, places=places, targets=targets, weights=weights)
    model, seeds = LinearModel(bundle), chosen(random).items
    expected = np.zeros(40)
    for place in places[np.sort(seeds)]:
        if place >= 0:
            expected[targets[place]] += weights[place]
    scores = model.scores(Query(now=0, seeds=seeds))
    if scores is None:
        assert not np.isin(seeds, known).any()
        return
    np.testing.assert_allclose(scores, [expected, expected], rtol=1e-6, atol=1e-9)
    items = random.integers(0, ITEMS, 25).astype(np.int32)
    found = model.told(scores, items)
    told = np.where(places[items] >= 0, expected[places[items]], np.nan)
    np.testing.assert_allclose(found, np.column_stack([told, told]), rtol=1e-5, atol=1e-7)


@given(SEEDS)
def test_odds_add_up_over_the_kinds_that_an_item_is_of(seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    groups: dict[str, Array] = {}
    for name in ("title", "line"):
        group_of = random.integers(-1, 9, ITEMS).astype(np.int32)
        listed = np.flatnonzero((group_of >= 0) & (random.random(ITEMS) < 0.7)).astype(np.int32)
        listed = listed[np.argsort(group_of[listed], kind="stable")]
        groups[name] = group_of
        arrays |= {
            f"{name}_items": listed,
            f"{name}_offsets": np.searchsorted(group_of[listed], np.arange(10)),
            f"{name}_share": random.random(ITEMS, np.float32),
        }
    bundle: Any = Parts(groups, **arrays)
    seeds = np.sort(chosen(random).items)
    source = KindsRecall(KindsConfig.model_validate({"weights": {"title": 1.0, "line": 0.5}}), bundle)
    found = source.recall(Query(now=0, seeds=seeds), ITEMS)
    expected = np.zeros(ITEMS)
    for name, weight in (("title", 1.0), ("line", 0.5)):
        listed, group_of = arrays[f"{name}_items"], groups[name]
        leaning = np.bincount(group_of[seeds][group_of[seeds] >= 0], minlength=9) / max(len(seeds), 1)
        expected[listed] += weight * leaning[group_of[listed]] * arrays[f"{name}_share"][listed]
    assert sorted(found.items.tolist()) == np.flatnonzero(expected).tolist()
    np.testing.assert_allclose(found.scores, expected[found.items], rtol=1e-5)
    assert (np.diff(found.scores) <= 0).all()


@given(SEEDS)
def test_votes_are_counted_by_ring_and_nobody_has_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = random.permutation(ITEMS)[:25].astype(np.int32)
    places = np.full(ITEMS, -1, np.int32)
    places[known] = np.arange(25)
    each = [np.sort(random.permutation(3 * 25)[: random.integers(0, 40)]) for _ in range(12)]
    empty = np.empty(0, np.int32)
    bundle: Any = Parts(
        neighbours=np.full((1, 4), -1, np.int32), weights=np.zeros((1, 4), np.float32), rarity=empty, references=empty,
        posting_offsets=empty, posting_rows=empty, posting_values=empty, items=known, places=places,
        offsets=np.cumsum([0, *map(len, each)]), bought=np.concatenate(each).astype(np.int32),
    )  # fmt: skip
    shoppers = LikeShoppers(bundle)
    near = Near(random.integers(-1, 12, 6).astype(np.int32), random.random(6, np.float32))
    votes, expected = shoppers.count(near), np.zeros(3 * 25)
    for row, weight in zip(near.rows, near.weights, strict=True):
        if row >= 0:
            expected[each[row]] += weight
    np.testing.assert_allclose(votes.ravel(), expected, rtol=1e-5)
    items = random.permutation(ITEMS)[:30].astype(np.int32)
    told = np.where(places[items] >= 0, expected.reshape(3, 25).cumsum(axis=0)[:, places[items]], 0.0).T
    np.testing.assert_allclose(shoppers.shares(votes, items), told, rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from([1, 3, 16, 64, 70]), st.sampled_from([0, 1, 2, 9, 300]))
def test_folding_in_agrees_with_a_solver_for_any_matrix(seed: int, width: int, count: int) -> None:
    random = np.random.default_rng(seed)
    every = random.normal(0, 0.3, (500, width))
    gram = every.T @ every + 0.1 * np.eye(width)
    factors, confidence = random.normal(0, 0.3, (count, width)).astype(np.float32), 1.0 + 20.0 * random.random(count)
    left = gram + (factors.T.astype(np.float64) * (confidence - 1.0)) @ factors
    found = folded_in(gram, factors, confidence)
    expected = np.linalg.solve(left, confidence @ factors.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32


def test_who_met_nothing_is_folded_in_as_nobody() -> None:
    assert folded_in(np.eye(3), np.empty((0, 3), np.float32), np.empty(0)).tolist() == pytest.approx([0, 0, 0])
