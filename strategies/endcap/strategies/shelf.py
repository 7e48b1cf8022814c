"""From names in tables to built components: entry points, checked parameters, boot errors that name the key."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pydantic import ValidationError

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.merge import CALLER, FUSED, VOTES
from endcap.strategies.strategy import Named, Source, Strategy
from endcap.strategies.tables import SpareUse, StrategyError, Use, parsed, taught

STAGES = ("recall", "hydrate", "filter", "score", "select")
U = TypeVar("U", bound=SpareUse)


class Shelf:
    """Components of one bundle, each distinct (stage, name, parameters) built once. Without a bundle it only checks."""

    def __init__(self, bundle: Bundle | None) -> None:
        self.bundle = bundle
        self.known = {stage: _points(stage) for stage in STAGES}
        self.built: dict[tuple[str, str, str], Any] = {}

    def strategy(self, name: str, table: Mapping[str, Any]) -> Strategy:
        key = f"strategies.{name}"
        config = parsed(key, table)
        strategy = Strategy(
            name=name,
            description=config.description,
            recall=tuple(
                Source(use.name, built, use.limit, use.unseen)
                for use, built in self._built("recall", config.recall, key)
            ),
            hydrate=self._named("hydrate", config.hydrate, key),
            filter=self._named("filter", config.filter, key),
            scorer=self._one("score", config.score, key),
            selector=self._one("select", config.select, key),
            candidates=config.candidates,
            item_count=len(self.bundle.catalog) if self.bundle else 0,
            cache=config.cache,
        )
        _check_names(strategy, key)
        if len(strategy.hydrate) == len(config.hydrate):  # columns of what was left out as optional are unknown
            _check_columns(strategy, self.known["recall"], key)
        return strategy

    def check(self, name: str, table: Mapping[str, Any]) -> None:
        """Raises StrategyError where the table would boot with no bundle at all."""
        key = f"strategies.{name}"
        config = parsed(key, table)
        uses = {"recall": config.recall, "hydrate": config.hydrate, "filter": config.filter}
        for stage, some in {**uses, "score": (config.score,), "select": (config.select,)}.items():
            for use in some:
                self._configured(stage, use, f"{key}.{stage}")

    def _named(self, stage: str, uses: Iterable[SpareUse], key: str) -> tuple[Named[Any], ...]:
        return tuple(Named(use.name, built) for use, built in self._built(stage, uses, key))

    def _one(self, stage: str, use: Use, key: str) -> Named[Any]:
        return Named(use.name, self.build(stage, use, key))

    def _built(self, stage: str, uses: Iterable[U], key: str) -> Iterator[tuple[U, Any]]:
        for use in uses:
            try:
                yield use, self.build(stage, use, key)
            except BundleError:
                if not use.optional:
                    raise

    def build(self, stage: str, use: Use, key: str) -> Any:
        identity = (stage, use.use, repr(sorted(use.parameters.items())))
        if identity not in self.built:
            self.built[identity] = self._build(stage, use, f"{key}.{stage}")
        return self.built[identity]

    def _build(self, stage: str, use: Use, key: str) -> Any:
        component, config = self._configured(stage, use, key)
        try:
            return component(config, self.bundle)
        except (BundleError, StrategyError):
            raise
        except Exception as error:
            raise StrategyError(f"{key}.{use.use}: could not be built: {type(error).__name__}: {error}") from error

    def _configured(self, stage: str, use: Use, key: str) -> tuple[Any, Any]:
        """The component's class, and its parameters as it wants them."""
        component = self._load(stage, use.use, key)
        try:
            return component, component.Config.model_validate(use.parameters)
        except ValidationError as error:
            raise StrategyError(taught(f"{key}.{use.use}", error, component.Config)) from error
        except AttributeError as error:
            raise StrategyError(f"{key}.{use.use}: {error}; a component has a pydantic model Config") from error

    def _load(self, stage: str, name: str, key: str) -> Any:
        points = self.known[stage].get(name, [])
        if not points:
            near = difflib.get_close_matches(name, self.known[stage], 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise StrategyError(f"{key}: no component {name!r}{hint} Installed: {', '.join(sorted(self.known[stage]))}")
        if len(points) > 1:
            raise StrategyError(f"{key}: {name!r} is installed more than once: {', '.join(p.value for p in points)}")
        try:
            return points[0].load()
        except Exception as error:
            raise StrategyError(f"{key}: the plugin {name!r} ({points[0].value}) failed to load: {error}") from error

    def spare(self, stage: str) -> dict[str, Any]:
        """Every component of a stage by its entry-point name, with default parameters, where the bundle has its part.

        These are what a request's override may name, whether or not a strategy uses them.
        """
        found: dict[str, Any] = {}
        for name in self.known[stage]:
            try:
                found[name] = self.build(stage, Use.model_validate(name), "override")
            except (BundleError, StrategyError):
                continue  # not of this bundle, or it has no defaults: not on offer
        return found


def _points(stage: str) -> dict[str, list[EntryPoint]]:
    """Installed components by name; those of one name and class count once, however often they are installed."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=f"endcap.{stage}")):
        same = found.setdefault(point.name, [])
        if point.value not in [other.value for other in same]:
            same.append(point)
    return found


def _check_names(strategy: Strategy, key: str) -> None:
    names = [source.name for source in strategy.recall]
    for name in names:
        if names.count(name) > 1:
            raise StrategyError(f"{key}.recall: two sources called {name!r}; give one of them another name = ...")
        if name in (CALLER, "merge"):
            raise StrategyError(f"{key}.recall: a source cannot be called {name!r}, which has a meaning already")


def _check_columns(strategy: Strategy, sources: Iterable[str], key: str) -> None:
    offered = {feature.name for hydrator in strategy.hydrate for feature in hydrator.component.provides}
    known = {*sources, *(source.name for source in strategy.recall), CALLER}
    wanted = strategy.scorer.component.requires
    missing = [name for name in wanted if name not in offered and not _from_merge(name, known)]
    if missing:
        raise StrategyError(
            f"{key}.score: {strategy.scorer.name!r} reads columns that no hydrator of the strategy provides: "
            f"{', '.join(missing[:5])}; add the hydrator, or train the ranker with this strategy"
        )


def _from_merge(name: str, sources: Collection[str]) -> bool:
    """Columns of merge are NaN where a source does not take part, which a scorer must bear anyway: see overrides."""
    source, _, what = name.rpartition(".")
    return name in (FUSED, VOTES) or (what in ("rank", "score") and source in sources)
