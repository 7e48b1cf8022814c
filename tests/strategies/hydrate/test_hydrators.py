"""What single hydrators say of shoppers small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.anchors import Anchors
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.item_stats import ItemStats, ItemStatsConfig
from endcap.strategies.hydrate.price import Price, PriceConfig
from endcap.strategies.hydrate.shopper import Shopper, ShopperConfig
from endcap.strategies.hydrate.shopper_groups import ShopperGroups, ShopperGroupsConfig
from endcap.strategies.hydrate.shopper_item import ShopperItem, ShopperItemConfig
from endcap.strategies.hydrate.similarity import (
    AlsSimilarity,
    AlsSimilarityConfig,
    CovisitSimilarity,
    CovisitSimilarityConfig,
    with_places,
)
from endcap.strategies.recall.als import Factors
from endcap.strategies.recall.covisit import Neighbours
from endcap.strategies.testing import made, tiny_bundle

from ..fakes import NOW, events_of

DAY = 86_400
NOBODY = Query(now=NOW)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


def say(hydrator: Any, query: Query, items: list[int]) -> list[dict[str, float]]:
    """For each item what the hydrator says, by the features' names after the point."""
    values = hydrator.hydrate(query, Candidates(np.array(items, np.int32)))
    names = [feature.name for feature in hydrator.provides]
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def test_an_items_session_weight_sums_this_requests_own_events_only(bundle: Bundle) -> None:
    query = replace(NOBODY, history=events_of((1, DAY)), session=events_of((1, 60), (2, 50), (1, 40), weight=0.25))
    one, two, three = say(ShopperItem(ShopperItemConfig(), bundle), query, [1, 2, 3])
    assert [each["shopper_item.session_weight"] for each in (one, two, three)] == [0.5, 0.25, 0]
    assert one["shopper_item.count"] == 3


def test_a_shopper_is_summed_up(bundle: Bundle) -> None:
    rows = [(1, 40 * DAY), (2, 40 * DAY), (1, 20 * DAY), (1, 10 * DAY)]
    history = replace(events_of(*rows), values=np.array([1, 2, np.nan, 6], np.float32))
    query = replace(NOBODY, history=history, session=events_of((9, 5 * DAY)))
    said, same = say(Shopper(ShopperConfig(), bundle), query, [7, 8])
    assert same == said
    assert said == pytest.approx(
        {
            "shopper.trips": 4,
            "shopper.trips_28d": 3,
            "shopper.days_since_last_trip": 5,
            "shopper.trip_gap_days": 35 / 3,
            "shopper.tenure_days": 40,
            "shopper.items_a_trip": 5 / 4,
            "shopper.distinct_items": 3,
            "shopper.repeat_share": 2 / 5,
            "shopper.value_an_item": 3,
            "shopper.session_events": 1,
        },
        rel=1e-5,
    )


def test_a_shopper_of_two_trips_has_a_gap_and_of_one_none(bundle: Bundle) -> None:
    (two,) = say(Shopper(ShopperConfig(), bundle), replace(NOBODY, history=events_of((1, 28 * DAY), (1, 8 * DAY))), [1])
    assert (two["shopper.trip_gap_days"], two["shopper.trips_28d"]) == (20, 2)
    (one,) = say(Shopper(ShopperConfig(), bundle), replace(NOBODY, history=events_of((1, 29 * DAY))), [1])
    assert np.isnan(one["shopper.trip_gap_days"])
    assert one["shopper.trips_28d"] == 0


def test_of_a_guest_nothing_is_known_but_that_nothing_happened(bundle: Bundle) -> None:
    (said,) = say(Shopper(ShopperConfig(), bundle), NOBODY, [7])
    assert {name for name, value in said.items() if value == 0} == {
        "shopper.trips",
        "shopper.trips_28d",
        "shopper.items_a_trip",
        "shopper.distinct_items",
        "shopper.session_events",
    }
    assert np.isnan([value for value in said.values() if value != 0]).all()


def test_a_shoppers_groups_count_over_all_items_of_the_group(bundle: Bundle) -> None:
    category = bundle.catalog.groups["category"]
    tea, bread = np.flatnonzero(category == category[0]), np.flatnonzero(category == category[1])
    query = replace(NOBODY, history=events_of((tea[0], 9 * DAY), (tea[1], 5 * DAY), (tea[1], DAY)))
    hydrator = ShopperGroups(ShopperGroupsConfig(groups=("category",)), bundle)
    first, second, third, other = say(hydrator, query, [tea[0], tea[1], tea[2], bread[0]])
    assert [each["shopper_category.count"] for each in (first, second, third, other)] == [3, 3, 3, 0]
    shares = [each["shopper_category.item_share"] for each in (first, second, third, other)]
    assert shares == pytest.approx([1 / 3, 2 / 3, 0, np.nan], nan_ok=True)


def test_an_item_of_no_group_shares_nothing_with_others_of_none(bundle: Bundle) -> None:
    unknown = np.flatnonzero(bundle.catalog.groups["brand"] < 0)
    query = replace(NOBODY, history=events_of((unknown[0], DAY)))
    same, other = say(ShopperGroups(ShopperGroupsConfig(groups=("brand",)), bundle), query, unknown[:2].tolist())
    assert same["shopper_brand.count"] == other["shopper_brand.count"] == 0
    assert np.isnan(same["shopper_brand.item_share"])


class Priced:
    """A bundle of which only prices and categories matter."""

    def __init__(self, prices: list[float], ranks: list[float], categories: list[int]) -> None:
        self.arrays = {"price": np.array(prices, np.float32), "price_rank": np.array(ranks, np.float32)}
        self.groups = {"category": np.array(categories, np.int32)}
        self.catalog = self

    def part(self, name: str) -> Priced:
        return self

    def array(self, name: str) -> Array:
        return self.arrays[name]


def test_a_price_is_set_against_what_the_shopper_pays_in_its_category() -> None:
    bundle: Any = Priced([2, 4, 8, np.nan, 3, 5], [0, 0.5, 1, np.nan, 0.2, np.nan], [0, 0, 0, 0, 1, -1])
    query = replace(NOBODY, history=events_of((0, DAY), (2, DAY), (2, DAY), (3, DAY)))
    said = say(Price(PriceConfig(), bundle), query, [0, 1, 2, 3, 4, 5])
    assert [each["price.ratio_to_usual"] for each in said] == pytest.approx(
        [2 / 6, 4 / 6, 8 / 6, np.nan, np.nan, np.nan], nan_ok=True
    )
    usual = (0 + 1 + 1) / 3
    assert [each["price.rank_gap"] for each in said] == pytest.approx(
        [0 - usual, 0.5 - usual, 1 - usual, np.nan, 0.2 - usual, np.nan], nan_ok=True
    )
    assert np.isnan([each["price.rank_gap"] for each in say(Price(PriceConfig(), bundle), NOBODY, [0, 1])]).all()


def test_what_cost_nothing_has_no_ratio() -> None:
    bundle: Any = Priced([0, 4], [0, 1], [0, 0])
    (said,) = say(Price(PriceConfig(), bundle), replace(NOBODY, history=events_of((0, DAY))), [1])
    assert np.isnan(said["price.ratio_to_usual"])


def test_item_statistics_are_the_bundles_own(bundle: Bundle) -> None:
    part = bundle.part("items")
    said = say(ItemStats(ItemStatsConfig(), bundle), NOBODY, [5, 1])
    for each, item in zip(said, [5, 1], strict=True):
        np.testing.assert_array_equal(list(each.values()), part.array("stats")[item].tolist())
    assert list(said[0]) == [f"item.{name}" for name in part.json("stats")]


def test_likeness_to_a_shopper_is_the_product_of_factors_and_places_go_by_it(bundle: Bundle) -> None:
    query = replace(NOBODY, history=events_of((3, DAY), (8, DAY)))
    said = say(AlsSimilarity(AlsSimilarityConfig(), bundle), query, [2, 3, 8, 20])
    factors = Factors(bundle)
    expected = factors.items[[2, 3, 8, 20]] @ factors.fold_in(query)
    np.testing.assert_allclose([each["als.similarity"] for each in said], expected, rtol=1e-5)
    places = sorted(range(4), key=lambda place: -expected[place])
    assert [each["als.place"] for each in said] == [places.index(place) / 4 for place in range(4)]


def test_what_goes_together_is_the_mean_over_what_the_shopper_chose(bundle: Bundle) -> None:
    near = Neighbours(bundle)
    query = replace(NOBODY, seeds=np.array([3, 8], np.int32))
    hydrator = CovisitSimilarity(CovisitSimilarityConfig.model_validate({"half_lives_days": [3.0]}), bundle)
    said = say(hydrator, query, list(range(made.ITEMS)))
    for item, each in enumerate(said):
        expected = sum(near.similarities[anchor][near.items[anchor] == item].sum() for anchor in (3, 8)) / 2
        assert each["covisit.similarity_3d"] == pytest.approx(expected, abs=1e-6)


def test_the_evidence_of_what_goes_together_is_the_anchor_that_speaks_most_for_it(bundle: Bundle) -> None:
    near = Neighbours(bundle)
    start = Anchors(np.array([3, 8], np.int32), np.array([1.0, 0.5], np.float32))
    items = np.arange(made.ITEMS, dtype=np.int32)
    for item, found in zip(items, near.strongest_anchor(start, items), strict=True):
        say_of = {
            anchor: weight * near.similarities[anchor][near.items[anchor] == item].sum()
            for anchor, weight in ((3, 1.0), (8, 0.5))
        }
        best = max(say_of, key=lambda anchor: say_of[anchor])
        assert found == (best if say_of[best] > 0 else -1)


def test_with_nobody_to_compare_likeness_is_unknown(bundle: Bundle) -> None:
    covisit = CovisitSimilarity(CovisitSimilarityConfig.model_validate({}), bundle)
    for hydrator in (AlsSimilarity(AlsSimilarityConfig(), bundle), covisit):
        assert np.isnan([list(each.values()) for each in say(hydrator, NOBODY, [1, 2])]).all()


@given(st.lists(st.sampled_from([-np.inf, -2.5, -1e-30, -0.0, 0.0, 1e-30, 0.5, 3.0, np.inf, np.nan]), max_size=30))
def test_places_run_from_the_best_at_zero_and_ties_keep_their_order(scores: list[float]) -> None:
    order = np.argsort(-np.array(scores), kind="stable")
    expected = np.empty(len(scores))
    expected[order] = np.arange(len(scores)) / max(len(scores), 1)
    single = np.array(scores, np.float32)
    np.testing.assert_allclose(with_places(single), np.column_stack([single, expected]), rtol=1e-6)
