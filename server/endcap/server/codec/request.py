"""From the bytes of a request to a query of dense numbers, or to a refusal that names the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeVar
from uuid import uuid4

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

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Ask:
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
    _refuse_formless(request)
    request_id = request.request_id or uuid4().hex
    page = PageToken.decode(request.page_token) if request.page_token else None
    items = Items.of(request, serving)
    user = _user(request.user_id, serving)
    now, history = _moment(request, user, serving, page, wall_seconds)
    strategy = _strategy(request, _form(request, history), serving.strategies)
    query = Query(
        now=now,
        user=user,
        history=history,
        session=read_events(request.recent_events, items.events, history, now, serving),
        text=request.query.strip(),
        seeds=items.seeds,
        given=items.candidates if request.candidate_item_ids else None,
        page=request.context.page,
        locale=request.context.locale,
        attributes=dict(request.user_attributes),
        excluded=items.excluded,
        filter=_filter("filter", request.filter, serving) if request.filter.strip() else None,
        boosts=tuple(
            Boost(_filter(f"boosts[{i}].filter", boost.filter, serving), boost.weight)
            for i, boost in enumerate(request.boosts)
        ),
        size=(page.offset if page else 0) + (request.page_size or DEFAULT_PAGE_SIZE),
        diversity=request.override.diversity if request.override.HasField("diversity") else None,
        request_id=page.seed if page else request_id,
    )
    explain, validate_only = request.explain, request.validate_only
    fingerprint = _fingerprint(request)
    if page:
        page.require(digest(serving.bundle.manifest.version.encode()), fingerprint)
    offset = page.offset if page else 0
    return Ask(request_id, strategy, query, offset, items.missing, explain, validate_only, fingerprint)


def _refuse_formless(request: pb.RankRequest) -> None:
    if any(getattr(request, name) for name in FORMS) or request.query.strip() or request.context.page:
        return
    rest = ", ".join((*FORMS[1:], "query", "context.page"))
    raise InvalidRequest.of("EMPTY_REQUEST", Violation("user_id", f"is empty, and so are {rest}; set at least one"))


def _form(request: pb.RankRequest, history: Events) -> Form:
    """What a request that names no strategy asks from; the most telling of its fields decides."""
    forms = (
        (request.candidate_item_ids, Form.LIST),
        (request.query.strip(), Form.SEARCH),
        (request.seed_item_ids, Form.PRODUCT_PAGE),
        (history, Form.SHOPPER),
        (request.recent_events, Form.SESSION),
        (request.context.page or request.user_attributes, Form.WORDS),
    )
    return next((form for given, form in forms if given), Form.SHOPPER)


def _strategy(request: pb.RankRequest, form: Form, strategies: Strategies) -> Strategy:
    try:
        return strategies.resolve(request.strategy, _override(request.override, strategies), form)
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


def _user(user_id: str, serving: Serving) -> int:
    return serving.bundle.users.number(user_id) if user_id else UNKNOWN


def _moment(
    request: pb.RankRequest, user: int, serving: Serving, page: PageToken | None, wall_seconds: float | None
) -> tuple[int, Events]:
    """The request's time on the shop's clock, and what the shopper had done by then.

    A request that names its time sees nothing of what came later, so that the past can be replayed.
    """
    history = serving.bundle.histories.of(user)
    if request.context.HasField("time"):
        now = serving.clock.seconds(request.context.time.seconds)
        return now, history.before(now)
    return (page.now if page else serving.clock.now(wall_seconds)), history


def _filter(field: str, text: str, serving: Serving) -> ItemFilter:
    try:
        return serving.compile_filter(text)
    except FilterError as error:
        raise InvalidRequest.of("MALFORMED_FILTER", Violation(field, str(error))) from error


def _fingerprint(request: pb.RankRequest) -> bytes:
    for name in _FREE_FIELDS:
        request.ClearField(name)
    return digest(request.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class Items:
    """The items that a request names, as numbers, looked up all at once."""

    events: Array
    """int32[e], one a recent event, -1 where the catalog does not know it."""
    seeds: Array
    """int32[s], known ones only, each once; so are those below."""
    candidates: Array
    excluded: Array
    missing: tuple[str, ...]

    @classmethod
    def of(cls, request: pb.RankRequest, serving: Serving) -> Items:
        lists: tuple[Sequence[str], ...] = (
            [event.item_id for event in request.recent_events],
            request.seed_item_ids,
            request.candidate_item_ids,
            request.excluded_item_ids,
        )
        names = [name for names in lists for name in names]
        if not names:
            return _NO_ITEMS
        numbers = serving.bundle.catalog.ids.numbers(names)
        ends = accumulate(map(len, lists))
        events, seeds, candidates, excluded = (
            numbers[end - len(own) : end] for end, own in zip(ends, lists, strict=True)
        )
        told = numbers[: len(names) - len(excluded)].tolist()  # that an excluded one is unknown is no news to anybody
        missing = dict.fromkeys(name for name, number in zip(names, told, strict=False) if number == UNKNOWN)
        return cls(events, _known(seeds), _known(candidates), _known(excluded), tuple(missing))


_NO_ITEMS: Final = Items(NO_ITEMS, NO_ITEMS, NO_ITEMS, NO_ITEMS, ())


def _known(numbers: Array) -> Array:
    """int32[k]: the known ones, each once, in the order given."""
    if not len(numbers):
        return numbers
    return np.array([number for number in dict.fromkeys(numbers.tolist()) if number != UNKNOWN], np.int32)
