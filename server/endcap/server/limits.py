"""The limits of the contract, enforced in one place.

`LIMITS` says what each request field may hold; `check` walks a message and tells what is beyond it. The same limits
stand as "Limit: ..." in the comments of protos/endcap/v1, and a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

# More would not help anybody, and errors travel in HTTP/2 headers, which peers cap at 8 KiB.
MAX_VIOLATIONS: Final = 10


class Violation(NamedTuple):
    """A field beyond its limit: its path, as in "recent_events[3].item_id", and what was found and expected."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Span:
    """An inclusive range of amounts, and what they count."""

    minimum: float
    maximum: float
    unit: str = ""

    def __str__(self) -> str:
        low = f"{self.minimum:,g} to " if self.minimum or not self.unit else ""
        return f"{low}{self.maximum:,.0f} {self.unit}".rstrip()

    def __contains__(self, amount: float) -> bool:
        return self.minimum <= amount <= self.maximum

    @property
    def expected(self) -> str:
        """The range in the words of an error."""
        return f"at most {self}" if self.unit and not self.minimum else str(self)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a field may hold: how many entries, and how long or large it (or each entry, key and text) may be."""

    each: Span | None = None
    entries: Span | None = None

    @property
    def required(self) -> bool:
        """Whether leaving the field out is itself a violation."""
        span = self.entries or self.each
        return span is not None and bool(span.unit) and span.minimum > 0

    def __str__(self) -> str:
        if self.entries is None:
            return str(self.each)
        return f"{self.entries}, {self.each} each" if self.each else str(self.entries)


def _bytes(maximum: int, minimum: int = 0) -> Limit:
    return Limit(each=Span(minimum, maximum, "bytes"))


def _characters(maximum: int, minimum: int = 0) -> Limit:
    return Limit(each=Span(minimum, maximum, "characters"))


def _number(minimum: float, maximum: float) -> Limit:
    return Limit(each=Span(minimum, maximum))


def _entries(maximum: int, minimum: int = 0, each: Limit | None = None) -> Limit:
    return Limit(each=each.each if each else None, entries=Span(minimum, maximum, "entries"))


_NAME = _bytes(256)
_ID = _bytes(256, minimum=1)

LIMITS: Final[dict[str, Limit]] = {
    "Event.event_id": _NAME,
    "Event.user_id": _NAME,
    "Event.visitor_id": _NAME,
    "Event.item_id": _ID,
    "Event.event_type": _NAME,
    "Event.query": _characters(1_000),
    "Event.attribution_token": _bytes(1_024),
    "Event.position": _number(0, 100_000),
    "AttributeValue.string_value": _characters(1_000),
    "StringList.values": _entries(100, each=_NAME),
    "RankRequest.request_id": _NAME,
    "RankRequest.strategy": _NAME,
    "RankRequest.user_id": _NAME,
    "RankRequest.visitor_id": _NAME,
    "RankRequest.recent_events": _entries(1_000),
    "RankRequest.query": _characters(1_000),
    "RankRequest.seed_item_ids": _entries(100, each=_ID),
    "RankRequest.candidate_item_ids": _entries(2_000, each=_ID),
    "RankRequest.user_attributes": _entries(50, each=_NAME),
    "RankRequest.filter": _characters(4_000),
    "RankRequest.excluded_item_ids": _entries(5_000, each=_ID),
    "RankRequest.page_size": _number(0, 200),
    "RankRequest.page_token": _bytes(2_048),
    "RankRequest.boosts": _entries(20),
    "RankContext.page": _NAME,
    "RankContext.locale": _NAME,
    "RankOverride.recall": _entries(20),
    "RankOverride.scorer": _NAME,
    "RankOverride.diversity": _number(0, 1),
    "RecallOverride.source": _ID,
    "RecallOverride.limit": _number(0, 2_000),
    "Boost.filter": _characters(4_000, minimum=1),
    "Boost.weight": _number(-100, 100),
    "RankSessionRequest.events": _entries(1_000),
    "ExplainItemRequest.item_id": _ID,
    "RecordEventsRequest.events": _entries(1_000, minimum=1),
    "Item.item_id": _ID,
    "Item.title": _characters(1_000),
    "Item.description": _characters(10_000),
    "Item.categories": _entries(20, each=_ID),
    "Item.brand": _NAME,
    "Item.price": _number(0, 1_000_000_000),
    "Item.attributes": _entries(100, each=_NAME),
    "UpsertItemsRequest.items": _entries(500, minimum=1),
    "DeleteItemsRequest.item_ids": _entries(1_000, minimum=1, each=_ID),
    "GetItemRequest.item_id": _ID,
    "LoadBundleRequest.path": _bytes(1_024, minimum=1),
}

# Messages that must be there; texts and lists that must be there have a minimum in LIMITS.
REQUIRED_MESSAGES: Final = frozenset({"BatchRankRequest.request", "ExplainItemRequest.request"})


def check(message: Message) -> list[Violation]:
    """Return what in `message` is beyond its limits, at most MAX_VIOLATIONS; empty for a message that is in order."""
    found: list[Violation] = []
    _walk(message, "", found)
    return found[:MAX_VIOLATIONS]


_Check = Callable[[Any, str, list[Violation]], None]


class _Plan(NamedTuple):
    """What to do for one type of message, worked out once."""

    required: tuple[tuple[str, str], ...]
    checks: dict[str, _Check]


def _walk(message: Message, prefix: str, found: list[Violation]) -> None:
    plan = _plan(message.DESCRIPTOR)
    present = message.ListFields()
    if plan.required:
        names = {field.name for field, _ in present}
        found.extend(Violation(prefix + name, text) for name, text in plan.required if name not in names)
    for field, value in present:
        look = plan.checks.get(field.name)
        if look is not None:
            look(value, prefix + field.name, found)


@lru_cache(maxsize=256)
def _plan(descriptor: Descriptor) -> _Plan:
    required, checks = [], {}
    for field in descriptor.fields:
        key = f"{descriptor.name}.{field.name}"
        limit = LIMITS.get(key, Limit())
        if limit.required or key in REQUIRED_MESSAGES:
            required.append((field.name, f"is empty; expected {limit}" if limit.required else "is missing; set it"))
        look = _field_check(field, limit)
        if look is not None:
            checks[field.name] = look
    return _Plan(tuple(required), checks)


def _field_check(field: FieldDescriptor, limit: Limit) -> _Check | None:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return _map_check(entry, limit)
    one = _value_check(field, limit.each)
    return _list_check(one, limit) if field.is_repeated else one


def _map_check(entry: Descriptor, limit: Limit) -> _Check:
    key_check = _value_check(entry.fields_by_name["key"], limit.each)
    value_check = _value_check(entry.fields_by_name["value"], limit.each)

    def look(mapping: Any, path: str, found: list[Violation]) -> None:
        if not _count(len(mapping), limit.entries, path, found):
            return
        for key in sorted(mapping):
            where = f'{path}["{_shortened(key)}"]'
            for one, value in ((key_check, key), (value_check, mapping[key])):
                if one is not None:
                    one(value, where, found)

    return look


def _list_check(one: _Check | None, limit: Limit) -> _Check:
    def look(values: Any, path: str, found: list[Violation]) -> None:
        if not _count(len(values), limit.entries, path, found) or one is None or _short(values, limit.each):
            return
        for i, value in enumerate(values):
            one(value, f"{path}[{i}]", found)
            if len(found) >= MAX_VIOLATIONS:
                return

    return look


def _short(texts: Sequence[str], span: Span | None) -> bool:
    """Whether none of them is beyond its limit by its number of characters alone, of which each takes at most four
    bytes: thousands of ids need no look at each."""
    if span is None or not span.unit:  # messages, or numbers
        return False
    lengths = [*map(len, texts)]
    return span.minimum <= min(lengths) and max(lengths) <= span.maximum / 4


def _count(n: int, entries: Span | None, path: str, found: list[Violation]) -> bool:
    """Whether the entries are few enough to be looked at one by one."""
    if entries is None or n in entries:
        return True
    found.append(Violation(path, f"has {n:,} entries; expected {entries.expected}"))
    return False


def _value_check(field: FieldDescriptor, span: Span | None) -> _Check | None:
    if field.message_type is not None:
        return _timestamp_check if field.message_type.full_name == "google.protobuf.Timestamp" else _message_check
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return None if span is None else _text_check(span)
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return _number_check(span or Span(-math.inf, math.inf))
    return _number_check(span) if span is not None else None


def _message_check(message: Any, path: str, found: list[Violation]) -> None:
    _walk(message, path + ".", found)


def _text_check(span: Span) -> _Check:
    # len() of an ASCII text is its length in bytes, so that the common case copies nothing.
    in_bytes = span.unit == "bytes"

    def look(text: str, path: str, found: list[Violation]) -> None:
        length = len(text.encode()) if in_bytes and not text.isascii() else len(text)
        if not span.minimum <= length <= span.maximum:
            found.append(Violation(path, f"is {length:,} {span.unit} long; expected {span.expected}"))

    return look


def _number_check(span: Span) -> _Check:
    def look(number: float, path: str, found: list[Violation]) -> None:
        if not math.isfinite(number):
            found.append(Violation(path, f"is {number}; expected a finite number"))
        elif number not in span:
            found.append(Violation(path, f"is {number:,g}; expected {span}"))

    return look


def _timestamp_check(time: Any, path: str, found: list[Violation]) -> None:
    # The years 1 to 9999, as timestamp.proto has it.
    if not (-62_135_596_800 <= time.seconds <= 253_402_300_799 and 0 <= time.nanos <= 999_999_999):
        expected = "a time in the years 1 to 9999 with 0 to 999,999,999 nanos"
        found.append(Violation(path, f"is {time.seconds} seconds and {time.nanos} nanos; expected {expected}"))


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
