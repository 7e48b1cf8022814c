"""The checks tell a wrong answer from a right one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from endcap.v1.common_pb2 import CallError, FieldViolation
from endcap.v1.ranking_pb2 import BatchRankResponse, FeatureValue, ItemSource, RankedItem, RankResponse

from .checks import CHECKS, check, comparable
from .driver import Answer
from .table import read_cases

ITEM = RankedItem(item_id="i1", sources=[ItemSource(source="als")], features=[FeatureValue(name="price")])
SLATE = RankResponse(request_id="r", strategy="hybrid", items=[ITEM], missing_item_ids=["x"], attribution_token="t")
RIGHT = Answer("case", "OK", "no", "WHY", "endcap", {"a": "b"}, {"query": "long"}, 250, [SLATE], 100.0)
ERROR = CallError(code=3, reason="WHY", violations=[FieldViolation(field="query")])
BATCH = replace(RIGHT, responses=[BatchRankResponse(index=1, error=ERROR), BatchRankResponse(index=0, response=SLATE)])


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("code", ["OK", "UNAVAILABLE"], "UNAVAILABLE"),
        ("message", "n", "yes"),
        ("reason", "WHY", ""),
        ("domain", "endcap", "shop"),
        ("metadata", {"a": "b"}, {}),
        ("fields", ["query"], []),
        ("retry_ms", 250, 251),
        ("least_ms", 100, 101),
        ("most_ms", 100, 99),
        ("strategy", "hybrid", "search"),
        ("items", 1, 2),
        ("request_id", "r", "s"),
        ("missing", ["x"], []),
        ("among", ["i1", "i2"], ["i2"]),
        ("sources", ["als"], ["als", "text"]),
        ("explained", True, False),
    ],
)
def test_a_check_passes_what_is_right_and_no_more(name: str, right: Any, wrong: Any) -> None:
    check(RIGHT, {name: right})
    with pytest.raises(AssertionError, match="expected"):
        check(RIGHT, {name: wrong})


def test_an_answer_must_be_ok_unless_the_case_says_otherwise() -> None:
    with pytest.raises(AssertionError, match=r"code .*: found 'INTERNAL', expected 'OK'"):
        check(replace(RIGHT, code="INTERNAL"), {})


@pytest.mark.parametrize("attempts", [[""], ["", "1", "2"], ["", ""], ["", "2"]])
def test_attempts_are_counted_and_each_must_say_its_number(attempts: list[str]) -> None:
    check(RIGHT, {"attempts": 2}, ["", "1"])
    with pytest.raises(AssertionError, match="attempts"):
        check(RIGHT, {"attempts": 2}, attempts)


def test_each_place_of_a_batch_is_checked_in_any_order() -> None:
    failed = {"code": 3, "reason": "WHY", "fields": ["query"]}
    check(BATCH, {"batch": {"0": {"items": 1}, "1": failed}})
    for wrong in ({"0": {"items": 1}}, {"0": {"items": 2}, "1": failed}, {"0": {"items": 1}, "1": {}}):
        with pytest.raises(AssertionError, match="expected"):
            check(BATCH, {"batch": wrong})


def test_what_differs_from_call_to_call_is_left_out_of_the_comparison_and_nothing_else() -> None:
    again = RankResponse()
    again.CopyFrom(SLATE)
    again.attribution_token = "u"
    again.timings.add(stage="recall", duration_ms=1.5)
    assert comparable(replace(RIGHT, responses=[again])) == comparable(RIGHT)
    again.items[0].score = 0.5
    assert comparable(replace(RIGHT, responses=[again])) != comparable(RIGHT)


def test_the_table_expects_only_what_can_be_checked_and_names_each_case_once() -> None:
    cases = read_cases()
    assert {name for case in cases for name in case.expect} <= CHECKS.keys() | {"attempts"}
    assert len({case.id for case in cases}) == len(cases)
