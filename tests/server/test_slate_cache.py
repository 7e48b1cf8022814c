"""Slates given to more than one request, over the wire. The ready-made strategy "popular" allows it."""

from __future__ import annotations

from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import BatchRankRequest, RankContext, RankRequest, RankResponse
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import Live
from .test_shown import gained


def popular(locale: str, **fields: object) -> RankRequest:
    """A request of its test's own: its locale makes no difference but to the cache."""
    request = RankRequest(strategy="popular", user_id="u1", context=RankContext(locale=locale))
    request.MergeFrom(RankRequest(**fields))  # type: ignore[arg-type]
    return request


def from_cache(response: RankResponse) -> bool:
    return "cache" in {timing.stage for timing in response.timings}


def what_is_shared(response: RankResponse) -> RankResponse:
    copy = RankResponse()
    copy.CopyFrom(response)
    for field in ("request_id", "attribution_token", "missing_item_ids", "next_page_token", "timings"):
        copy.ClearField(field)
    return copy


def test_an_equal_request_gets_the_same_slate_under_its_own_name(ranking: RankingServiceStub) -> None:
    first = ranking.Rank(popular("a1", request_id="one"))
    second = ranking.Rank(popular("a1", request_id="two", user_id="u2", recent_events=[Event(item_id="gone")]))
    assert (from_cache(first), from_cache(second)) == (False, True)
    assert {timing.stage for timing in first.timings} >= {"recall", "score", "total"}
    assert what_is_shared(second) == what_is_shared(first)
    assert len(second.items) == 10
    assert (first.request_id, second.request_id) == ("one", "two")
    assert first.attribution_token != second.attribution_token
    assert (list(first.missing_item_ids), list(second.missing_item_ids)) == ([], ["gone"])


def test_a_slate_of_the_cache_goes_on_with_the_page_that_follows(ranking: RankingServiceStub) -> None:
    whole = [item.item_id for item in ranking.Rank(popular("b1")).items]
    for _ in range(2):
        first = ranking.Rank(popular("b1", page_size=4))
        second = ranking.Rank(popular("b1", page_size=4, page_token=first.next_page_token))
        assert [item.item_id for item in [*first.items, *second.items]] == whole[:8]
    assert from_cache(first)
    assert not from_cache(second)


def test_features_are_told_only_to_those_who_ask(ranking: RankingServiceStub) -> None:
    plain, explained = ranking.Rank(popular("c1")), ranking.Rank(popular("c1", explain=True))
    assert not from_cache(explained)
    assert (len(plain.items[0].features), len(explained.items[0].features) > 0) == (0, True)


def test_a_request_that_is_only_checked_gets_no_slate_though_there_is_one(ranking: RankingServiceStub) -> None:
    ranking.Rank(popular("d1"))
    assert not ranking.Rank(popular("d1", validate_only=True)).items


def test_a_strategy_whose_table_says_nothing_computes_every_slate(ranking: RankingServiceStub) -> None:
    same = RankRequest(strategy="steady", user_id="u1")
    assert [from_cache(ranking.Rank(same)) for _ in range(2)] == [False, False]


def test_a_batch_finds_slates_too(ranking: RankingServiceStub) -> None:
    requests = [popular("e1", request_id=str(number)) for number in range(5)]
    answers = list(ranking.BatchRank(BatchRankRequest(request=request) for request in requests))
    assert [answer.response.request_id for answer in answers] == [answer.request_id for answer in answers]
    assert [from_cache(answer.response) for answer in answers] == [False, True, True, True, True]


def test_hits_and_misses_are_counted(ranking: RankingServiceStub, live: Live) -> None:
    def thrice() -> None:
        for _ in range(3):
            ranking.Rank(popular("f1"))

    grown, name = gained(live, thrice, 3), "endcap_slate_cache_requests_total"
    found = [grown[f'{name}{{result="{result}",strategy="popular"}}'] for result in ("hit", "miss")]
    assert found == [2, 1]
