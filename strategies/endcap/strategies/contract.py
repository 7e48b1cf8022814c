"""What a stage is given and what it may return: the whole vocabulary of the online pipeline.

A component is a class built as ``Component(config, bundle)`` with a pydantic model ``Config`` as a class attribute. It
holds no request state, so one instance serves every thread. Times are int64 seconds on the shop's clock; items and
users are dense numbers; -1 means unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from endcap.bundle.events import Array, Events
from endcap.strategies.batch import Candidates, Recalled

SECONDS_PER_DAY = 86_400.0

T = TypeVar("T")


class Settings(BaseModel):
    """Base of every component's ``Config``: unknown keys are errors, values never change after the boot."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonCode(StrEnum):
    """Why an item is in the slate, as a shopper would say it. The proto's enum has the same names."""

    BOUGHT_BEFORE = "BOUGHT_BEFORE"
    DUE_AGAIN = "DUE_AGAIN"
    SHOPPERS_LIKE_YOU = "SHOPPERS_LIKE_YOU"
    OFTEN_BOUGHT_WITH = "OFTEN_BOUGHT_WITH"
    POPULAR = "POPULAR"
    TRENDING = "TRENDING"
    MATCHES_QUERY = "MATCHES_QUERY"
    SIMILAR_CONTENT = "SIMILAR_CONTENT"
    FAVOURITE_BRAND = "FAVOURITE_BRAND"
    FAVOURITE_CATEGORY = "FAVOURITE_CATEGORY"
    PRICE_FITS = "PRICE_FITS"
    ON_PROMOTION = "ON_PROMOTION"
    PROMOTED_BY_REQUEST = "PROMOTED_BY_REQUEST"
    OTHER = "OTHER"


class Proof(NamedTuple):
    """When a reason is true: ``column`` lies between the two, exclusive. NaN proves nothing."""

    column: str = ""
    """A column of the same strategy; empty: the feature's own."""
    above: float = 0.0
    below: float = math.inf


class Feature(NamedTuple):
    """One column that a hydrator adds, and the reason its contribution counts towards.

    ``reason`` is None for a feature that says nothing about this item to a shopper (how often they shop, say). The
    reason is given only where ``proof`` holds: never to have bought an item may raise its score too, but is no
    BOUGHT_BEFORE.
    """

    name: str
    reason: ReasonCode | None = None
    proof: Proof = Proof()


NO_ITEMS: Array = np.empty(0, np.int32)


class ItemFilter(Protocol):
    """A compiled filter over item attributes, such as the request's filter string."""

    def mask(self) -> Array:
        """bool[items]: which items of the catalog pass."""
        ...

    def keep(self, items: Array) -> Array:
        """bool[m]: which of these items (int32[m]) pass."""
        ...


class Boost(NamedTuple):
    """Items that pass ``filter`` gain ``weight`` standard deviations of the candidates' scores."""

    filter: ItemFilter
    weight: float


@dataclass(frozen=True)
class Query:
    """Everything known about one request. Never changed; derived values are computed once, see ``once``."""

    now: int
    """Seconds on the shop's clock; events later than this were moved to it by the codec."""
    user: int = -1
    history: Events = field(default_factory=Events.none)
    """What the shopper is known to have done before this request, oldest first."""
    session: Events = field(default_factory=Events.none)
    """What the request itself says the shopper did, oldest first, never earlier than the history's end."""
    text: str = ""
    seeds: Array = field(default_factory=lambda: NO_ITEMS)
    """int32[s]: the items of a product page or a basket; where given, recall starts from these."""
    given: Array | None = None
    """int32[g]: the caller's own candidates; recall is then skipped."""
    page: str = ""
    locale: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    excluded: Array = field(default_factory=lambda: NO_ITEMS)
    filter: ItemFilter | None = None
    boosts: tuple[Boost, ...] = ()
    size: int = 20
    """How many items the slate should hold."""
    diversity: float | None = None
    """0 (relevance alone) to 1 (variety alone); None: as the strategy says."""
    request_id: str = ""
    """Seeds whatever is random, so that one request always gets one answer."""

    @cached_property
    def events(self) -> Events:
        """History and session in one log, oldest first."""
        return self.history.then(self.session)

    @cached_property
    def allowed(self) -> Array | None:
        """bool[items] that recall may propose under the request's filter, or None where all may be proposed."""
        return None if self.filter is None else self.filter.mask()

    @cached_property
    def _memo(self) -> dict[str, Any]:
        return {}

    def once(self, key: str, compute: Callable[[], T]) -> T:
        """``compute()`` on the first call for ``key`` in this request, then the same object again.

        Lets a recall source and a hydrator share a shopper's vector. Keys start with the component's name.
        """
        if key not in self._memo:
            self._memo[key] = compute()
        value: T = self._memo[key]
        return value


@runtime_checkable
class RecallSource(Protocol):
    Config: ClassVar[type[Settings]]

    def recall(self, query: Query, limit: int) -> Recalled:
        """At most ``limit`` items worth ranking, best first, each once. Respects ``query.allowed``."""
        ...


@runtime_checkable
class Hydrator(Protocol):
    Config: ClassVar[type[Settings]]
    provides: tuple[Feature, ...]

    def hydrate(self, query: Query, candidates: Candidates) -> Array:
        """float32[n, len(provides)]: one row a candidate, NaN where unknown."""
        ...


@runtime_checkable
class Narrowable(Protocol):
    """A hydrator some of whose columns can be left out, and their work with them, where nobody reads them."""

    def narrowed(self, wanted: Set[str]) -> Hydrator:
        """One that provides at least those of these columns that this one does, in the same order."""
        ...


@runtime_checkable
class EncodesWords(Protocol):
    """A recall source or hydrator that has words of the request encoded by the bundle's text model, and says which:
    those of requests that wait at the same time are encoded together, before their turn."""

    def words_to_encode(self, query: Query) -> str:
        """What it will ask the encoder for; empty where that is nothing."""
        ...


@runtime_checkable
class Filter(Protocol):
    Config: ClassVar[type[Settings]]

    def keep(self, query: Query, candidates: Candidates) -> Array:
        """bool[n]: False drops the candidate, and the drop is counted under this filter's name. Of columns only those
        are sure to be there that the strategy's scorer requires."""
        ...


@runtime_checkable
class Scorer(Protocol):
    Config: ClassVar[type[Settings]]
    requires: tuple[str, ...]
    """Names of the columns it reads; a strategy that lacks one does not boot."""

    def score(self, query: Query, candidates: Candidates) -> Array:
        """float32[n], higher is better; NaN = cannot score, ranks last."""
        ...

    def contributions(self, query: Query, candidates: Candidates) -> Array:
        """float32[n, len(requires)]: how much each required column moved each score, in the score's own units."""
        ...


@runtime_checkable
class Rescorer(Protocol):
    """A scorer that looks at its best candidates a second time. Where that fails, its first scores stand."""

    def rescore(self, query: Query, candidates: Candidates, scores: Array) -> Array:
        """float32[n]: ``scores``, what ``score`` gave these candidates, with the best of them in another order."""
        ...


@runtime_checkable
class Selector(Protocol):
    Config: ClassVar[type[Settings]]

    def select(self, query: Query, candidates: Candidates) -> Array:
        """int64[k], k <= query.size: row numbers of the slate, best first. Reads the column ``score``."""
        ...
