"""Items that can be bought."""

from __future__ import annotations

from endcap.bundle.columns import BoolColumn
from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings


class AvailableConfig(Settings):
    """No parameters."""


class Available:
    Config = AvailableConfig

    def __init__(self, config: AvailableConfig, bundle: Bundle) -> None:
        column = bundle.catalog.columns["available"]
        if not isinstance(column, BoolColumn):
            raise BundleError(f"the catalog's column 'available' is a {column.kind}, expected a bool")
        self.values = column.values  # int8[items]: 1 yes, 0 no, -1 not said

    def keep(self, query: Query, candidates: Candidates) -> Array:
        keep: Array = self.values[candidates.items] != 0
        return keep
