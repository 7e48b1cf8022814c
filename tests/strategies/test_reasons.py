from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Boost, Feature, Proof, Query, ReasonCode
from endcap.strategies.hydrate.price import Price, PriceConfig
from endcap.strategies.hydrate.shopper_item import ShopperItem, ShopperItemConfig
from endcap.strategies.merge import FUSED
from endcap.strategies.pipeline import execute
from endcap.strategies.reasons import Reason
from endcap.strategies.strategy import Strategy
from endcap.strategies.testing import Only

from .fakes import NOW, Proposing, Scoring, Telling, events_of, strategy_of

NOBODY = Query(now=NOW)
DAY = 86_400


def told(*features: Feature, **columns: list[float]) -> Strategy:
    """A strategy that proposes the items 0, 1, … and knows of each what ``columns`` say."""
    size = len(next(iter(columns.values())))
    values = np.array([columns[feature.name] for feature in features], np.float32).T
    facts = Telling(features, lambda items: values[items])
    return strategy_of({"a": Proposing(range(size))}, {"f": facts}, score=Scoring(tuple(columns)))


def reasons_of(strategy: Strategy, item: int, query: Query = NOBODY) -> tuple[Reason, ...]:
    slate = execute(strategy, query)
    assert not slate.run.degradations
    return slate.reasons[slate.items.tolist().index(item)]


def codes_of(strategy: Strategy, item: int, query: Query = NOBODY) -> list[str]:
    return [str(reason.code) for reason in reasons_of(strategy, item, query)]


def test_a_reason_sums_what_its_features_added_and_names_the_one_that_added_most() -> None:
    bought = ReasonCode.BOUGHT_BEFORE
    (reason,) = reasons_of(told(Feature("a", bought), Feature("b", bought), a=[1.0], b=[4.0]), 0)
    assert reason == Reason(bought, 5.0, "b", 4.0, -1)


def test_the_strongest_three_reasons_are_given_the_strongest_first() -> None:
    codes = [ReasonCode.POPULAR, ReasonCode.TRENDING, ReasonCode.PRICE_FITS, ReasonCode.FAVOURITE_BRAND]
    features = [Feature(name, code) for name, code in zip("abcd", codes, strict=True)]
    found = codes_of(told(*features, a=[2.0], b=[1.0], c=[4.0], d=[3.0]), 0)
    assert found == ["PRICE_FITS", "FAVOURITE_BRAND", "POPULAR"]


def test_what_lowers_a_score_is_no_reason_and_counts_against_its_own() -> None:
    strategy = told(
        Feature("up", ReasonCode.POPULAR),
        Feature("down", ReasonCode.POPULAR),
        Feature("less", ReasonCode.TRENDING),
        up=[3.0, 1.0],
        down=[-2.0, -2.0],
        less=[-1.0, -1.0],
    )
    (reason,) = reasons_of(strategy, 0)
    assert (reason.code, reason.contribution, reason.feature) == (ReasonCode.POPULAR, 1.0, "up")
    assert reasons_of(strategy, 1) == ()


def test_a_feature_that_means_nothing_to_a_shopper_gives_no_reason() -> None:
    assert reasons_of(told(Feature("trips"), trips=[5.0]), 0) == ()


class Liking(Scoring):
    """Moves every score up by 1 for each column, whatever the columns say."""

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        return np.ones((len(candidates), len(self.requires)), np.float32)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_reason_whose_evidence_is_not_there_is_not_given(value: float) -> None:
    strategy = told(Feature("count", ReasonCode.BOUGHT_BEFORE), count=[value])
    liking = replace(strategy, scorer=strategy.scorer._replace(component=Liking(("count",))))
    assert reasons_of(liking, 0) == ()


def test_a_proof_may_be_another_column_within_bounds() -> None:
    near = Proof("gap", -0.3, 0.3)
    strategy = told(
        Feature("rank", ReasonCode.PRICE_FITS, near), Feature("gap"), rank=[0.0, 0.5, 0.9], gap=[-0.2, -0.4, np.nan]
    )
    liking = replace(strategy, scorer=strategy.scorer._replace(component=Liking(("rank",))))
    assert [codes_of(liking, item) for item in range(3)] == [["PRICE_FITS"], [], []]


def test_contributions_that_are_not_numbers_count_as_nothing() -> None:
    class Unsure(Scoring):
        def contributions(self, query: Query, candidates: Candidates) -> Array:
            return np.array([[np.nan, 2.0]], np.float32)

    popular = ReasonCode.POPULAR
    strategy = told(Feature("a", popular), Feature("b", popular), a=[1.0], b=[1.0])
    (reason,) = reasons_of(replace(strategy, scorer=strategy.scorer._replace(component=Unsure(("a", "b")))), 0)
    assert (reason.contribution, reason.feature) == (2.0, "b")


def test_contributions_to_other_columns_than_the_scorer_reads_explain_nothing() -> None:
    class TooMany(Scoring):
        def contributions(self, query: Query, candidates: Candidates) -> Array:
            return np.ones((len(candidates), 3), np.float32)

    strategy = told(Feature("a", ReasonCode.POPULAR), a=[1.0])
    slate = execute(replace(strategy, scorer=strategy.scorer._replace(component=TooMany(("a",)))), NOBODY)
    assert slate.reasons == ((),)
    assert [each.stage for each in slate.run.degradations] == ["explain"]


def test_what_recall_proposed_speaks_for_its_sources_where_their_fusion_is_the_score() -> None:
    strategy = strategy_of(
        {"als": Proposing([1, 2], ReasonCode.SHOPPERS_LIKE_YOU), "repeat": Proposing([2], ReasonCode.BOUGHT_BEFORE)},
        score=Scoring((FUSED,)),
    )
    both, one = reasons_of(strategy, 2), reasons_of(strategy, 1)
    assert [(each.code.value, each.feature, each.value) for each in both] == [
        ("BOUGHT_BEFORE", "repeat.rank", 1.0),
        ("SHOPPERS_LIKE_YOU", "als.rank", 2.0),
    ]
    assert sum(each.contribution for each in both) == pytest.approx(1 / 61 + 1 / 62)
    assert [each.code.value for each in one] == ["SHOPPERS_LIKE_YOU"]


def test_a_boost_is_named_as_a_reason() -> None:
    strategy = strategy_of({"a": Proposing([1, 2])})
    query = replace(NOBODY, boosts=(Boost(Only(np.array([False, True, False])), 2.0),))
    assert "PROMOTED_BY_REQUEST" in codes_of(strategy, 1, query)
    assert "PROMOTED_BY_REQUEST" not in codes_of(strategy, 2, query)


def test_a_hydrator_can_name_the_item_that_a_reason_rests_on() -> None:
    class Pairing(Telling):
        def evidence(self, query: Query, items: Array) -> Array:
            return items + 100

    facts = Pairing((Feature("near", ReasonCode.OFTEN_BOUGHT_WITH),), lambda items: np.where(items == 2, 0.0, 1.0))
    other = Telling((Feature("sold", ReasonCode.POPULAR),), np.ones_like)
    strategy = strategy_of({"a": Proposing([1, 2])}, {"n": facts, "o": other}, score=Scoring(("near", "sold")))
    assert {reason.code.value: reason.item for reason in reasons_of(strategy, 1)} == {
        "OFTEN_BOUGHT_WITH": 101,
        "POPULAR": -1,
    }
    assert [reason.item for reason in reasons_of(strategy, 2)] == [-1]


@pytest.fixture
def repeating() -> Strategy:
    """Scores by what the shopper did with each of the items 1 and 2."""
    hydrator = ShopperItem(ShopperItemConfig(), None)  # type: ignore[arg-type]
    wanted = ("shopper_item.count", "shopper_item.weight_30d", "shopper_item.due")
    return strategy_of({"a": Proposing([1, 2])}, {"own": hydrator}, score=Scoring(wanted))


def test_without_the_purchases_of_an_item_it_was_not_bought_before(repeating: Strategy) -> None:
    rows = [(1, 40 * DAY), (2, 40 * DAY), (1, 20 * DAY), (2, 20 * DAY)]
    with_both = replace(NOBODY, history=events_of(*rows))
    without_two = replace(NOBODY, history=events_of(*[row for row in rows if row[0] != 2]))
    assert codes_of(repeating, 2, with_both) == ["BOUGHT_BEFORE", "DUE_AGAIN"]
    assert codes_of(repeating, 2, without_two) == []
    assert codes_of(repeating, 1, without_two) == codes_of(repeating, 1, with_both) == ["BOUGHT_BEFORE", "DUE_AGAIN"]


def test_to_have_looked_at_an_item_is_not_to_have_bought_it(repeating: Strategy) -> None:
    assert codes_of(repeating, 2, replace(NOBODY, history=events_of((2, DAY)))) == ["BOUGHT_BEFORE"]
    assert codes_of(repeating, 2, replace(NOBODY, session=events_of((2, 60), goal=False))) == []


def test_an_item_bought_yesterday_is_not_due_again(repeating: Strategy) -> None:
    rows = [(2, 41 * DAY), (2, 21 * DAY), (2, DAY)]
    assert codes_of(repeating, 2, replace(NOBODY, history=events_of(*rows))) == ["BOUGHT_BEFORE"]


@pytest.mark.parametrize(("price", "fits"), [(1.0, False), (3.0, True), (4.0, True), (5.0, True), (9.0, False)])
def test_a_price_fits_where_it_is_about_what_the_shopper_pays(price: float, fits: bool) -> None:
    prices, ranks = np.array([price, 4.0], np.float32), np.array([price / 10, 0.4], np.float32)
    bundle: Any = SimpleNamespace(
        part=lambda name: SimpleNamespace(array={"price": prices, "price_rank": ranks}.__getitem__),
        catalog=SimpleNamespace(groups={"category": np.zeros(2, np.int32)}),
    )
    wanted = ("price.rank", "price.ratio_to_usual")
    strategy = strategy_of({"a": Proposing([0])}, {"p": Price(PriceConfig(), bundle)}, score=Liking(wanted))
    assert codes_of(strategy, 0, replace(NOBODY, history=events_of((1, DAY)))) == (["PRICE_FITS"] if fits else [])
