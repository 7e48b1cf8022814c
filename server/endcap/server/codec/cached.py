"""What a kept slate is found by: all of a request that decides its answer, and who and what the answer depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

from google.protobuf.message import Message

from endcap.server.codec.request import Ask
from endcap.server.serving import Serving
from endcap.server.slates import Key, Tag
from endcap.strategies.contract import Query
from endcap.v1 import ranking_pb2 as pb

_GIVEN: Final[dict[str, Callable[[Query], bool]]] = {
    "query": lambda query: bool(query.text),
    "seed_item_ids": lambda query: len(query.seeds) > 0,
    "candidate_item_ids": lambda query: query.given is not None and len(query.given) > 0,
}


def slate_key(request: pb.RankRequest, ask: Ask, serving: Serving) -> Key | None:
    """The key of a request as ``read`` left it, without its request_id and page; None where its slate may not be kept.

    Only first pages are: a later one hangs on the time and the lots of its own first page.
    """
    terms = ask.strategy.cache
    if not terms.seconds or ask.offset or not all(_GIVEN[name](ask.query) for name in terms.needs):
        return None
    content = pb.RankRequest()
    content.CopyFrom(request)
    for name in terms.ignores:
        _clear(content, name)
    content.strategy, content.page_size, content.explain = "", ask.query.size, ask.explain
    digest = blake2b(content.SerializeToString(deterministic=True), digest_size=16).digest()
    return Key(serving.bundle.manifest.version, ask.strategy.name, digest)


def slate_tags(request: pb.RankRequest, shown: Iterable[str], ask: Ask) -> frozenset[Tag]:
    """The shoppers that the slate is for, unless it is the same for all, and the items it names or was asked about."""
    ignored = ask.strategy.cache.ignores
    shoppers = {"user_id": request.user_id, "visitor_id": request.visitor_id}
    items = {*shown, *request.seed_item_ids, *request.candidate_item_ids}
    if "recent_events" not in ignored:
        items.update(event.item_id for event in request.recent_events)
    return frozenset(
        [Tag("shopper", shopper) for field, shopper in shoppers.items() if shopper and field not in ignored]
        + [Tag("item", item) for item in items]
    )


def _clear(message: Message, field: str) -> None:
    """Clear a field by its path: "context.page"."""
    parent, _, name = field.rpartition(".")
    (getattr(message, parent) if parent else message).ClearField(name)
