"""What a case can expect of an answer. Each check is a function of the answer and of what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from google.protobuf.message import Message

from endcap.v1.ranking_pb2 import BatchRankResponse, RankResponse

from .driver import Answer

VOLATILE = ("attribution_token", "timings")
"""Fields of a slate that differ from call to call."""


def check(answer: Answer, expect: Mapping[str, Any], attempts: Sequence[str] = ()) -> None:
    """Raises AssertionError, with what was found and what was expected. ``attempts`` are the scripted server's."""
    same(f"code (message {answer.message!r})", answer.code, expect.get("code", "OK"))
    for name, wanted in expect.items():
        if name == "attempts":
            check_attempts(attempts, wanted)
        else:
            CHECKS[name](answer, wanted)


def same(what: str, found: object, wanted: object) -> None:
    if found != wanted and not (isinstance(wanted, list) and found in wanted):
        raise AssertionError(f"{what}: found {found!r}, expected {wanted!r}")


def check_attempts(found: Sequence[str], wanted: int) -> None:
    """So many, and each says how many came before it; the first says nothing."""
    same("attempts", list(found), ["", *map(str, range(1, wanted))])


def slate(answer: Answer) -> RankResponse:
    same("number of responses", len(answer.responses), 1)
    return cast(RankResponse, answer.responses[0])


def check_message(answer: Answer, wanted: str) -> None:
    """Contained; "*" is any that says something."""
    if not answer.message.strip() or (wanted != "*" and wanted not in answer.message):
        raise AssertionError(f"message: found {answer.message!r}, expected {wanted!r} in it")


def check_among(answer: Answer, wanted: list[str]) -> None:
    others = {item.item_id for item in slate(answer).items} - set(wanted)
    same("items besides those expected", others, set())


def check_sources(answer: Answer, wanted: list[str]) -> None:
    found = {source.source for item in slate(answer).items for source in item.sources}
    same("sources", sorted(found), sorted(wanted))


def check_explained(answer: Answer, wanted: bool) -> None:
    for item in slate(answer).items:
        same(f"features of {item.item_id}", bool(item.features), wanted)


def check_lists(answer: Answer, wanted: list[str]) -> None:
    lacking = set(wanted) - {strategy.name for strategy in answer.responses[0].strategies}
    same("strategies that are not listed", lacking, set())


def check_least(answer: Answer, wanted: float) -> None:
    if answer.elapsed_ms < wanted:
        raise AssertionError(f"took {answer.elapsed_ms:.0f} ms, expected at least {wanted}")


def check_most(answer: Answer, wanted: float) -> None:
    if answer.elapsed_ms > wanted:
        raise AssertionError(f"took {answer.elapsed_ms:.0f} ms, expected at most {wanted}")


def check_batch(answer: Answer, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    found = by_index(answer.responses)
    same("places answered", [str(message.index) for message in found], sorted(wanted))
    for message in found:
        _check_place(message, wanted[str(message.index)])


def _check_place(message: BatchRankResponse, wanted: Mapping[str, Any]) -> None:
    place = f"of place {message.index}"
    same(f"items {place}", len(message.response.items), wanted.get("items", 0))
    same(f"code {place}", message.error.code, wanted.get("code", 0))
    same(f"reason {place}", message.error.reason, wanted.get("reason", ""))
    same(f"fields {place}", [each.field for each in message.error.violations], wanted.get("fields", []))


CHECKS: dict[str, Callable[[Answer, Any], None]] = {
    "code": lambda answer, wanted: None,  # always checked
    "message": check_message,
    "reason": lambda answer, wanted: same("reason", answer.reason, wanted),
    "domain": lambda answer, wanted: same("domain", answer.domain, wanted),
    "metadata": lambda answer, wanted: same("metadata", answer.metadata, wanted),
    "fields": lambda answer, wanted: same("fields", sorted(answer.fields), wanted),
    "retry_ms": lambda answer, wanted: same("retry_ms", answer.retry_ms, wanted),
    "least_ms": check_least,
    "most_ms": check_most,
    "strategy": lambda answer, wanted: same("strategy", slate(answer).strategy, wanted),
    "items": lambda answer, wanted: same("number of items", len(slate(answer).items), wanted),
    "request_id": lambda answer, wanted: same("request_id", slate(answer).request_id, wanted),
    "missing": lambda answer, wanted: same("missing items", list(slate(answer).missing_item_ids), wanted),
    "among": check_among,
    "sources": check_sources,
    "explained": check_explained,
    "lists": check_lists,
    "batch": check_batch,
}


def by_index(responses: Iterable[Any]) -> list[BatchRankResponse]:
    return sorted(responses, key=lambda message: int(message.index))


def comparable(answer: Answer) -> list[Message]:
    """The responses without what differs from call to call, in one order: equal in every language."""
    messages: list[Message] = []
    for response in answer.responses:
        message = type(response)()
        message.CopyFrom(response)
        _still(message.response if isinstance(message, BatchRankResponse) else message)
        messages.append(message)
    return by_index(messages) if messages and isinstance(messages[0], BatchRankResponse) else messages  # type: ignore[return-value]


def _still(message: Message) -> None:
    if isinstance(message, RankResponse):
        for name in VOLATILE:
            message.ClearField(name)  # type: ignore[arg-type]  # the stubs want literals
