"""From names in TOML to built components: entry points, checked parameters, boot errors that name the key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.contract import RecallSource, Scorer, Settings
from endcap.strategies.strategy import DEFAULT_LIMIT, Named, Override, Source, Strategy, overridden

STAGES = ("recall", "hydrate", "filter", "score", "select")


class StrategyError(ValueError):
    """A strategy that cannot boot. The message names the key, what was found and what was expected."""


class Use(Settings):
    """``{ use = "als", limit = 200, … }``: a component by its entry-point name, and its parameters."""

    use: str
    name: str = ""
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=10_000)
    optional: bool = False
    """Left out, not an error, where the bundle was trained without the part that the component reads."""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_toml(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            return {"use": raw, "name": raw}
        if not isinstance(raw, dict) or "use" not in raw or "parameters" in raw:
            return raw
        own = {key: raw[key] for key in ("use", "name", "limit", "optional") if key in raw}
        return {"name": raw["use"], **own, "parameters": {key: raw[key] for key in raw if key not in own}}


class StrategyConfig(Settings):
    """One ``[strategies.NAME]`` table."""

    description: str = ""
    recall: tuple[Use, ...] = ()
    hydrate: tuple[Use, ...] = ()
    filter: tuple[Use, ...] = ("available", "request_filter", "excluded")  # type: ignore[assignment]
    score: Use
    select: Use = "top_k"  # type: ignore[assignment]
    candidates: int = Field(500, ge=1, le=10_000)

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


@dataclass(frozen=True)
class Strategies:
    """Everything a request may name, built and ready."""

    by_name: Mapping[str, Strategy]
    default: str
    sources: Mapping[str, RecallSource]
    scorers: Mapping[str, Scorer]
    left_out: Mapping[str, str]
    """Ready-made strategies that this bundle cannot serve, and why."""

    def resolve(self, name: str = "", override: Override | None = None) -> Strategy:
        """The strategy of a request. Raises KeyError for an unknown name, UnknownComponent for an override."""
        strategy = self.by_name[name or self.default]
        return strategy if override is None else overridden(strategy, override, self.sources, self.scorers)


def load_strategies(bundle: Bundle, own: Mapping[str, Any] | None = None, default: str = "") -> Strategies:
    """Build the ready-made strategies, then the bundle's own, then ``own`` (tables as parsed from TOML).

    A later table replaces an earlier one of its name. A ready-made strategy whose part the bundle lacks is left out;
    anything else that does not fit raises StrategyError.
    """
    ready, written = ready_made(), {**bundle.manifest.strategies, **(own or {})}
    shelf = Shelf(bundle)
    built: dict[str, Strategy] = {}
    left_out: dict[str, str] = {}
    for name, table in {**ready, **written}.items():
        try:
            built[name] = shelf.strategy(name, table)
        except BundleError as error:
            if name in written:
                raise StrategyError(f"strategies.{name}: {error}") from error
            left_out[name] = str(error)
    default = default or bundle.manifest.default_strategy
    if default not in built:
        raise StrategyError(f"default_strategy: no strategy {default!r}; there are: {', '.join(sorted(built))}")
    return Strategies(built, default, shelf.spare("recall"), shelf.spare("score"), left_out)


def ready_made() -> dict[str, Any]:
    text = files("endcap.strategies").joinpath("ready_made.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)["strategies"]
    return tables


class Shelf:
    """Components of one bundle, each distinct (stage, name, parameters) built once."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.known = {stage: {point.name: point for point in _points(stage)} for stage in STAGES}
        self.built: dict[tuple[str, str, str], Any] = {}

    def strategy(self, name: str, table: Mapping[str, Any]) -> Strategy:
        key = f"strategies.{name}"
        try:
            config = StrategyConfig.model_validate(table)
        except ValidationError as error:
            raise StrategyError(_teach(key, error)) from error
        strategy = Strategy(
            name=name,
            description=config.description,
            recall=tuple(
                Source(use.name, built, use.limit) for use, built in self._built("recall", config.recall, key)
            ),
            hydrate=self._named("hydrate", config.hydrate, key),
            filter=self._named("filter", config.filter, key),
            scorer=self._named("score", [config.score], key)[0],
            selector=self._named("select", [config.select], key)[0],
            candidates=config.candidates,
        )
        _check_columns(strategy, key)
        return strategy

    def _named(self, stage: str, uses: Iterable[Use], key: str) -> tuple[Named[Any], ...]:
        return tuple(Named(use.name, built) for use, built in self._built(stage, uses, key))

    def _built(self, stage: str, uses: Iterable[Use], key: str) -> Iterator[tuple[Use, Any]]:
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
        component = self._load(stage, use.use, key)
        try:
            config = component.Config.model_validate(use.parameters)
        except ValidationError as error:
            raise StrategyError(_teach(f"{key}.{use.use}", error)) from error
        return component(config, self.bundle)

    def _load(self, stage: str, name: str, key: str) -> Any:
        known = self.known[stage]
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StrategyError(f"{key}: no component {name!r}{hint} Installed: {', '.join(sorted(known))}")
        try:
            return known[name].load()
        except Exception as error:
            raise StrategyError(f"{key}: the plugin {name!r} ({known[name].value}) failed to load: {error}") from error

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


def _points(stage: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"endcap.{stage}"))


def _check_columns(strategy: Strategy, key: str) -> None:
    offered = {feature.name for hydrator in strategy.hydrate for feature in hydrator.component.provides}
    missing = [name for name in strategy.scorer.component.requires if name not in offered and not _from_merge(name)]
    if missing:
        raise StrategyError(
            f"{key}.score: {strategy.scorer.name!r} reads columns that no hydrator of the strategy provides: "
            f"{', '.join(missing[:5])}; add the hydrator, or train the ranker with this strategy"
        )


def _from_merge(name: str) -> bool:
    """Columns of merge are NaN where a source does not take part, which a scorer must bear anyway: see overrides."""
    return name.startswith("merge.") or name.endswith((".rank", ".score"))


def _teach(key: str, error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    found = "" if first["type"] in ("missing", "extra_forbidden") else f", found {first['input']!r}"
    return f"{key}{'.' + where if where else ''}: {first['msg']}{found}"
