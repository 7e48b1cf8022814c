"""What fits a part of a bundle. Plugins add their own by the entry-point group ``endcap.fit``."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol

from endcap.bundle.writer import PartWriter
from endcap.training.config import ShopConfig
from endcap.training.errors import ConfigError
from endcap.training.progress import Progress
from endcap.training.shop import Shop


@dataclass(frozen=True)
class Context:
    config: ShopConfig
    progress: Progress
    kept: Path | None = None
    """A folder for what outlasts an interrupt, so that the next run goes on from there; who uses it removes it in the
    end. None: nothing outlasts one."""


class Fit(Protocol):
    def __call__(self, shop: Shop, part: PartWriter, context: Context) -> None:
        """Write the part from ``shop``, which knows no event at or after ``shop.data_end``."""
        ...


@dataclass(frozen=True)
class Fitter:
    fit: Fit
    timeless: bool = False
    """It reads no events, so that the training windows share one copy."""
    needs_events: bool = False
    """It is left out for a shop that has none."""
    after: tuple[str, ...] = ()
    """Parts that it reads where they are there, beside its own folder: they are fitted before it."""


def fitters() -> dict[str, Fitter]:
    """By part name, in the order to fit them: Endcap's own and every installed plugin's.

    Raises ConfigError for one that does not load, and where parts wait for each other.
    """
    found = {point.name: _load(point) for point in sorted(entry_points(group="endcap.fit"))}
    waits = {name: [other for other in fitter.after if other in found] for name, fitter in found.items()}
    try:
        return {name: found[name] for name in TopologicalSorter(waits).static_order()}
    except CycleError as error:
        raise ConfigError(f"endcap.fit: these parts wait for each other: {', '.join(error.args[1])}") from error


def _load(point: EntryPoint) -> Fitter:
    try:
        fitter = point.load()
    except Exception as error:
        raise ConfigError(f"endcap.fit.{point.name}: the plugin {point.value} failed to load: {error}") from error
    if not isinstance(fitter, Fitter):
        raise ConfigError(
            f"endcap.fit.{point.name}: found a {type(fitter).__name__} at {point.value}, expected a Fitter"
        )
    return fitter
