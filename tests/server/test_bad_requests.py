"""What a request that cannot be answered gets, over a live server that goes on serving."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import grpc
import pytest

from endcap.v1.admin_pb2 import LoadBundleRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.catalog_pb2 import GetItemRequest
from endcap.v1.catalog_pb2_grpc import CatalogServiceStub
from endcap.v1.common_pb2 import Event
from endcap.v1.events_pb2 import RecordEventsRequest
from endcap.v1.events_pb2_grpc import EventServiceStub
from endcap.v1.ranking_pb2 import (
    Boost,
    ExplainItemRequest,
    RankOverride,
    RankRequest,
    RankSessionRequest,
    RecallOverride,
)
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import Failure, failure_of, send

REFUSED: dict[str, tuple[RankRequest, str, str]] = {
    "no form": (RankRequest(page_size=3), "EMPTY_REQUEST", "user_id"),
    "only blanks to search for": (RankRequest(query="  "), "EMPTY_REQUEST", "user_id"),
    "page size too large": (RankRequest(user_id="u1", page_size=201), "FIELD_OUT_OF_LIMITS", "page_size"),
    "page size negative": (RankRequest(user_id="u1", page_size=-1), "FIELD_OUT_OF_LIMITS", "page_size"),
    "filter malformed": (RankRequest(user_id="u1", filter="price <"), "MALFORMED_FILTER", "filter"),
    "filter of an unknown attribute": (RankRequest(user_id="u1", filter="colour = 3"), "MALFORMED_FILTER", "filter"),
    "boost filter malformed": (
        RankRequest(user_id="u1", boosts=[Boost(filter="price > 1"), Boost(filter="(")]),
        "MALFORMED_FILTER",
        "boosts[1].filter",
    ),
    "NaN": (
        RankRequest(user_id="u1", recent_events=[Event(item_id="i1", value=math.nan)]),
        "FIELD_OUT_OF_LIMITS",
        "recent_events[0].value",
    ),
    "infinity": (
        RankRequest(user_id="u1", boosts=[Boost(filter="price > 1", weight=math.inf)]),
        "FIELD_OUT_OF_LIMITS",
        "boosts[0].weight",
    ),
    "id too long": (RankRequest(user_id="u" * 257), "FIELD_OUT_OF_LIMITS", "user_id"),
    "too many candidates": (
        RankRequest(candidate_item_ids=["i1"] * 2001),
        "FIELD_OUT_OF_LIMITS",
        "candidate_item_ids",
    ),
    "unknown event type": (
        RankRequest(recent_events=[Event(item_id="i1"), Event(item_id="i1", event_type="sniff")]),
        "UNKNOWN_EVENT_TYPE",
        "recent_events[1].event_type",
    ),
    "unknown source": (
        RankRequest(user_id="u1", override=RankOverride(recall=[RecallOverride(source="oracle")])),
        "UNKNOWN_COMPONENT",
        "override.recall[0].source",
    ),
    "source named twice": (
        RankRequest(user_id="u1", override=RankOverride(recall=[RecallOverride(source="popular")] * 2)),
        "UNKNOWN_COMPONENT",
        "override.recall[1].source",
    ),
    "unknown scorer": (
        RankRequest(user_id="u1", override=RankOverride(scorer="oracle")),
        "UNKNOWN_COMPONENT",
        "override.scorer",
    ),
    "page token made up": (RankRequest(user_id="u1", page_token="abc"), "PAGE_TOKEN_MALFORMED", "page_token"),
    "page token no base64": (RankRequest(user_id="u1", page_token="ä" * 9), "PAGE_TOKEN_MALFORMED", "page_token"),
}


def refusal(ranking: RankingServiceStub, request: RankRequest) -> Failure:
    with pytest.raises(grpc.RpcError) as caught:
        ranking.Rank(request)
    return failure_of(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_an_invalid_argument_that_names_the_field(ranking: RankingServiceStub, name: str) -> None:
    request, reason, field = REFUSED[name]
    failure = refusal(ranking, request)
    assert (failure.code, failure.reason, failure.domain) == (grpc.StatusCode.INVALID_ARGUMENT, reason, "endcap")
    assert list(failure.fields) == [field]
    assert failure.retry_seconds is None
    assert ranking.Rank(RankRequest(user_id="u1")).items


def test_validate_only_refuses_what_ranking_would_refuse(ranking: RankingServiceStub) -> None:
    assert refusal(ranking, RankRequest(user_id="u1", filter="(", validate_only=True)).reason == "MALFORMED_FILTER"


def test_a_malformed_filter_is_told_where_it_is_wrong(ranking: RankingServiceStub) -> None:
    assert "character 9" in refusal(ranking, RankRequest(user_id="u1", filter="price = (1)")).fields["filter"]


def test_an_unknown_event_type_is_told_the_known_ones(ranking: RankingServiceStub) -> None:
    event = Event(item_id="i1", event_type="sniff")
    assert "add_to_cart, purchase, view, wish" in refusal(ranking, RankRequest(recent_events=[event])).message


def test_an_unknown_strategy_is_not_found_and_told_the_known_ones(ranking: RankingServiceStub) -> None:
    failure = refusal(ranking, RankRequest(user_id="u1", strategy="oracle"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_STRATEGY")
    assert "steady" in failure.message


@pytest.mark.parametrize("raw", [b"\xff\xff\xff", b"\x0a\xff", b"\x1a\x02\xc3\x28"], ids=["noise", "cut", "no UTF-8"])
def test_bytes_that_are_no_message_are_an_invalid_argument(channel: grpc.Channel, raw: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        send(channel, "RankingService/Rank", raw)
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


def test_a_page_token_of_another_request_is_refused(ranking: RankingServiceStub) -> None:
    token = ranking.Rank(RankRequest(user_id="u1", page_size=5)).next_page_token
    assert ranking.Rank(RankRequest(user_id="u1", page_size=7, explain=True, page_token=token)).items
    assert refusal(ranking, RankRequest(user_id="u2", page_token=token)).reason == "PAGE_TOKEN_MISMATCH"


def test_an_unexpected_error_is_internal_with_a_reference_and_without_its_secrets(ranking: RankingServiceStub) -> None:
    failure = refusal(ranking, RankRequest(strategy="broken", query="boom"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in failure.message
    assert ranking.Rank(RankRequest(strategy="broken", query="quiet")).items


def test_what_is_not_served_yet_says_so(channel: grpc.Channel) -> None:
    ranking, admin = RankingServiceStub(channel), AdminServiceStub(channel)
    calls: dict[str, Callable[[], object]] = {
        "RankingService.ExplainItem": lambda: ranking.ExplainItem(ExplainItemRequest()),
        "RankingService.RankSession": lambda: next(ranking.RankSession(_none())),
        "EventService.RecordEvents": lambda: EventServiceStub(channel).RecordEvents(RecordEventsRequest()),
        "CatalogService.GetItem": lambda: CatalogServiceStub(channel).GetItem(GetItemRequest()),
        "AdminService.LoadBundle": lambda: admin.LoadBundle(LoadBundleRequest()),
    }
    for name, call in calls.items():
        with pytest.raises(grpc.RpcError) as caught:
            call()
        failure = failure_of(caught.value)
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")
        assert name in failure.message


def _none() -> Iterator[RankSessionRequest]:
    return iter(())
