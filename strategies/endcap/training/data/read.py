"""From shop.toml to a Shop: every table read, cleaned and numbered."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from endcap.bundle.columns import Column
from endcap.bundle.events import Array
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import ShopConfig
from endcap.training.data.events import CleanEvents, no_events, read_events
from endcap.training.data.items import read_items
from endcap.training.data.periods import read_periods
from endcap.training.data.users import UserTable
from endcap.training.progress import Progress, silent
from endcap.training.shop import ItemPeriods, Shop

STEPS = 4


def read_shop(config: ShopConfig, progress: Progress = silent) -> Shop:
    """Raises DataError for a table, column or value that cannot be used, naming it."""
    report = CleaningReport()
    progress("reading items", 0, STEPS)
    items = read_items(config.items, report)
    progress("reading events", 1, STEPS)
    events = read_events(config.events, items.ids, report) if config.events else no_events()
    progress("reading users", 2, STEPS)
    user_ids, user_columns, users = _users(config, events, report)
    progress("reading item periods", 3, STEPS)
    periods = ItemPeriods.none()
    if config.item_periods:
        periods = read_periods(config.item_periods, items.ids, events.clock, report)
    progress("read the shop's tables", STEPS, STEPS)
    return Shop(
        name=config.name,
        item_ids=items.ids,
        titles=items.titles,
        texts=items.texts,
        text_numbers=items.text_numbers,
        columns=items.columns,
        groups=items.groups,
        user_ids=user_ids,
        user_columns=user_columns,
        users=users,
        log=events.log,
        clock=events.clock,
        data_start=int(events.log.times.min()) if len(events.log) else 0,
        data_end=int(events.log.times.max()) + 1 if len(events.log) else 0,
        event_weights=dict(sorted(config.events.weights.items())) if config.events else {},
        goal_types=config.events.goal_types if config.events else [],
        periods=periods,
        searches=events.searches,
        report=report,
        fields=items.fields,
    )


def _users(
    config: ShopConfig, events: CleanEvents, report: CleaningReport
) -> tuple[list[str], Mapping[str, Column], Array]:
    """Ids and attributes of all shoppers, and int32[m]: the number that each event's shopper has among them."""
    if config.users is None:
        return events.user_ids, {}, events.users
    table = UserTable(config.users, report)
    user_ids = sorted({*events.user_ids, *table.ids})
    numbers = {user_id: number for number, user_id in enumerate(user_ids)}
    places = np.array([numbers[user_id] for user_id in events.user_ids], np.int32)
    return user_ids, table.attributes(user_ids), places[events.users]
