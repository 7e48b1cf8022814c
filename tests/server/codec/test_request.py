"""From bytes to a query, without a server around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.server.calls import Call
from endcap.server.codec.request import Ask, parse, read
from endcap.server.codec.tokens import PageToken
from endcap.server.errors import CallFailed, InvalidRequest
from endcap.server.limits import check
from endcap.server.servicers.ranking import Ranking
from endcap.server.serving import Serving
from endcap.server.slates import SlateCache
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import Boost, RankContext, RankOverride, RankRequest, RankResponse, RecallOverride

from ...support.tiny import DATA_END, DATA_START, DAY


def ask(serving: Serving, **fields: Any) -> Ask:
    raw = RankRequest(**fields).SerializeToString()
    return read(parse(raw, RankRequest), serving, wall_seconds=DATA_END + 1000 * DAY)


def test_ids_become_numbers_each_once_in_the_order_given(serving: Serving) -> None:
    asked = ask(serving, candidate_item_ids=["i9", "gone", "i3", "i9"], seed_item_ids=["i5", "far"], user_id="u2")
    assert asked.query.given is not None
    assert asked.query.given.tolist() == [9, 3]
    assert asked.query.given.dtype == np.int32
    assert asked.query.seeds.tolist() == [5]
    assert asked.query.user == 2
    assert asked.missing == ("far", "gone")


def test_unknown_exclusions_are_no_news(serving: Serving) -> None:
    asked = ask(serving, user_id="u2", excluded_item_ids=["gone", "i4"])
    assert asked.query.excluded.tolist() == [4]
    assert not asked.missing


def test_events_are_sorted_typed_and_kept_between_history_and_now(serving: Serving) -> None:
    end_of_history = DATA_START + 90 * DAY
    asked = ask(
        serving,
        user_id="u1",
        recent_events=[
            Event(item_id="i1", event_type="purchase", quantity=3, value=7.5),  # no time: now
            Event(item_id="i2", event_type="view", time=Timestamp(seconds=DATA_START)),  # before the history's end
            Event(item_id="i3", event_type="add_to_cart", time=Timestamp(seconds=end_of_history + DAY)),
            Event(item_id="i4", time=Timestamp(seconds=DATA_END + 5 * DAY)),  # later than now
        ],
    )
    session = asked.query.session
    assert session.items.tolist() == [2, 3, 1, 4]
    assert session.times.tolist() == [end_of_history, end_of_history + DAY, DATA_END, DATA_END]
    assert session.weights.tolist() == pytest.approx([1, 0.3, 4, 0.3])  # what the bundle says, else what is usual
    assert session.goals.tolist() == [False, False, True, False]
    assert session.quantities.tolist() == [1, 1, 3, 1]
    assert np.isnan(session.values[[0, 1, 3]]).all()
    assert session.values[2] == 7.5
    times = asked.query.events.times
    assert (times[1:] >= times[:-1]).all()


def test_the_wall_clock_counts_only_near_the_data(serving: Serving) -> None:
    request = RankRequest(user_id="u1")
    assert read(request, serving, wall_seconds=DATA_END + 3 * DAY).query.now == DATA_END + 3 * DAY
    request = RankRequest(user_id="u1")
    assert read(request, serving, wall_seconds=DATA_END + 29 * DAY).query.now == DATA_END
    request = RankRequest(user_id="u1")
    assert read(request, serving, wall_seconds=DATA_END - DAY).query.now == DATA_END


def test_a_later_page_keeps_time_and_seed_of_the_first(serving: Serving) -> None:
    first = read(RankRequest(user_id="u1", request_id="first"), serving, wall_seconds=DATA_END + DAY)
    digest = PageToken.decode(token_of(serving)).bundle
    token = PageToken(20, first.query.now, "first", digest, first.fingerprint).encode()
    later = read(RankRequest(user_id="u1", page_token=token), serving, wall_seconds=DATA_END + 2 * DAY)
    assert (later.query.now, later.query.request_id) == (DATA_END + DAY, "first")
    assert (later.offset, later.query.size) == (20, 40)


def token_of(serving: Serving) -> str:
    request = RankRequest(user_id="u1", page_size=1)
    return rank(serving)(request.SerializeToString()).next_page_token


def test_equal_filters_are_compiled_once(serving: Serving) -> None:
    first, second = (ask(serving, user_id="u1", filter="price < 3").query.filter for _ in range(2))
    assert first is second


def test_a_token_of_an_older_bundle_has_expired(serving: Serving) -> None:
    token = PageToken.decode(token_of(serving))._replace(bundle=b"12345678").encode()
    with pytest.raises(InvalidRequest) as caught:
        ask(serving, user_id="u1", page_token=token)
    assert caught.value.reason == "PAGE_TOKEN_EXPIRED"


def rank(serving: Serving) -> Callable[[bytes], RankResponse]:
    desk: Any = None  # for the event loop alone
    ranking = Ranking(serving, desk, SlateCache(0))
    return lambda raw: RankResponse.FromString(ranking.rank(raw, Call("Rank")))


def outcome(serving: Serving, raw: bytes) -> RankResponse | CallFailed:
    try:
        return rank(serving)(raw)
    except CallFailed as failure:
        return failure


ids = st.one_of(st.integers(0, 70).map("i{}".format), st.text(min_size=1, max_size=8))
times = st.one_of(st.none(), st.integers(-62_135_596_800, 253_402_300_799).map(lambda s: Timestamp(seconds=s)))
finite = st.floats(allow_nan=False, allow_infinity=False)
events = st.builds(
    Event,
    item_id=ids,
    event_type=st.sampled_from(["", "view", "purchase"]),
    time=times,
    value=finite,
    quantity=finite,
)
filters = st.sampled_from(["", "price < 9", 'brand = "Acme" OR categories:"tea"', "NOT available = true", "price >"])
requests = st.builds(
    RankRequest,
    request_id=st.text(max_size=9),
    strategy=st.sampled_from(["", "popular", "repeat", "oracle"]),
    user_id=st.sampled_from(["", "u0", "u4", "nobody"]),
    visitor_id=st.sampled_from(["", "v"]),
    recent_events=st.lists(events, max_size=5),
    query=st.text(max_size=9),
    seed_item_ids=st.lists(ids, max_size=4),
    candidate_item_ids=st.lists(ids, max_size=9),
    user_attributes=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    context=st.builds(RankContext, page=st.sampled_from(["", "home"]), time=times),
    filter=filters,
    excluded_item_ids=st.lists(ids, max_size=4),
    page_size=st.integers(0, 200),
    override=st.builds(
        RankOverride,
        recall=st.lists(
            st.builds(RecallOverride, source=st.sampled_from(["popular", "repeat"]), limit=st.integers(0, 50)),
            max_size=2,
        ),
        scorer=st.sampled_from(["", "by_source", "shuffle"]),
        diversity=st.one_of(st.none(), st.floats(0, 1, width=32)),
    ),
    boosts=st.lists(st.builds(Boost, filter=filters.filter(bool), weight=st.floats(-100, 100, width=32)), max_size=2),
    explain=st.booleans(),
    validate_only=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(request=requests)
def test_any_request_within_its_limits_is_answered_or_refused_by_name(serving: Serving, request: RankRequest) -> None:
    assert not check(request)
    answer = outcome(serving, request.SerializeToString())
    if isinstance(answer, CallFailed):
        assert answer.code.name in ("INVALID_ARGUMENT", "NOT_FOUND")
        assert answer.violations
        return
    assert len(answer.items) <= (request.page_size or 20)
    assert len({item.item_id for item in answer.items}) == len(answer.items)
    if request.candidate_item_ids:
        assert {item.item_id for item in answer.items} <= set(request.candidate_item_ids)
    assert not {item.item_id for item in answer.items} & set(request.excluded_item_ids)
    assert not answer.degradations


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=40))
def test_any_bytes_are_a_message_or_refused_by_name(serving: Serving, raw: bytes) -> None:
    answer = outcome(serving, raw)
    assert isinstance(answer, RankResponse) or answer.code.name in ("INVALID_ARGUMENT", "NOT_FOUND")
