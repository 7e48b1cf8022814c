"""Which strategies an evaluation asks: those that answer for a shopper, and each recall source alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.shelf import Shelf
from endcap.strategies.tables import ready_made
from endcap.training.evaluate.ranking import each_alone

READY_MADE = ("hybrid", "hybrid_bert", "linear")
"""The others are single sources, which are judged anyway, or answer searches and product pages."""

ALONE = "recall."
"""Before the name of a source that is judged alone."""


def strategies_to_judge(bundle: Bundle) -> dict[str, Any]:
    """Tables by name, the bundle's default strategy first. Sources alone are named ``recall.NAME``."""
    manifest = bundle.manifest
    ready = ready_made()
    tables = {name: ready[name] for name in READY_MADE} | manifest.strategies
    main = manifest.default_strategy
    tables = {main: tables.get(main, ready.get(main, ready["hybrid"])), **tables}
    shelf = Shelf(bundle)
    bootable = {name: table for name, table in tables.items() if _boots(shelf, name, table)}
    alone = each_alone(bootable[main], bundle)
    return bootable | {f"{ALONE}{name}": table for name, table in alone.items()}


def described(bundle: Bundle, tables: Mapping[str, Any]) -> dict[str, str]:
    """What each of these strategies is, for readers who did not build it: its own words, or those of its source."""
    told = {name: str(table.get("description") or "a strategy of the shop's own") for name, table in tables.items()}
    for name in (name for name in tables if name.startswith(ALONE)):
        (source,) = Shelf(bundle).strategy(name, tables[name]).recall
        told[name] = f"one source alone: {about(source.component)}"
    return told


def about(component: object) -> str:
    """The first line of its docstring, or of its file's."""
    text = type(component).__doc__ or sys.modules[type(component).__module__].__doc__ or ""
    return text.strip().partition("\n")[0]


def _boots(shelf: Shelf, name: str, table: Mapping[str, Any]) -> bool:
    try:
        shelf.strategy(name, table)
    except BundleError:  # a part that this bundle was trained without
        return False
    return True
