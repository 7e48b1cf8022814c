"""Python arguments to request messages, for both clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from google.protobuf.timestamp_pb2 import Timestamp

from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import Boost, RankContext, RankOverride, RankRequest, RecallOverride


class RankArgs(TypedDict, total=False):
    """What to rank for; give at least one of the first seven, or a page. RankRequest has the limits."""

    user_id: str
    """The shopper's account; an unknown one is no error."""
    visitor_id: str
    """The browser or device of a guest."""
    recent_events: Iterable[Event]
    """What the shopper did of late; `event` makes them."""
    query: str
    """Search text, as typed."""
    seed_item_ids: Iterable[str]
    """Items that the slate should go with: the one of a product page, those of a basket."""
    candidate_item_ids: Iterable[str]
    """Rank exactly these items."""
    user_attributes: Mapping[str, str]
    """What else is known of the shopper, for cold start."""
    page: str
    """The kind of page: "home", "product", "cart", "search"."""
    locale: str
    """The shopper's language and region, as "en-GB"."""
    time: datetime
    """The moment to rank for, with a time zone. Default: now."""
    request_id: str
    """Names the request in logs. Default: the server makes one."""
    strategy: str
    """The strategy to use. Default: the server's."""
    filter: str
    """Keep only items for which this holds, as in `price < 5 AND NOT brand = "National"`."""
    excluded_item_ids: Iterable[str]
    """Never show these."""
    page_size: int
    """How many items to return. Default: 20."""
    page_token: str
    """The next_page_token of an earlier answer to the same request."""
    recall: Mapping[str, int]
    """Ask these recall sources, each for so many candidates (0: as many as it would have), and no others."""
    scorer: str
    """Use this scorer instead of the strategy's."""
    diversity: float
    """How much score to give up for variety, 0 to 1, instead of the strategy's."""
    boosts: Mapping[str, float]
    """Filters, and what to add to the score of items for which they hold, in standard deviations."""
    explain: bool
    """Return the features of each item, too."""
    validate_only: bool
    """Check the request without ranking."""


# Arguments that are not fields of RankRequest itself, but of a message inside it.
_CONTEXT = frozenset({"page", "locale", "time"})
_OVERRIDE = frozenset({"recall", "scorer", "diversity"})
_NESTED = _CONTEXT | _OVERRIDE | {"boosts"}


def rank_request(**args: Unpack[RankArgs]) -> RankRequest:
    """Build the message. An argument that RankArgs lacks is a TypeError."""
    unknown = args.keys() - RankArgs.__annotations__.keys()
    if unknown:
        raise TypeError(
            f"rank has no argument {', '.join(sorted(unknown))}; it takes {', '.join(RankArgs.__annotations__)}"
        )
    plain: dict[str, Any] = {name: value for name, value in args.items() if name not in _NESTED}
    request = RankRequest(**plain)
    if args.keys() & _CONTEXT:
        request.context.CopyFrom(_context(args))
    if args.keys() & _OVERRIDE:
        request.override.CopyFrom(_override(args))
    request.boosts.extend(Boost(filter=text, weight=weight) for text, weight in args.get("boosts", {}).items())
    return request


def event(
    item_id: str, event_type: str = "", *, time: datetime | None = None, value: float = 0, quantity: float = 0
) -> Event:
    """Say what the shopper did with an item: `time` (with a time zone) defaults to now, `quantity` to 1."""
    return Event(
        item_id=item_id,
        event_type=event_type,
        time=None if time is None else _timestamp(time),
        value=value,
        quantity=quantity,
    )


def _context(args: RankArgs) -> RankContext:
    time = args.get("time")
    return RankContext(
        page=args.get("page", ""),
        locale=args.get("locale", ""),
        time=None if time is None else _timestamp(time),
    )


def _override(args: RankArgs) -> RankOverride:
    return RankOverride(
        recall=[RecallOverride(source=source, limit=limit) for source, limit in args.get("recall", {}).items()],
        scorer=args.get("scorer", ""),
        diversity=args.get("diversity"),
    )


def _timestamp(time: datetime) -> Timestamp:
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone; give it one, as in datetime.now(timezone.utc)")
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
