"""A strategy: a named composition of components, ready to run; and how a request overrides it for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from endcap.strategies.contract import Filter, Hydrator, RecallSource, Scorer, Selector
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

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self)


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
