"""A shop's data, cleaned and numbered: what every step of training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from endcap.bundle.columns import Column
from endcap.bundle.events import Array, Events, Histories
from endcap.bundle.manifest import Clock
from endcap.training.cleaning_report import CleaningReport

if TYPE_CHECKING:  # that package reads shops
    from endcap.training.data.texts import Words


@dataclass(frozen=True)
class ItemPeriods:
    """What is known ahead about items for a span of time (promotions), sorted by (item, start). One row a period."""

    items: Array  # int32[r]
    starts: Array  # int64[r], seconds, inclusive
    ends: Array  # int64[r], seconds, exclusive
    names: list[str]  # k attributes; a text attribute is one 0/1 column for each of its frequent values
    values: Array  # float32[r, k], NaN where unknown

    def __len__(self) -> int:
        return len(self.items)

    @staticmethod
    def none() -> ItemPeriods:
        never = np.empty(0, np.int64)
        return ItemPeriods(np.empty(0, np.int32), never, never, [], np.empty((0, 0), np.float32))


@dataclass(frozen=True)
class Searches:
    """What led to the events, one row an event of the log; kept only where the table has such a column."""

    texts: list[str]  # the distinct queries, sorted
    queries: Array  # int32[m], number of the event's query, -1 where none
    slates: Array  # int64[m], -1 where none
    positions: Array  # float32[m], NaN where unknown

    def rows(self, rows: Array) -> Searches:
        return Searches(self.texts, self.queries[rows], self.slates[rows], self.positions[rows])


@dataclass(frozen=True)
class Shop:
    """n items and u shoppers, numbered in the order of their ids; m events, sorted by (user, time, item)."""

    name: str
    item_ids: list[str]
    titles: list[str]
    """n; the item's id where the table has no title."""
    texts: list[str]
    """The distinct texts of the items, for the text models."""
    text_numbers: Array
    """int32[n]: which of ``texts`` is the item's."""
    columns: Mapping[str, Column]
    """Attributes, n rows each. ``available`` (bool), ``price`` (NaN where unknown), ``brand`` (text) and
    ``categories`` (lists, from broad to fine) are always among them."""
    groups: Mapping[str, Array]
    """int32[n] each, -1 where unknown: ``title``, ``brand``, ``category`` (the finest), ``aisle`` (the
    level above it), ``department`` (the coarsest), ``line`` (a brand within a category)."""
    user_ids: list[str]
    """Shoppers with events, and those of the users table."""
    user_columns: Mapping[str, Column]
    """Attributes of shoppers, u rows each."""
    users: Array
    """int32[m]: whose event it is."""
    log: Events
    clock: Clock
    data_start: int
    """Seconds on the shop's clock: the first event."""
    data_end: int
    """One second after the last event; of a Shop made by ``before``, the cut-off."""
    event_weights: Mapping[str, float]
    goal_types: list[str]
    periods: ItemPeriods
    searches: Searches | None
    report: CleaningReport
    fields: Mapping[str, Words] = field(default_factory=dict)
    """What a search looks into: each item's texts by field."""

    @cached_property
    def histories(self) -> Histories:
        return Histories.of_log(self.users, self.log, len(self.user_ids))

    def before(self, time: int) -> Shop:
        """The same shop, knowing only the events strictly earlier than ``time``. Items and shoppers keep numbers."""
        rows = np.flatnonzero(self.log.times < time)
        searches = self.searches and self.searches.rows(rows)
        return replace(self, users=self.users[rows], log=self.log.rows(rows), searches=searches, data_end=time)

    def between(self, start: int, end: int) -> tuple[Array, Events]:
        """Users (int32[k]) and events with start <= time < end: a window's labels."""
        rows = np.flatnonzero((self.log.times >= start) & (self.log.times < end))
        return self.users[rows], self.log.rows(rows)
