"""What one worker serves: an opened bundle, the strategies built from it, and the filters that requests bring."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from endcap.bundle.folder import Bundle, open_bundle
from endcap.server.clock import ShopClock
from endcap.strategies.contract import ItemFilter
from endcap.strategies.filter.expression import compile_filter
from endcap.strategies.registry import Strategies, load_strategies
from endcap.strategies.tables import StrategyError
from endcap.strategies.text.runtime import TextRuntime, set_runtime

FILTERS_KEPT = 64  # each holds a table of its attributes' vocabularies


@dataclass(frozen=True)
class Serving:
    """Immutable and shared by all threads of a worker."""

    bundle: Bundle
    strategies: Strategies

    @cached_property
    def clock(self) -> ShopClock:
        return ShopClock(self.bundle.manifest)

    @cached_property
    def compile_filter(self) -> Callable[[str], ItemFilter]:
        """A filter text as a filter; the latest are kept. Raises FilterError."""
        columns = self.bundle.catalog.columns
        return lru_cache(FILTERS_KEPT)(lambda text: compile_filter(text, columns))


def load(folder: Path, strategies_file: Path | None = None, texts: TextRuntime | None = None) -> Serving:
    """Open a bundle whose hashes the supervisor has checked, and build every strategy.

    Raises BundleError and StrategyError, whose messages are for whoever starts the server.
    """
    bundle = open_bundle(folder, verify=False)
    set_runtime(bundle, texts or TextRuntime())
    own = read_strategies(strategies_file) if strategies_file else {}
    return Serving(bundle, load_strategies(bundle, own.get("strategies", {}), own.get("default_strategy", "")))


def read_strategies(path: Path) -> dict[str, Any]:
    """``[strategies.NAME]`` tables and ``default_strategy`` of a TOML file. Raises StrategyError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StrategyError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    expected: dict[str, type] = {"strategies": dict, "default_strategy": str}
    for key, value in tables.items():
        if key not in expected:
            raise StrategyError(f"{path}: unknown key {key!r}; expected [strategies.NAME] tables or default_strategy")
        if not isinstance(value, expected[key]):
            raise StrategyError(f"{path}: {key} is {value!r}; expected a {expected[key].__name__}")
    return tables
