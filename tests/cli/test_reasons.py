from __future__ import annotations

import math

import pytest

from endcap.cli._reasons import GENERAL, OWN, words
from endcap.strategies.contract import ReasonCode as Code
from endcap.v1 import ranking_pb2 as pb

NAN = math.nan
TITLES = {"i1": "Ground coffee 12 oz"}


def _reason(code: str, feature: str = "", value: float = NAN, item: str = "", attribute: str = "") -> pb.Reason:
    number = pb.ReasonCode.Value(f"REASON_CODE_{code}")
    return pb.Reason(code=number, feature=feature, value=value, item_id=item, attribute=attribute)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (_reason("BOUGHT_BEFORE", "shopper_item.count", 1), "bought once"),
        (_reason("BOUGHT_BEFORE", "shopper_item.count", 2), "bought twice"),
        (_reason("BOUGHT_BEFORE", "shopper_item.count", 12), "bought 12 times"),
        (_reason("BOUGHT_BEFORE", "shopper_item.count_28d", 3), "bought 3 times in 28 days"),
        (_reason("BOUGHT_BEFORE", "shopper_item.days_since_last", 6.2), "last time 6 days ago"),
        (_reason("BOUGHT_BEFORE", "shopper_item.days_since_last", 0.2), "last time today"),
        (_reason("BOUGHT_BEFORE", "shopper_item.days_since_last", 1.4), "last time yesterday"),
        (_reason("BOUGHT_BEFORE", "shopper_item.share_of_trips", 0.4), "on 40% of the trips"),
        (_reason("BOUGHT_BEFORE", "shopper_item.trips_since_last", 0), "on the last trip"),
        (_reason("BOUGHT_BEFORE", "shopper_item.trips_since_last", 3), "last time 4 trips ago"),
        (_reason("BOUGHT_BEFORE", "shopper_item.session_weight", 1), "in this session"),
        (_reason("BOUGHT_BEFORE", "shopper_title.count", 5), "its kind: bought 5 times"),
        (_reason("DUE_AGAIN", "shopper_item.gap_days", 9.4), "bought every 9 days"),
        (_reason("DUE_AGAIN", "shopper_item.due", 1.25), "due by its rhythm: 1.2 usual gaps since the last time"),
        (_reason("FAVOURITE_BRAND", "shopper_brand.count_84d", 4), "its brand: bought 4 times in 84 days"),
        (
            _reason("FAVOURITE_CATEGORY", "shopper_category.share_of_recent_trips", 0.5),
            "its category: on 50% of the last trips",
        ),
        (_reason("FAVOURITE_CATEGORY", "shopper_department.count", 40), "its department: bought 40 times"),
        (_reason("SHOPPERS_LIKE_YOU", "als.rank", 3), "number 3 among shoppers of like taste"),
        (_reason("SHOPPERS_LIKE_YOU", "als.similarity", 0.4), "chosen by shoppers of like taste"),
        (_reason("SHOPPERS_LIKE_YOU", "als.place", 0.0), "in the top 1% for shoppers of like taste"),
        (_reason("SHOPPERS_LIKE_YOU", "neighbours.rank", 2), "number 2 of what shoppers of like taste bought lately"),
        (
            _reason("SHOPPERS_LIKE_YOU", "neighbours.votes_28d", 0.314),
            "bought by 31% of shoppers of like taste in 28 days",
        ),
        (_reason("SHOPPERS_LIKE_YOU", "ease.similarity", 0.1), "chosen by shoppers of like taste"),
        (_reason("OFTEN_BOUGHT_WITH", "covisit.similarity_30d", 0.2, item="i1"), "goes with Ground coffee 12 oz"),
        (_reason("OFTEN_BOUGHT_WITH", "covisit.similarity_30d", 0.2, item="i2"), "goes with i2"),
        (_reason("OFTEN_BOUGHT_WITH", "covisit.score", 0.2), "goes with what was chosen"),
        (_reason("POPULAR", "item.buyers", 1412), "bought by 1,412 shoppers"),
        (_reason("POPULAR", "popular.rank", 7), "number 7 of what everyone buys"),
        (_reason("TRENDING", "item.trend", math.log(1.5)), "sells 1.5 times what it did before"),
        (_reason("MATCHES_QUERY", "text.query_cosine", 0.7123), "answers the search (likeness 0.71)"),
        (_reason("SIMILAR_CONTENT", "text.rank", 2), "number 2 by its text"),
        (_reason("MATCHES_QUERY", "lexical.rank", 1), "number 1 by its words"),
        (_reason("MATCHES_QUERY", "query.coverage", 0.5), "has 50% of what the search says"),
        (_reason("MATCHES_QUERY", "query.brand", 1.0), "of the brand that was asked for"),
        (
            _reason("PRICE_FITS", "price.ratio_to_usual", 1.1),
            "1.1 times what this shopper usually pays in its category",
        ),
        (_reason("PRICE_FITS", "price.rank_gap", -0.2), "cheaper in its category than this shopper's usual choice"),
        (_reason("PRICE_FITS", "price.rank", 0.69), "dearer than 69% of its category"),
        (_reason("ON_PROMOTION", "period.mailer.ahead", 0.5), "on promotion (mailer in the coming weeks)"),
        (_reason("PROMOTED_BY_REQUEST", "request.boost", 2.0), "raised by the request"),
        (
            _reason("PROMOTED_BY_REQUEST", "request.boost", 2.0, attribute='brand = "A"'),
            'raised by the request: brand = "A"',
        ),
        (_reason("OTHER", "weather.rain_mm", 3.0), "something else"),
    ],
)
def test_a_reason_reads_as_plain_english(reason: pb.Reason, said: str) -> None:
    assert words(reason, TITLES) == said


@pytest.mark.parametrize(
    ("feature", "value"), [("shopper_item.count", 0.0), ("shopper_item.share_of_trips", NAN), ("no.such_feature", 3.0)]
)
def test_where_the_evidence_says_nothing_the_kind_of_reason_is_told(feature: str, value: float) -> None:
    assert words(_reason("BOUGHT_BEFORE", feature, value), {}) == GENERAL["BOUGHT_BEFORE"]


def test_features_make_the_evidence_whole() -> None:
    facts = {"shopper_item.count": 12.0, "shopper_item.days_since_last": 6.0, "shopper_item.gap_days": 8.8}
    bought = _reason("BOUGHT_BEFORE", "shopper_item.weight_30d", 2.5)
    due = _reason("DUE_AGAIN", "shopper_item.due", 0.9)
    again = _reason("BOUGHT_BEFORE", "repeat.rank", 2)
    kind = _reason("FAVOURITE_BRAND", "shopper_brand.share_of_trips", 0.2)
    brand = {"shopper_brand.count": 40.0, "shopper_brand.days_since_last": 0.5}
    assert words(bought, {}, facts) == words(again, {}, facts) == "bought 12 times, last 6 days ago"
    assert words(due, {}, facts) == "usually every 9 days"
    assert words(kind, {}, facts | brand) == "its brand: bought 40 times, last today"


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_words_even_where_the_evidence_is_missing(code: Code) -> None:
    assert words(_reason(code.value, "plugin.feature"), {}).startswith(GENERAL[code.value])


def test_every_feature_of_the_ready_made_hydrators_is_worded() -> None:
    from endcap.cli._reasons import _OWN_SAID
    from endcap.strategies.hydrate.groups import GROUP_FEATURES
    from endcap.strategies.hydrate.shopper_groups import GROUP_REASONS, WITHIN_GROUP

    assert {*GROUP_FEATURES, *WITHIN_GROUP, "session_weight"} == set(_OWN_SAID)
    assert {f"shopper_{name}" for name in GROUP_REASONS} <= OWN.keys()
