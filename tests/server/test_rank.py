"""Rank in its five forms, over a live server."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import (
    DEGRADATION_REASON_FAILED,
    Boost,
    RankContext,
    RankedItem,
    RankOverride,
    RankRequest,
    RankResponse,
    RecallOverride,
)
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.tiny import DATA_END, DATA_START, DAY


def ids(response: RankResponse) -> list[str]:
    return [item.item_id for item in response.items]


def fact(item: RankedItem, name: str) -> float:
    return {feature.name: feature.value for feature in item.features}[f"facts.{name}"]


def at(seconds: int) -> RankContext:
    return RankContext(time=Timestamp(seconds=seconds))


def test_a_known_shopper_gets_a_slate_that_says_how_it_came_about(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(user_id="u1", request_id="r1", page_size=3, explain=True))
    assert ids(answer) == ["i10", "i11", "i12"]
    assert answer.request_id == "r1"
    assert answer.strategy == "steady"
    assert answer.bundle_version.startswith("tiny-")
    assert answer.attribution_token
    assert answer.candidate_count == 50
    assert {drop.filter: drop.dropped_count for drop in answer.filter_drops} == {"available": 1}
    first = answer.items[0]
    assert first.title == "Item 10"
    assert {source.source: source.rank for source in first.sources} == {"test_steady": 11, "popular": 1}
    assert (fact(first, "user"), fact(first, "history"), fact(first, "session")) == (1, 10, 0)
    stages = [timing.stage for timing in answer.timings]
    assert stages[0] == "recall"
    assert stages[-1] == "total"
    assert all(timing.duration_ms >= 0 for timing in answer.timings)


def test_a_shopper_never_seen_is_a_cold_start_and_no_error(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(user_id="nobody", page_size=1, explain=True))
    assert fact(answer.items[0], "user") == -1
    assert not answer.missing_item_ids


def test_a_search_is_answered(ranking: RankingServiceStub) -> None:
    assert len(ranking.Rank(RankRequest(query=" tea ")).items) == 20


def test_a_product_page_is_answered_and_unknown_seeds_are_named(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(seed_item_ids=["i1", "gone", "gone"], context=RankContext(page="product")))
    assert len(answer.items) == 20
    assert list(answer.missing_item_ids) == ["gone"]


def test_a_visitors_session_is_seen_oldest_first_and_never_later_than_now(ranking: RankingServiceStub) -> None:
    events = [
        Event(item_id="i3", event_type="view", time=Timestamp(seconds=DATA_END + 9 * DAY)),
        Event(item_id="gone", event_type="view"),
        Event(item_id="i4"),
    ]
    answer = ranking.Rank(RankRequest(visitor_id="v1", recent_events=events, explain=True, context=at(DATA_END)))
    assert list(answer.missing_item_ids) == ["gone"]
    seen = {item.item_id for item in answer.items if fact(item, "in_session")}
    assert seen == {"i3", "i4"}
    assert fact(answer.items[0], "session") == 2


def test_the_callers_own_list_is_ranked_and_nothing_else(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(candidate_item_ids=["i9", "gone", "i5", "i9", "i7"], user_id="u1"))
    assert sorted(ids(answer)) == ["i5", "i9"]  # i7 cannot be bought
    assert list(answer.missing_item_ids) == ["gone"]
    assert not answer.items[0].sources


def test_a_list_of_which_nothing_is_known_gives_an_empty_slate(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(candidate_item_ids=["gone"]))
    assert not answer.items
    assert list(answer.missing_item_ids) == ["gone"]


def test_a_request_that_names_its_time_sees_nothing_later(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(user_id="u1", explain=True, page_size=1, context=at(DATA_START + 35 * DAY)))
    assert (fact(answer.items[0], "now"), fact(answer.items[0], "history")) == (35, 4)


def test_the_clock_of_an_old_bundle_stands_at_the_end_of_its_data(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(user_id="u1", explain=True, page_size=1))
    assert fact(answer.items[0], "now") == pytest.approx((DATA_END - DATA_START) / DAY)


def test_filters_exclusions_and_boosts_shape_the_slate(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(
        RankRequest(
            user_id="u1",
            filter='price < 6 AND categories:"food"',
            excluded_item_ids=["i2", "gone"],
            boosts=[Boost(filter="price = 5", weight=10)],
        )
    )
    assert ids(answer) == ["i5", "i0", "i1", "i3", "i4"]
    assert not answer.missing_item_ids


def test_a_request_overrides_sources_and_scorer_for_itself(ranking: RankingServiceStub) -> None:
    override = RankOverride(recall=[RecallOverride(source="popular", limit=2)], scorer="by_source")
    answer = ranking.Rank(RankRequest(user_id="u1", override=override))
    assert ids(answer) == ["i10", "i11"]
    assert {source.source for item in answer.items for source in item.sources} == {"popular"}


def test_a_source_that_raises_costs_its_part_and_is_named_without_its_secrets(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(strategy="failing", user_id="u1"))
    assert len(answer.items) == 20
    assert [(each.stage, each.component, each.reason) for each in answer.degradations] == [
        ("recall", "test_failing", DEGRADATION_REASON_FAILED)
    ]
    assert "secret" not in answer.degradations[0].message


def test_validate_only_checks_everything_and_ranks_nothing(ranking: RankingServiceStub) -> None:
    answer = ranking.Rank(RankRequest(strategy="failing", seed_item_ids=["gone"], validate_only=True))
    assert (answer.strategy, list(answer.missing_item_ids)) == ("failing", ["gone"])
    assert not answer.items
    assert not answer.degradations


def test_features_come_only_where_they_are_asked_for(ranking: RankingServiceStub) -> None:
    assert not any(item.features for item in ranking.Rank(RankRequest(user_id="u1")).items)


def test_an_answer_without_request_id_gets_one_of_its_own(ranking: RankingServiceStub) -> None:
    first, second = (ranking.Rank(RankRequest(user_id="u1")).request_id for _ in range(2))
    assert first
    assert first != second


@pytest.mark.parametrize("strategy", ["steady", "shuffled"])
def test_pages_continue_one_another_without_gap_or_repetition(ranking: RankingServiceStub, strategy: str) -> None:
    whole = ids(ranking.Rank(RankRequest(user_id="u1", strategy=strategy, request_id="one", page_size=200)))
    request = RankRequest(user_id="u1", strategy=strategy, request_id="one", page_size=20)
    pages = []
    while True:
        answer = ranking.Rank(request)
        pages += ids(answer)
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
        request.request_id = "another"  # each call may have a name of its own
    assert pages == whole
    assert len(pages) == 49
