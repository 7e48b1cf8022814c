"""A strategy: a named composition of components, ready to run; and how a request overrides it for itself."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Generic, Literal, NamedTuple, TypeVar

from pydantic import Field

from endcap.strategies.contract import (
    EncodesWords,
    Filter,
    Hydrator,
    Narrowable,
    Query,
    RecallSource,
    Rescorer,
    Scorer,
    Selector,
    Settings,
)
from endcap.strategies.reasons import Explainer

C = TypeVar("C", covariant=True)


class Named(NamedTuple, Generic[C]):
    """A component under the name that strategies, metrics and responses call it by."""

    name: str
    component: C


class Source(NamedTuple):
    name: str
    component: RecallSource
    limit: int
    """At most this many items a request."""
    unseen: bool = False
    """It spends its limit on items that the shopper has not gone for yet; other sources bring those back."""


class CacheTerms(Settings):
    """When, and for how long, the slate of one request answers another that says the same."""

    seconds: float = Field(0.0, ge=0, le=3_600)
    """0: never. A strategy that draws lots by the request's id, as ``shuffle`` does, would draw but once."""
    needs: tuple[Literal["query", "seed_item_ids", "candidate_item_ids"], ...] = ()
    """Only for requests that have all of these, of items that the catalog knows."""
    ignores: tuple[Literal["user_id", "visitor_id", "recent_events", "user_attributes", "context.page"], ...] = ()
    """What makes no difference to this strategy, with its own sources and scorer: requests may differ in it."""


NEVER: Final = CacheTerms(seconds=0.0)


@dataclass(frozen=True)
class Strategy:
    name: str
    description: str
    recall: tuple[Source, ...]
    hydrate: tuple[Named[Hydrator], ...]
    filter: tuple[Named[Filter], ...]
    scorer: Named[Scorer]
    selector: Named[Selector]
    candidates: int
    """At most this many items are scored."""
    item_count: int
    """Items of the catalog."""
    cache: CacheTerms = NEVER

    @cached_property
    def hydrated(self) -> tuple[tuple[str, ...], ...]:
        """The columns of each hydrator, in their order."""
        return tuple(tuple(feature.name for feature in each.component.provides) for each in self.hydrate)

    @cached_property
    def narrowed(self) -> Strategy:
        """The same, without columns that neither the scorer reads nor a reason that it may give. For serving: training
        looks at all of them, to learn which are worth something."""
        required = {*self.scorer.component.requires}
        features = [feature for each in self.hydrate for feature in each.component.provides]
        wanted = required | {feature.proof.column for feature in features if feature.name in required}
        return replace(self, hydrate=tuple(Named(name, _narrowed(hydrator, wanted)) for name, hydrator in self.hydrate))

    @cached_property
    def rescorer(self) -> Rescorer | None:
        """The scorer, where it takes a second look: to ask a protocol is slow, so it is asked once."""
        return self.scorer.component if isinstance(self.scorer.component, Rescorer) else None

    @cached_property
    def _encoding(self) -> tuple[tuple[EncodesWords, ...], tuple[EncodesWords, ...]]:
        """The sources and the hydrators that have words encoded."""
        sources = tuple(each.component for each in self.recall if isinstance(each.component, EncodesWords))
        return sources, tuple(each.component for each in self.hydrate if isinstance(each.component, EncodesWords))

    def words_to_encode(self, query: Query) -> list[str]:
        """The texts, each once, that a request will have encoded on its way through this strategy."""
        sources, hydrators = self._encoding
        readers = hydrators if query.given is not None else (*sources, *hydrators)
        return [*dict.fromkeys(words for each in readers if (words := each.words_to_encode(query)))]

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self)


def _narrowed(hydrator: Hydrator, wanted: Set[str]) -> Hydrator:
    return hydrator.narrowed(wanted) if isinstance(hydrator, Narrowable) else hydrator


class UnknownComponent(LookupError):
    """A request's override names something that this server does not have."""

    def __init__(self, stage: str, name: str, known: list[str]) -> None:
        super().__init__(f"no {stage} {name!r} here; there are: {', '.join(known)}")
        self.stage = stage


class Override(NamedTuple):
    """What one request changes of its strategy. Diversity travels in the query."""

    recall: tuple[tuple[str, int], ...] = ()
    """(source, limit); where not empty it replaces the strategy's sources. Limit 0: the strategy's own, or 100."""
    scorer: str = ""


DEFAULT_LIMIT = 100


def overridden(
    strategy: Strategy, override: Override, sources: Mapping[str, RecallSource], scorers: Mapping[str, Scorer]
) -> Strategy:
    """``strategy`` with what ``override`` names in place, its own components first. Raises UnknownComponent."""
    if override.recall or override.scorer:
        strategy = replace(strategy, cache=NEVER)  # its table speaks of its own sources and scorer
    if override.recall:
        own = {source.name: source for source in strategy.recall}
        known = {**{name: Source(name, source, DEFAULT_LIMIT) for name, source in sources.items()}, **own}
        asked = [(_known("recall source", name, known), limit) for name, limit in override.recall]
        recall = tuple(source._replace(limit=limit or source.limit) for source, limit in asked)
        strategy = replace(strategy, recall=recall)
    if override.scorer and override.scorer != strategy.scorer.name:
        strategy = replace(strategy, scorer=Named(override.scorer, _known("scorer", override.scorer, scorers)))
    return strategy


def _known(stage: str, name: str, known: Mapping[str, C]) -> C:
    if name not in known:
        raise UnknownComponent(stage, name, sorted(known))
    return known[name]
