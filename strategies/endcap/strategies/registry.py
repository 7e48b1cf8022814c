"""Everything that a request may name, built from the ready-made strategies, a bundle's own and the server's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.contract import RecallSource, Scorer
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Override, Strategy, overridden
from endcap.strategies.tables import StrategyError, ready_made


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
