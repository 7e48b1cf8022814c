"""A dict of features for each candidate."""

from __future__ import annotations

import math
from collections import defaultdict
from operator import itemgetter

import numpy as np

from benchmarks.plain.history import Groups, Timeline, shopper_features
from benchmarks.plain.recall import DAY, Pairs
from benchmarks.plain.shop import Event, Item, PlainShop
from endcap.bundle.folder import Bundle

NAN = math.nan
Row = dict[str, float]
RANK_OFFSET = 60.0


def merged(found: dict[str, Pairs], limit: int, unknown: Row) -> dict[int, Row]:
    """By item what each source said of it, and the fused rank; the best ``limit`` by that, in order of item.

    A row starts as a copy of ``unknown``, which has every feature.
    """
    rows: dict[int, Row] = {}
    for source, pairs in found.items():
        rank_name, score_name = f"{source}.rank", f"{source}.score"
        for rank, (item, score) in enumerate(pairs, 1):
            row = rows.get(item)
            if row is None:
                row = rows[item] = unknown.copy()
                row["merge.sources"] = row["merge.fused"] = 0.0
            row[rank_name], row[score_name] = rank, score
            row["merge.sources"] += 1.0
            row["merge.fused"] += 1.0 / (RANK_OFFSET + rank)
    items = sorted(rows)
    if len(items) > limit:
        items = sorted(sorted(items, key=lambda item: -rows[item]["merge.fused"])[:limit])
    return {item: rows[item] for item in items}


class History:
    """All that is counted of one shopper, for the candidates to look up. ``wanted``: which hydrators' columns."""

    def __init__(self, events: list[Event], shop: PlainShop, wanted: set[str]) -> None:
        items = shop.items
        line = Timeline(events, shop.now)
        self.by_item = Groups(line, lambda item: item, "shopper_item")
        self.groups: dict[str, Groups] = {}
        if "shopper_groups" in wanted:
            self.groups = {
                "title": Groups(line, lambda item: items[item].title, "shopper_title"),
                "category": Groups(line, lambda item: items[item].category, "shopper_category"),
                "line": Groups(line, lambda item: items[item].line, "shopper_line"),
            }
        self.shopper = shopper_features(line) if "shopper" in wanted else {}
        self.priced = "price" in wanted
        if self.priced:
            self.usual_rank = _mean([items[event.item].price_rank for event in events])
            self.usual_prices = _mean_prices(events, items)

    def fill(self, number: int, item: Item, row: Row) -> None:
        own = self.by_item.of(number)
        row.update(own)
        row["shopper_item.session_weight"] = 0.0
        count, last = own["shopper_item.count"], own["shopper_item.days_since_last"]
        for group, table in self.groups.items():
            counted = table.of(getattr(item, group))
            row.update(counted)
            times = counted[f"shopper_{group}.count"]
            row[f"shopper_{group}.item_share"] = count / times if times > 0 else NAN
            row[f"shopper_{group}.days_behind"] = last - counted[f"shopper_{group}.days_since_last"]
        row.update(self.shopper)
        if self.priced:
            row["price.value"], row["price.rank"] = item.price, item.price_rank
            row["price.rank_gap"] = item.price_rank - self.usual_rank
            usual = self.usual_prices.get(item.category)
            row["price.ratio_to_usual"] = item.price / usual if usual else NAN


def _mean(values: list[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else NAN


def _mean_prices(events: list[Event], items: list[Item]) -> dict[int, float]:
    """What the shopper's events cost on average, by category."""
    paid: dict[int, list[float]] = defaultdict(list)
    for event in events:
        item = items[event.item]
        if item.price == item.price and item.category >= 0:
            paid[item.category].append(item.price)
    return {category: sum(prices) / len(prices) for category, prices in paid.items()}


class Periods:
    """Promotions: each item's share of the time now, ahead and before; worked out once a day for what is asked for."""

    def __init__(self, bundle: Bundle, shop: PlainShop) -> None:
        part, horizon = bundle.part("periods"), int(shop.horizon_days * DAY)
        self.offsets = part.array("offsets").tolist()
        self.windows = {
            "now": (shop.now, shop.now + 1),
            "ahead": (shop.now, shop.now + horizon),
            "before": (shop.now - horizon, shop.now),
        }
        self.names: list[str] = part.json("names")
        self.starts, self.ends, self.values = (part.array(name) for name in ("starts", "ends", "values"))
        self.of: dict[int, Row] = {}

    def fill(self, number: int, row: Row) -> None:
        if number not in self.of:
            self.of[number] = self._means(slice(self.offsets[number], self.offsets[number + 1]))
        row.update(self.of[number])

    def _means(self, rows: slice) -> Row:
        found: Row = {}
        for when, (start, stop) in self.windows.items():
            overlap = np.minimum(self.ends[rows], stop) - np.maximum(self.starts[rows], start)
            means = np.maximum(overlap, 0) / (stop - start) @ self.values[rows]
            found.update({f"period.{name}.{when}": mean for name, mean in zip(self.names, means.tolist(), strict=True)})
        return found


def matrix(rows: dict[int, Row], names: list[str]) -> np.ndarray:
    """float32[n, len(names)]."""
    read = itemgetter(*names)
    return np.array([read(row) for row in rows.values()], np.float32)
