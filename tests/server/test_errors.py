from __future__ import annotations

from urllib.parse import quote

import grpc
import pytest

from endcap.server.errors import (
    PUSHBACK_KEY,
    Broken,
    CallFailed,
    InvalidRequest,
    NotServed,
    OutOfTime,
    Overloaded,
    UnknownStrategy,
    to_status,
    trailers,
)
from endcap.server.limits import MAX_VIOLATIONS, Violation

FAILURES: list[tuple[CallFailed, str]] = [
    (InvalidRequest.of("MALFORMED_FILTER", Violation("filter", "is wrong")), "INVALID_ARGUMENT"),
    (UnknownStrategy("x", ["b", "a"]), "NOT_FOUND"),
    (Overloaded("full", 0.25), "RESOURCE_EXHAUSTED"),
    (OutOfTime(), "DEADLINE_EXCEEDED"),
    (NotServed("S.M"), "UNIMPLEMENTED"),
    (Broken("ref"), "INTERNAL"),
]


@pytest.mark.parametrize(("failure", "code"), FAILURES)
def test_every_failure_has_its_canonical_code_and_a_reason(failure: CallFailed, code: str) -> None:
    status = to_status(failure)
    assert status.code == grpc.StatusCode[code].value[0]
    assert status.details[0].TypeName() == "google.rpc.ErrorInfo"
    assert failure.reason == failure.reason.upper()


def test_only_what_is_worth_another_try_carries_a_pushback() -> None:
    assert [failure for failure, _ in FAILURES if PUSHBACK_KEY in dict(trailers(failure))] == [FAILURES[2][0]]
    assert dict(trailers(FAILURES[2][0]))[PUSHBACK_KEY] == "250"


def test_an_unknown_strategy_lists_the_known_ones_in_order() -> None:
    assert UnknownStrategy("x", ["b", "a"]).message.endswith("there are: a, b")


@pytest.mark.parametrize("letter", ["x", "ä", "🛒"])
@pytest.mark.parametrize("count", [1, MAX_VIOLATIONS])
def test_the_longest_failure_fits_the_headers_it_travels_in(letter: str, count: int) -> None:
    violations = [Violation(f'user_attributes["{letter * 40}"]', letter * 5_000)] * count
    failure = InvalidRequest.of("FIELD_OUT_OF_LIMITS", *violations)
    details = sum(len(key) + len(value) * 4 / 3 for key, value in trailers(failure))
    assert details + len(quote(failure.message, safe=" ")) < 8_192
