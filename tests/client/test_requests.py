"""Python arguments become the message that they mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from endcap.client.requests import RankArgs, event, rank_request
from endcap.v1.ranking_pb2 import RankRequest

NOON = datetime(2017, 12, 1, 12, tzinfo=UTC)


def test_no_arguments_make_an_empty_request() -> None:
    assert rank_request() == RankRequest()


def test_every_argument_arrives_in_its_field() -> None:
    request = rank_request(
        request_id="r1",
        strategy="hybrid",
        user_id="u",
        visitor_id="v",
        recent_events=[event("1", "view")],
        query="milk",
        seed_item_ids=["2"],
        candidate_item_ids=["3", "4"],
        user_attributes={"age": "35-44"},
        page="home",
        locale="en-GB",
        time=NOON,
        filter="price < 5",
        excluded_item_ids=["5"],
        page_size=7,
        page_token="t",
        recall={"als": 50, "text": 0},
        scorer="linear",
        diversity=0.0,
        boosts={"brand = 1": 0.5},
        explain=True,
        validate_only=True,
    )
    assert {field.name for field, _ in request.ListFields()} == {field.name for field in RankRequest.DESCRIPTOR.fields}
    assert (request.context.page, request.context.locale, request.context.time.ToDatetime(UTC)) == (
        "home",
        "en-GB",
        NOON,
    )
    assert {source.source: source.limit for source in request.override.recall} == {"als": 50, "text": 0}
    assert (request.override.scorer, request.override.HasField("diversity")) == ("linear", True)
    assert (request.boosts[0].filter, request.boosts[0].weight) == ("brand = 1", 0.5)


def test_a_diversity_that_is_not_given_stays_unset() -> None:
    assert not rank_request(scorer="trees").override.HasField("diversity")


def test_a_request_without_overrides_has_no_override_message() -> None:
    request = rank_request(user_id="u")
    assert not request.HasField("override")
    assert not request.HasField("context")


def test_an_unknown_argument_is_a_type_error_that_names_it_and_those_that_exist() -> None:
    wrong: Any = {"user": "1234"}
    with pytest.raises(TypeError, match=r"no argument user; it takes user_id, visitor_id"):
        rank_request(**wrong)


def test_every_field_of_the_contract_has_an_argument() -> None:
    nested = {"context": {"page", "locale", "time"}, "override": {"recall", "scorer", "diversity"}}
    fields = {field.name for field in RankRequest.DESCRIPTOR.fields} - nested.keys()
    assert set(RankArgs.__annotations__) == fields.union(*nested.values())


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert event("1", time=elsewhere).time == event("1", time=NOON).time


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        rank_request(time=NOON.replace(tzinfo=None))


def test_an_event_without_a_time_leaves_it_to_the_server() -> None:
    assert not event("1", "purchase", value=2.5, quantity=2).HasField("time")
