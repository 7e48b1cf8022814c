"""From the bytes of a request to a query of dense numbers, or to a refusal that names the field."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple, TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message

from endcap.bundle.events import Array, Events
from endcap.bundle.ids import UNKNOWN
from endcap.server.codec.events import read_events
from endcap.server.codec.tokens import PageToken, digest
from endcap.server.errors import InvalidRequest, UnknownStrategy
from endcap.server.limits import Violation, check
from endcap.server.serving import Serving
from endcap.strategies.contract import NO_ITEMS, Boost, ItemFilter, Query
from endcap.strategies.filter.expression import FilterError
from endcap.strategies.registry import Form, Strategies
from endcap.strategies.strategy import Override, Strategy
from endcap.v1 import ranking_pb2 as pb

DEFAULT_PAGE_SIZE: Final = 20
FORMS: Final = ("user_id", "visitor_id", "recent_events", "seed_item_ids", "candidate_item_ids", "user_attributes")
# What may differ between two pages of one slate.
_FREE_FIELDS: Final = ("request_id", "page_token", "page_size", "explain", "validate_only")
_NO_CONTEXT: Final = pb.RankContext()
_IDS: Final = Random()
"""Names requests that come without a name. Not the system's own numbers: to ask for them lets another thread take over
Python's lock. Seeded by the system, so that no two processes give out the same."""

M = TypeVar("M", bound=Message)


class Ask(NamedTuple):
    """A request, understood."""

    request_id: str
    strategy: Strategy
    query: Query
    """Its size reaches to the end of the page."""
    offset: int
    missing: tuple[str, ...]
    """Item ids that the catalog does not know, each once."""
    explain: bool
    validate_only: bool
    fingerprint: bytes
    """Digest of all that decides the order; the same for every page of a slate."""


def parse(raw: bytes, kind: type[M]) -> M:
    """Raises InvalidRequest for bytes that are no such message, and for a message beyond its limits."""
    try:
        message = kind.FromString(raw)
    except DecodeError as error:
        text = f"the {len(raw):,} bytes sent are not a valid endcap.v1.{kind.DESCRIPTOR.name}"
        raise InvalidRequest(text, "MALFORMED_MESSAGE", [Violation("", text)]) from error
    if beyond := check(message):
        raise InvalidRequest.of("FIELD_OUT_OF_LIMITS", *beyond)
    return message


def read(request: pb.RankRequest, serving: Serving, wall_seconds: float | None = None) -> Ask:
    """A request within its limits as a query. Raises InvalidRequest and UnknownStrategy. Empties the request."""
    given = {field.name for field, _ in request.ListFields()}
    text = request.query.strip()
    _refuse_formless(request, given, text)
    request_id = request.request_id or f"{_IDS.getrandbits(128):032x}"
    page = PageToken.decode(request.page_token) if request.page_token else None
    offset = page.offset if page else 0
    items = Items.of(request, given, serving)
    user = _user(request.user_id, serving)
    context = request.context if "context" in given else _NO_CONTEXT
    now, history = _moment(context, user, serving, page, wall_seconds)
    strategy = _strategy(request, given, _form(given, text, context.page, history), serving.strategies)
    recent = request.recent_events if "recent_events" in given else ()
    query = Query(
        now=now,
        user=user,
        history=history,
        session=read_events(recent, items.events, history, now, serving),
        text=text,
        seeds=items.seeds,
        given=items.candidates if "candidate_item_ids" in given else None,
        page=context.page,
        locale=context.locale,
        attributes=dict(request.user_attributes) if "user_attributes" in given else {},
        excluded=items.excluded,
        filter=_filter("filter", request.filter, serving) if "filter" in given and request.filter.strip() else None,
        boosts=_boosts(request.boosts, serving) if "boosts" in given else (),
        size=offset + (request.page_size or DEFAULT_PAGE_SIZE),
        diversity=_diversity(request.override) if "override" in given else None,
        request_id=page.seed if page else request_id,
    )
    explain, validate_only = request.explain, request.validate_only
    fingerprint = _fingerprint(request, given)
    if page:
        page.require(digest(serving.bundle.manifest.version.encode()), fingerprint)
    return Ask(request_id, strategy, query, offset, items.missing, explain, validate_only, fingerprint)


def _refuse_formless(request: pb.RankRequest, given: set[str], text: str) -> None:
    if not given.isdisjoint(FORMS) or text or request.context.page:
        return
    rest = ", ".join((*FORMS[1:], "query", "context.page"))
    raise InvalidRequest.of("EMPTY_REQUEST", Violation("user_id", f"is empty, and so are {rest}; set at least one"))


def _form(given: set[str], text: str, page: str, history: Events) -> Form:
    """What a request that names no strategy asks from; the most telling of its fields decides."""
    if "candidate_item_ids" in given:
        return Form.LIST
    if text:
        return Form.SEARCH
    if "seed_item_ids" in given:
        return Form.PRODUCT_PAGE
    if len(history):
        return Form.SHOPPER
    if "recent_events" in given:
        return Form.SESSION
    return Form.WORDS if page or "user_attributes" in given else Form.SHOPPER


def _strategy(request: pb.RankRequest, given: set[str], form: Form, strategies: Strategies) -> Strategy:
    override = _override(request.override, strategies) if "override" in given else None
    try:
        return strategies.resolve(request.strategy, override, form)
    except KeyError:
        raise UnknownStrategy(request.strategy, strategies.by_name) from None


def _override(override: pb.RankOverride, strategies: Strategies) -> Override | None:
    names = [recall.source for recall in override.recall]
    faults = [
        Violation(f"override.recall[{i}].source", f"is {name!r}; expected one of {', '.join(strategies.sources)}")
        for i, name in enumerate(names)
        if name not in strategies.sources
    ]
    faults += [
        Violation(f"override.recall[{i}].source", f"is {name!r} once more; name each source once")
        for i, name in enumerate(names)
        if name in names[:i]
    ]
    if override.scorer and override.scorer not in strategies.scorers:
        known = ", ".join(strategies.scorers)
        faults.append(Violation("override.scorer", f"is {override.scorer!r}; expected one of {known}"))
    if faults:
        raise InvalidRequest.of("UNKNOWN_COMPONENT", *faults[:10])
    if not (names or override.scorer):
        return None
    return Override(tuple((recall.source, recall.limit) for recall in override.recall), override.scorer)


def _diversity(override: pb.RankOverride) -> float | None:
    return override.diversity if override.HasField("diversity") else None


def _user(user_id: str, serving: Serving) -> int:
    return serving.bundle.users.number(user_id) if user_id else UNKNOWN


def _moment(
    context: pb.RankContext, user: int, serving: Serving, page: PageToken | None, wall_seconds: float | None
) -> tuple[int, Events]:
    """The request's time on the shop's clock, and what the shopper had done by then.

    A request that names its time sees nothing of what came later, so that the past can be replayed.
    """
    history = serving.bundle.histories.of(user)
    if context.HasField("time"):
        now = serving.clock.seconds(context.time.seconds)
        return now, history.before(now)
    return (page.now if page else serving.clock.now(wall_seconds)), history


def _filter(field: str, text: str, serving: Serving) -> ItemFilter:
    try:
        return serving.compile_filter(text)
    except FilterError as error:
        raise InvalidRequest.of("MALFORMED_FILTER", Violation(field, str(error))) from error


def _boosts(boosts: Sequence[pb.Boost], serving: Serving) -> tuple[Boost, ...]:
    return tuple(
        Boost(_filter(f"boosts[{i}].filter", boost.filter, serving), boost.weight) for i, boost in enumerate(boosts)
    )


def _fingerprint(request: pb.RankRequest, given: set[str]) -> bytes:
    for name in _FREE_FIELDS:
        if name in given:
            request.ClearField(name)
    return digest(request.SerializeToString(deterministic=True))


class Items(NamedTuple):
    """The items that a request names, as numbers."""

    events: Array
    """int32[e], one a recent event, -1 where the catalog does not know it."""
    seeds: Array
    """int32[s], known ones only, each once; so are those below."""
    candidates: Array
    excluded: Array
    missing: tuple[str, ...]

    @classmethod
    def of(cls, request: pb.RankRequest, given: set[str], serving: Serving) -> Items:
        find, excluded = serving.bundle.catalog.ids.numbers, NO_ITEMS
        if "excluded_item_ids" in given:
            excluded = _known(find(request.excluded_item_ids))
        if given.isdisjoint(_ASKED):
            return cls(NO_ITEMS, NO_ITEMS, NO_ITEMS, excluded, ())
        events = [event.item_id for event in request.recent_events]
        asked: tuple[Sequence[str], ...] = (events, request.seed_item_ids, request.candidate_item_ids)
        numbers = [find(names) if names else NO_ITEMS for names in asked]
        # That an excluded one is unknown is no news to anybody.
        return cls(numbers[0], _known(numbers[1]), _known(numbers[2]), excluded, _unknown(asked, numbers))


_ASKED: Final = ("recent_events", "seed_item_ids", "candidate_item_ids")


def _unknown(names: Sequence[Sequence[str]], numbers: Sequence[Array]) -> tuple[str, ...]:
    told = (pair for own, found in zip(names, numbers, strict=True) for pair in zip(own, found.tolist(), strict=True))
    return tuple(dict.fromkeys(name for name, number in told if number == UNKNOWN))


def _known(numbers: Array) -> Array:
    """int32[k]: the known ones, each once, in the order given."""
    known = dict.fromkeys(numbers.tolist())
    known.pop(UNKNOWN, None)
    return numbers if len(known) == len(numbers) else np.array([*known], np.int32)
