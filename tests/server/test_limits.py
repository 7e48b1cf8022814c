"""The table of limits: what it enforces, and that the contract states the same."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from endcap.server.limits import LIMITS, MAX_VIOLATIONS, REQUIRED_MESSAGES, Limit, Violation, check
from endcap.v1 import admin_pb2, catalog_pb2, common_pb2, events_pb2, ranking_pb2
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import BatchRankRequest, Boost, RankContext, RankOverride, RankRequest, RecallOverride

PROTOS = Path(__file__).parents[2] / "protos" / "endcap" / "v1"
FILES = (admin_pb2, catalog_pb2, common_pb2, events_pb2, ranking_pb2)
MESSAGES: dict[str, Descriptor] = {
    name: descriptor for file in FILES for name, descriptor in file.DESCRIPTOR.message_types_by_name.items()
}


def field_comments() -> dict[str, str]:
    """The comment above each field of the contract, on one line, by "Message.field"."""
    comments, message, lines = {}, "", []
    for text in (line.strip() for file in sorted(PROTOS.glob("*.proto")) for line in file.read_text().splitlines()):
        if text.startswith("//"):
            lines.append(text.removeprefix("//").strip())
            continue
        if match := re.match(r"message (\w+) {", text):
            message = match[1]
        elif match := re.match(r"[\w.<>, ]+ (\w+) = \d+;", text):
            comments[f"{message}.{match[1]}"] = " ".join(lines)
        lines = []
    return comments


COMMENTS = field_comments()


def only(violations: list[Violation]) -> Violation:
    assert len(violations) == 1, violations
    return violations[0]


def test_every_field_of_the_contract_has_a_comment() -> None:
    fields = {f"{name}.{field.name}" for name, message in MESSAGES.items() for field in message.fields}
    assert {name for name in fields if not COMMENTS.get(name)} == set()


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_each_limit_of_the_table_is_stated_at_its_field(name: str) -> None:
    assert COMMENTS[name].endswith(f"Limit: {LIMITS[name]}.")


def test_no_field_states_a_limit_that_the_table_lacks() -> None:
    assert {name for name, comment in COMMENTS.items() if "Limit:" in comment} == set(LIMITS)


def test_every_field_said_to_be_required_is_required() -> None:
    said = {name for name, comment in COMMENTS.items() if "Required." in comment}
    required = {name for name, limit in LIMITS.items() if limit.required} | REQUIRED_MESSAGES
    assert said <= required
    assert said >= REQUIRED_MESSAGES


def reachable_from_requests() -> set[str]:
    names, todo = set(), [message for name, message in MESSAGES.items() if name.endswith("Request")]
    while todo:
        message = todo.pop()
        if message.name not in names:
            names.add(message.name)
            todo += [field.message_type for field in message.fields if field.message_type is not None]
    return names


def test_every_text_and_list_that_a_caller_can_send_has_a_limit() -> None:
    unlimited = {
        f"{message.name}.{field.name}"
        for message in (MESSAGES[name] for name in reachable_from_requests() & MESSAGES.keys())
        for field in message.fields
        if field.is_repeated or field.cpp_type == FieldDescriptor.CPPTYPE_STRING
    } - LIMITS.keys()
    assert unlimited == set()


def test_a_request_in_order_has_no_violations() -> None:
    request = RankRequest(
        request_id="r",
        user_id="x" * 256,
        recent_events=[Event(item_id="1", event_type="view", value=1.5)] * 1000,
        seed_item_ids=["1"] * 100,
        candidate_item_ids=["1"] * 2000,
        user_attributes={"household_size": "4"},
        page_size=200,
        override=RankOverride(recall=[RecallOverride(source="als", limit=2000)], diversity=1.0),
        boosts=[Boost(filter="price < 5", weight=-100)],
    )
    assert check(request) == []


@given(st.lists(st.tuples(st.sampled_from("xé€😀"), st.sampled_from([1, 64, 65, 85, 86, 128, 129, 257])), max_size=4))
def test_an_id_in_a_list_is_refused_just_when_it_is_too_many_bytes_long(kinds: list[tuple[str, int]]) -> None:
    ids = [character * count for character, count in kinds]
    expected = [f"excluded_item_ids[{i}]" for i, name in enumerate(ids) if len(name.encode()) > 256]
    assert [violation.field for violation in check(RankRequest(excluded_item_ids=ids))] == expected


def test_an_empty_request_is_within_its_limits() -> None:
    assert check(RankRequest()) == []


@pytest.mark.parametrize(
    ("request_", "field", "description"),
    [
        (RankRequest(user_id="x" * 257), "user_id", "is 257 bytes long; expected at most 256 bytes"),
        (RankRequest(user_id="é" * 129), "user_id", "is 258 bytes long; expected at most 256 bytes"),
        (RankRequest(query="é" * 1001), "query", "is 1,001 characters long; expected at most 1,000 characters"),
        (RankRequest(page_size=201), "page_size", "is 201; expected 0 to 200"),
        (RankRequest(page_size=-1), "page_size", "is -1; expected 0 to 200"),
        (
            RankRequest(candidate_item_ids=["1"] * 2001),
            "candidate_item_ids",
            "has 2,001 entries; expected at most 2,000 entries",
        ),
        (
            RankRequest(seed_item_ids=["1", ""]),
            "seed_item_ids[1]",
            "is 0 bytes long; expected 1 to 256 bytes",
        ),
        (
            RankRequest(recent_events=[Event(item_id="1"), Event()]),
            "recent_events[1].item_id",
            "is empty; expected 1 to 256 bytes",
        ),
        (
            RankRequest(user_attributes={"age": "x" * 257}),
            'user_attributes["age"]',
            "is 257 bytes long; expected at most 256 bytes",
        ),
        (
            RankRequest(override=RankOverride(recall=[RecallOverride(source="als", limit=2001)])),
            "override.recall[0].limit",
            "is 2,001; expected 0 to 2,000",
        ),
        (RankRequest(override=RankOverride(diversity=1.5)), "override.diversity", "is 1.5; expected 0 to 1"),
        (
            RankRequest(boosts=[Boost(filter="a = 1", weight=math.inf)]),
            "boosts[0].weight",
            "is inf; expected a finite number",
        ),
        (
            RankRequest(recent_events=[Event(item_id="1", value=math.nan)]),
            "recent_events[0].value",
            "is nan; expected a finite number",
        ),
        (BatchRankRequest(), "request", "is missing; set it"),
        (BatchRankRequest(request=RankRequest(page_size=999)), "request.page_size", "is 999; expected 0 to 200"),
        (
            catalog_pb2.UpsertItemsRequest(
                items=[
                    catalog_pb2.Item(
                        item_id="1", attributes={"weight": common_pb2.AttributeValue(number_value=math.nan)}
                    )
                ]
            ),
            'items[0].attributes["weight"].number_value',
            "is nan; expected a finite number",
        ),
        (events_pb2.RecordEventsRequest(), "events", "is empty; expected 1 to 1,000 entries"),
    ],
)
def test_a_violation_names_the_field_what_was_found_and_what_was_expected(
    request_: ranking_pb2.RankRequest, field: str, description: str
) -> None:
    assert only(check(request_)) == Violation(field, description)


def test_a_time_out_of_the_calendar_is_a_violation() -> None:
    request = RankRequest(context=RankContext())
    request.context.time.seconds = 10**15
    assert only(check(request)).field == "context.time"


def test_many_violations_are_cut_short() -> None:
    assert len(check(RankRequest(recent_events=[Event()] * 1000))) == MAX_VIOLATIONS


def test_an_over_long_key_does_not_make_an_over_long_path() -> None:
    assert len(only(check(RankRequest(user_attributes={"k" * 100_000: "v"}))).field) < 100


@given(st.text(max_size=400))
def test_a_text_is_in_order_exactly_when_its_utf8_form_is_short_enough(text: str) -> None:
    request = RankRequest()
    try:
        request.user_id = text
    except (UnicodeError, ValueError):  # lone surrogates have no UTF-8 form, and no message can hold them
        return
    assert (check(request) == []) == (len(text.encode()) <= 256)


@given(st.floats(width=32))
def test_a_boost_is_in_order_exactly_when_its_weight_is_finite_and_in_range(weight: float) -> None:
    violations = check(RankRequest(boosts=[Boost(filter="a = 1", weight=weight)]))
    assert (violations == []) == (math.isfinite(weight) and -100 <= weight <= 100)


def test_a_limit_reads_as_a_sentence_would_say_it() -> None:
    assert [
        str(LIMITS[name]) for name in ("RankRequest.page_size", "RankRequest.query", "DeleteItemsRequest.item_ids")
    ] == [
        "0 to 200",
        "1,000 characters",
        "1 to 1,000 entries, 1 to 256 bytes each",
    ]
    assert not Limit().required
