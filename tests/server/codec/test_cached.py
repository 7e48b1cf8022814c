"""Which requests share a slate."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.server.codec.cached import slate_key, slate_tags
from endcap.server.codec.request import read
from endcap.server.serving import Serving
from endcap.server.slates import Key, Tag
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import Boost, RankContext, RankOverride, RankRequest, RecallOverride

ITEMS = st.lists(st.sampled_from([f"i{n}" for n in range(6)]), max_size=3)
IDS = st.sampled_from(["", "u0", "u1", "nobody"])

REQUESTS = st.builds(
    RankRequest,
    strategy=st.just("popular"),
    user_id=IDS,
    visitor_id=IDS,
    recent_events=st.lists(st.builds(Event, item_id=st.sampled_from(["i1", "i2"])), max_size=2),
    query=st.sampled_from(["", "tea", "green tea"]),
    seed_item_ids=ITEMS,
    candidate_item_ids=ITEMS,
    user_attributes=st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
    context=st.builds(
        RankContext,
        page=st.sampled_from(["home", "cart"]),
        locale=st.sampled_from(["", "de"]),
        time=st.sampled_from([None, Timestamp(seconds=1), Timestamp(seconds=2)]),
    ),
    filter=st.sampled_from(["", "price < 5"]),
    excluded_item_ids=ITEMS,
    page_size=st.sampled_from([0, 10, 20]),
    override=st.sampled_from([RankOverride(), RankOverride(diversity=0.5)]),
    boosts=st.lists(st.just(Boost(filter="price < 5", weight=1.0)), max_size=1),
    explain=st.booleans(),
)
FIELDS = [field.name for field in RankRequest.DESCRIPTOR.fields]
IGNORED = ("user_id", "visitor_id", "recent_events", "user_attributes")
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def key(request: RankRequest, serving: Serving) -> Key | None:
    copy = RankRequest()
    copy.CopyFrom(request)
    return slate_key(copy, read(copy, serving), serving)


def without(request: RankRequest, *fields: str) -> RankRequest:
    copy: Message = RankRequest()
    copy.CopyFrom(request)
    for field in fields:
        copy.ClearField(field)
    assert isinstance(copy, RankRequest)
    return copy


def told(request: RankRequest) -> RankRequest:
    """What decides the answer, spelled out: 20 items are asked for where no number is."""
    copy = without(request, *IGNORED, "request_id")
    copy.page_size = copy.page_size or 20
    return copy


@SLOW
@given(REQUESTS, REQUESTS)
def test_two_requests_have_one_key_just_when_nothing_that_counts_differs(
    serving: Serving, one: RankRequest, another: RankRequest
) -> None:
    assert (key(one, serving) == key(another, serving)) == (told(one) == told(another))


@SLOW
@given(REQUESTS, st.sampled_from(FIELDS), REQUESTS)
def test_one_field_taken_from_another_request_makes_another_key_unless_it_is_ignored(
    serving: Serving, one: RankRequest, field: str, another: RankRequest
) -> None:
    mixed = without(one, field)
    mixed.MergeFrom(without(another, *(name for name in FIELDS if name != field)))
    assert (key(one, serving) == key(mixed, serving)) == (told(one) == told(mixed))


def test_the_request_id_and_the_way_to_name_the_strategy_make_no_difference(serving: Serving) -> None:
    named = RankRequest(user_id="u1", request_id="a", strategy="popular")
    assert key(named, serving) == key(RankRequest(user_id="u1", request_id="b"), serving) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda request: request.override.recall.append(RecallOverride(source="repeat")),
        lambda request: setattr(request.override, "scorer", "shuffle"),
        lambda request: setattr(request, "strategy", "repeat"),
    ],
)
def test_what_the_strategys_table_does_not_speak_of_is_not_kept(
    serving: Serving, change: Callable[[RankRequest], None]
) -> None:
    request = RankRequest(user_id="u1", strategy="popular")
    assert key(request, serving) is not None
    change(request)
    assert key(request, serving) is None


def test_a_page_of_unknown_products_alone_falls_back_on_the_shopper_and_is_not_kept(product_pages: Serving) -> None:
    pages = RankRequest(user_id="u1", strategy="product_page", seed_item_ids=["i1"])
    assert key(pages, product_pages) is not None
    pages.seed_item_ids[:] = ["gone"]
    assert key(pages, product_pages) is None


def test_a_slate_hangs_on_its_shopper_unless_it_is_the_same_for_all(serving: Serving, product_pages: Serving) -> None:
    request = RankRequest(user_id="u1", visitor_id="v1", seed_item_ids=["i3"], recent_events=[Event(item_id="i4")])
    shared = slate_tags(request, ["i5"], read(request, serving))
    assert shared == {Tag("item", "i3"), Tag("item", "i5")}
    request.strategy = "product_page"
    own = slate_tags(request, ["i5"], read(request, product_pages))
    assert own - shared == {Tag("shopper", "u1"), Tag("shopper", "v1"), Tag("item", "i4")}
