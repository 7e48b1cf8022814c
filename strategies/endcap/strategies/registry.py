"""From names in TOML to built components: entry points, checked parameters, boot errors that name the key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.contract import RecallSource, Scorer, Settings
from endcap.strategies.merge import CALLER, FUSED, VOTES
from endcap.strategies.strategy import DEFAULT_LIMIT, Named, Override, Source, Strategy, overridden

STAGES = ("recall", "hydrate", "filter", "score", "select")


class StrategyError(ValueError):
    """A strategy that cannot boot. The message names the key, what was found and what was expected."""


class Use(Settings):
    """``{ use = "trees", name = "…", … }``: a component by its entry-point name; other keys are its own parameters."""

    use: str
    name: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_toml(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            return {"use": raw, "name": raw}
        if not isinstance(raw, dict) or "use" not in raw or "parameters" in raw:
            return raw
        own = {key: raw[key] for key in cls.model_fields if key in raw}
        return {"name": raw["use"], **own, "parameters": {key: raw[key] for key in raw if key not in own}}


class SpareUse(Use):
    optional: bool = False
    """Left out, not an error, where the bundle was trained without the part that the component reads."""


class RecallUse(SpareUse):
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=10_000)
    unseen: bool = False
    """Spend the limit on items that the shopper has not gone for yet."""


U = TypeVar("U", bound=SpareUse)


class StrategyConfig(Settings):
    """One ``[strategies.NAME]`` table."""

    description: str = ""
    recall: tuple[RecallUse, ...] = ()
    hydrate: tuple[SpareUse, ...] = ()
    filter: tuple[SpareUse, ...] = tuple(
        SpareUse(use=name, name=name) for name in ("available", "request_filter", "excluded")
    )
    score: Use
    select: Use = Use(use="top_k", name="top_k")
    candidates: int = Field(500, ge=1, le=10_000)


class Form(StrEnum):
    """What a request asks from, where it names no strategy."""

    SHOPPER = "shopper"
    LIST = "list"
    SEARCH = "search"
    PRODUCT_PAGE = "product_page"
    SESSION = "session"
    """Someone without a history, by what they did in this visit."""
    WORDS = "words"
    """Someone of whom only a page or attributes are known."""


FITTING = {
    Form.SEARCH: "search",
    Form.PRODUCT_PAGE: "similar_items",
    Form.SESSION: "session",
    Form.WORDS: "cold_start",
}
"""The ready-made strategy of each form; the other forms, and a strategy that is left out, get the default."""


@dataclass(frozen=True)
class Strategies:
    """Everything a request may name, built and ready."""

    by_name: Mapping[str, Strategy]
    default: str
    sources: Mapping[str, RecallSource]
    scorers: Mapping[str, Scorer]
    left_out: Mapping[str, str]
    """Ready-made strategies that this bundle cannot serve, and why."""

    def resolve(self, name: str = "", override: Override | None = None, form: Form = Form.SHOPPER) -> Strategy:
        """The strategy of a request, by its name or else by its form.

        Raises KeyError for an unknown name, UnknownComponent for an override.
        """
        strategy = self.by_name[name or self.fitting(form)]
        return strategy if override is None else overridden(strategy, override, self.sources, self.scorers)

    def fitting(self, form: Form) -> str:
        """The name of the strategy for a request of this form that names none."""
        name = FITTING.get(form, self.default)
        return name if name in self.by_name else self.default


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
        why = f" ({left_out[default]})" if default in left_out else ""
        raise StrategyError(f"default_strategy: no strategy {default!r}{why}; there are: {', '.join(sorted(built))}")
    return Strategies(built, default, _sources(built, shelf), _scorers(built, shelf), left_out)


def check_tables(own: Mapping[str, Any], default: str = "") -> None:
    """Raises StrategyError for what no bundle could mend: a table with an unknown key, a component that is not
    installed or lacks a parameter, a default strategy that is nowhere. So that training says so before it starts."""
    shelf = Shelf(None)
    for name, table in own.items():
        shelf.check(name, table)
    names = {**ready_made(), **own}
    if default and default not in names:
        raise StrategyError(f"default_strategy: no strategy {default!r}; there are: {', '.join(sorted(names))}")


def _sources(built: Mapping[str, Strategy], shelf: Shelf) -> dict[str, RecallSource]:
    """What an override may name: every source with default parameters, and those that a strategy set up by name."""
    named = {source.name: source.component for strategy in built.values() for source in strategy.recall}
    return dict(sorted({**named, **shelf.spare("recall")}.items()))


def _scorers(built: Mapping[str, Strategy], shelf: Shelf) -> dict[str, Scorer]:
    """As for sources. A scorer without defaults is that of the strategy of its name, else of the first that has it."""
    named: dict[str, Scorer] = {}
    for name, strategy in sorted(built.items(), key=lambda pair: pair[0] != pair[1].scorer.name):
        named.setdefault(strategy.scorer.name, built[name].scorer.component)
    return dict(sorted({**named, **shelf.spare("score")}.items()))


def ready_made() -> dict[str, Any]:
    text = files("endcap.strategies").joinpath("ready_made.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)["strategies"]
    return {name: _completed(table, tables) for name, table in tables.items()}


def _completed(table: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """With what it does not say itself taken from the table that its ``like`` names."""
    own = {key: value for key, value in table.items() if key != "like"}
    return {**tables[table["like"]], **own} if "like" in table else own


class Shelf:
    """Components of one bundle, each distinct (stage, name, parameters) built once. Without a bundle it only checks."""

    def __init__(self, bundle: Bundle | None) -> None:
        self.bundle = bundle
        self.known = {stage: _points(stage) for stage in STAGES}
        self.built: dict[tuple[str, str, str], Any] = {}

    def strategy(self, name: str, table: Mapping[str, Any]) -> Strategy:
        key = f"strategies.{name}"
        config = _config(key, table)
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
        )
        _check_names(strategy, key)
        if len(strategy.hydrate) == len(config.hydrate):  # columns of what was left out as optional are unknown
            _check_columns(strategy, self.known["recall"], key)
        return strategy

    def check(self, name: str, table: Mapping[str, Any]) -> None:
        """Raises StrategyError where the table would boot with no bundle at all."""
        key = f"strategies.{name}"
        config = _config(key, table)
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
            raise StrategyError(_teach(f"{key}.{use.use}", error, component.Config)) from error
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


def _config(key: str, table: Mapping[str, Any]) -> StrategyConfig:
    try:
        return StrategyConfig.model_validate(table)
    except ValidationError as error:
        raise StrategyError(_teach(key, error, StrategyConfig)) from error


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


def _teach(key: str, error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    where = ".".join((key, *(str(part) for part in first["loc"])))
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        names = ", ".join(model.model_fields)
        known = f"expected one of: {names}" if names else "it has no parameters of its own"
        return f"{where}: unknown key; {known}"
    found = "" if first["type"] in ("missing", "extra_forbidden") else f", found {first['input']!r}"
    return f"{where}: {first['msg']}{found}"
