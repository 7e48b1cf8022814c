"""The catalog as a server sees it: item numbers, titles, and attribute columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from endcap.bundle.columns import Column
from endcap.bundle.events import Array
from endcap.bundle.ids import IdIndex
from endcap.bundle.strings import StringTable


@dataclass(frozen=True)
class Catalog:
    """Immutable; every array has one row an item number and is memory-mapped."""

    ids: IdIndex
    titles: StringTable
    """One an item."""
    columns: Mapping[str, Column]
    """Attributes that a filter may name. ``available`` and ``price`` are always among them."""
    texts: Array
    """int32[items]: number of the item's distinct text; items of one text share an embedding."""
    groups: Mapping[str, Array]
    """int32[items] each, -1 where unknown: ``title``, ``brand``, ``category`` (the finest level), ``aisle`` (the
    level above it), ``department`` (the coarsest), ``line`` (a brand within a category). Feature
    groups are counted along these."""

    def __len__(self) -> int:
        return len(self.ids)
