"""Endcap's own components keep the contracts that plugins are tested by."""

from __future__ import annotations

from typing import ClassVar

from endcap.strategies.filter.available import Available
from endcap.strategies.filter.request import Excluded, RequestFilter
from endcap.strategies.filter.unseen import Unseen
from endcap.strategies.hydrate.ease import EaseSimilarity
from endcap.strategies.hydrate.item_stats import ItemStats
from endcap.strategies.hydrate.kinds import KindOdds
from endcap.strategies.hydrate.neighbours import NeighbourVotes
from endcap.strategies.hydrate.periods import Periods
from endcap.strategies.hydrate.price import Price
from endcap.strategies.hydrate.shopper import Shopper
from endcap.strategies.hydrate.shopper_groups import ShopperGroups
from endcap.strategies.hydrate.shopper_item import ShopperItem
from endcap.strategies.hydrate.similarity import AlsSimilarity, CovisitSimilarity
from endcap.strategies.recall.als import AlsRecall
from endcap.strategies.recall.covisit import CovisitRecall
from endcap.strategies.recall.ease import EaseRecall
from endcap.strategies.recall.kinds import KindsRecall
from endcap.strategies.recall.neighbours import NeighboursRecall
from endcap.strategies.recall.popular import PopularRecall
from endcap.strategies.recall.profile import ProfileRecall
from endcap.strategies.recall.repeat import RepeatRecall
from endcap.strategies.score.baselines import BySource, PopularScorer, Shuffle
from endcap.strategies.score.linear import Linear
from endcap.strategies.select.mmr import Mmr
from endcap.strategies.select.top_k import TopK
from endcap.strategies.testing import (
    FilterContract,
    HydratorContract,
    RecallContract,
    ScorerContract,
    SelectorContract,
)


class TestAlsRecall(RecallContract):
    component = AlsRecall


class TestCovisitRecall(RecallContract):
    component = CovisitRecall
    parameters: ClassVar = {"half_life_days": 3.0, "most_anchors": 2}


class TestEaseRecall(RecallContract):
    component = EaseRecall


class TestEaseRecallOfWhatWasChosenLately(RecallContract):
    component = EaseRecall
    parameters: ClassVar = {"recent": True}


class TestEaseSimilarity(HydratorContract):
    component = EaseSimilarity


class TestKindsRecall(RecallContract):
    component = KindsRecall


class TestKindOdds(HydratorContract):
    component = KindOdds


class TestNeighboursRecall(RecallContract):
    component = NeighboursRecall


class TestNeighbourVotes(HydratorContract):
    component = NeighbourVotes


class TestPopularRecall(RecallContract):
    component = PopularRecall


class TestProfileRecall(RecallContract):
    component = ProfileRecall


class TestRepeatRecall(RecallContract):
    component = RepeatRecall
    parameters: ClassVar = {"half_life_days": 10.0}


class TestAlsSimilarity(HydratorContract):
    component = AlsSimilarity


class TestCovisitSimilarity(HydratorContract):
    component = CovisitSimilarity


class TestItemStats(HydratorContract):
    component = ItemStats


class TestPeriods(HydratorContract):
    component = Periods


class TestPrice(HydratorContract):
    component = Price


class TestShopper(HydratorContract):
    component = Shopper


class TestShopperGroups(HydratorContract):
    component = ShopperGroups


class TestShopperGroupsWithoutGroups(HydratorContract):
    component = ShopperGroups
    parameters: ClassVar = {"groups": ["colour"]}


class TestShopperItem(HydratorContract):
    component = ShopperItem


class TestAvailable(FilterContract):
    component = Available


class TestExcluded(FilterContract):
    component = Excluded


class TestRequestFilter(FilterContract):
    component = RequestFilter


class TestUnseen(FilterContract):
    component = Unseen
    parameters: ClassVar = {"days": 30}


class TestBySource(ScorerContract):
    component = BySource


class TestLinear(ScorerContract):
    component = Linear
    parameters: ClassVar = {"weights": {"first": 1.0, "second": -0.5}}


class TestPopularScorer(ScorerContract):
    component = PopularScorer


class TestShuffle(ScorerContract):
    component = Shuffle


class TestTopK(SelectorContract):
    component = TopK


class TestTopKOfEachTitle(SelectorContract):
    component = TopK
    parameters: ClassVar = {"collapse_titles": True}


class TestMmr(SelectorContract):
    component = Mmr


class TestMmrOfVariety(SelectorContract):
    component = Mmr
    parameters: ClassVar = {"diversity": 0.7, "collapse_titles": True, "head": 3}
