"""A made bundle of a few dozen items, with the corners that real shops have: nothing known, all alike, never sold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Array, Events, Histories
from endcap.bundle.folder import Bundle, open_bundle
from endcap.bundle.ids import IdIndex
from endcap.bundle.manifest import Manifest
from endcap.bundle.strings import StringTable
from endcap.bundle.writer import BundleWriter, PartWriter

ITEMS, SHOPPERS, FACTORS, NEIGHBOURS = 48, 8, 6, 5
DAY = 86_400
DATA_START = 1_700_006_400  # a midnight
DATA_END = DATA_START + 120 * DAY + 1
NEWCOMER, ONE_EVENT, HEAVY, ONE_MOMENT, ONLY_VIEWS = range(5)
"""Shoppers of note; the others are middling."""
NEVER_SOLD = ITEMS - 1
KINDS, STYLES, BRANDS = ("tea", "bread", "cheese", "soap"), ("mild", "dark", "fresh", "small"), ("Alder", "Birch", None)


def tiny_bundle(folder: Path, write_parts: Callable[[BundleWriter], None] | None = None) -> Bundle:
    """A new bundle below ``folder``, the same on every call; ``write_parts`` may add parts to it.

    It has every part that Endcap's own components read, but for texts and a trained ranker. Items are "i00" to "i47",
    shoppers "u0" to "u7"; the default strategy is ``popular``.
    """
    random = np.random.default_rng(1)
    log = _log(random)
    with BundleWriter(folder) as writer:
        _catalog(writer.part("catalog"))
        _items(writer.part("items"), log.log, _numbered(titles()))
        writer.part("users").arrays(IdIndex.of(f"u{n}" for n in range(SHOPPERS)).arrays("ids"))
        writer.part("users").json("columns", {})
        writer.part("histories").histories(log)
        _als(writer.part("als"), random)
        _covisit(writer.part("covisit"), random)
        _popular(writer.part("popular"), log.log)
        _kinds(writer.part("kinds"), log.log)
        _periods(writer.part("periods"))
        _ease(writer.part("ease"))
        _neighbours(writer.part("neighbours"), log)
        if write_parts is not None:
            write_parts(writer)
        return open_bundle(writer.seal(_manifest()))


def _manifest() -> Manifest:
    return Manifest(
        version="unsealed",
        created="2024-01-01T00:00:00+00:00",
        shop="tiny",
        data_start=DATA_START,
        data_end=DATA_END,
        horizon_days=28.0,
        goal_types=["purchase"],
        event_weights={"view": 0.1, "purchase": 1.0},
        default_strategy="popular",
    )


def _catalog(part: PartWriter) -> None:
    numbers = range(ITEMS)
    kinds = [_kind(n) for n in numbers]
    columns: dict[str, Column] = {
        "available": BoolColumn.of([None, True, True, False][n % 4] if n < 24 else True for n in numbers),
        "brand": StringColumn.of(BRANDS[n % len(BRANDS)] for n in numbers),
        "categories": ListColumn.of(["household" if kind == "soap" else "food", kind] for kind in kinds),
    }
    part.arrays(IdIndex.of(f"i{n:02}" for n in numbers).arrays("ids"))
    part.arrays(StringTable.of(titles()).arrays("titles"))
    part.json("columns", {"price": "number", **{name: column.kind for name, column in columns.items()}})
    for name, column in columns.items():
        part.arrays(column.arrays(f"column.{name}"))
    part.arrays({f"group.{name}": codes for name, codes in _groups().items()})
    part.array("texts", _numbered(titles()))


def _groups() -> dict[str, Array]:
    numbers = range(ITEMS)
    kinds = [_kind(n) for n in numbers]
    groups = {
        "title": _numbered(titles()),
        "category": _numbered(kinds),
        "department": _numbered([kind == "soap" for kind in kinds]),
        "brand": np.array([n % 3 if n % 3 < 2 else -1 for n in numbers], np.int32),
    }
    groups["aisle"] = groups["department"].copy()
    groups["line"] = np.where(groups["brand"] >= 0, groups["brand"] * len(KINDS) + groups["category"], -1)
    groups["line"] = groups["line"].astype(np.int32)
    groups["title"][NEVER_SOLD] = groups["category"][NEVER_SOLD] = -1
    return groups


def _kind(item: int) -> str:
    return KINDS[item % len(KINDS)]


def titles() -> list[str]:
    """Of each item. An item's text is its title, and texts are numbered as ``sorted(set(titles()))`` has them."""
    return [f"{STYLES[n // 8 % len(STYLES)]} {_kind(n)}" for n in range(ITEMS)]


def _numbered(values: list[str] | list[bool]) -> Array:
    """int32[n]: equal values have equal numbers."""
    numbers: Array = np.unique(values, return_inverse=True)[1].astype(np.int32)
    return numbers


def _items(part: PartWriter, log: Events, texts: Array) -> None:
    ages = (DATA_END - log.times) / DAY
    weight = np.bincount(log.items, log.weights * (ages <= 28), ITEMS)
    last = np.full(ITEMS, np.nan)
    last[log.items[np.argsort(-ages)]] = np.sort(ages)[::-1]
    stats = {
        "weight_28d": weight,
        "popularity": np.log1p(weight) / np.log1p(weight.max()),
        "trend": np.log((weight + 2) / (np.bincount(log.items, minlength=ITEMS) / 4 + 2)),
        "days_since_sold": last,
    }
    prices = np.where(np.arange(ITEMS) % 11 == 10, np.nan, 1.0 + np.arange(ITEMS) % 7 * 0.5)
    part.array("stats", np.column_stack(list(stats.values())).astype(np.float32))
    part.json("stats", list(stats))
    part.arrays({"price": prices.astype(np.float32), "price_rank": ((prices - 1) / 3).astype(np.float32)})
    part.arrays(NumberColumn(prices).arrays("column.price"))
    part.array("text_items", np.lexsort((-weight, texts)).astype(np.int32))
    part.array("text_offsets", np.concatenate([[0], np.cumsum(np.bincount(texts))]).astype(np.int64))


def _log(random: np.random.Generator) -> Histories:
    counts = np.array([0, 1, 160, 6, 5, 12, 20, 33])
    users = np.repeat(np.arange(SHOPPERS, dtype=np.int32), counts)
    size = len(users)
    trips = np.sort(random.integers(0, 40, size))
    days = np.where(users == ONE_MOMENT, 20, trips * 3)
    items = random.integers(0, NEVER_SOLD, size).astype(np.int32)
    order = np.lexsort((items, days, users))
    goals = (random.random(size) < 0.8) & (users != ONLY_VIEWS)
    return Histories.of_log(
        users,
        Events(
            items=items[order],
            times=(DATA_START + days[order] * DAY).astype(np.int64),
            weights=np.where(goals, 1.0, 0.1).astype(np.float32),
            goals=goals,
            quantities=random.integers(1, 4, size).astype(np.float32),
            values=np.where(goals, 2.5, np.nan).astype(np.float32),
            baskets=np.where(users % 2 == 0, users * 1000 + days[order], -1).astype(np.int64),
        ),
        SHOPPERS,
    )


def _als(part: PartWriter, random: np.random.Generator) -> None:
    factors = random.normal(0.1, 0.3, (ITEMS, FACTORS)).astype(np.float32)
    factors[NEVER_SOLD] = 0.0
    gram = factors.T.astype(np.float64) @ factors + 0.1 * np.eye(FACTORS)
    proposable = np.flatnonzero(factors.any(axis=1)).astype(np.int32)
    part.arrays({"item_factors": factors, "gram": gram, "proposable": proposable, "proposals": factors[proposable]})
    part.arrays({"newcomers": np.array([NEVER_SOLD], np.int32), "newcomer_factors": factors[:1]})
    scales = {"newcomer_scales": {"0.05": 0.5, "0.5": 4.0}}
    part.json("als", {"alpha": 4.0, "half_life_days": 120.0, "most_items": 1000, **scales})
    part.arrays({"profile": factors[:2], "shopper_spread": 0.1 * np.eye(FACTORS)})
    part.json("profile", {"age": {"values": {"35-44": 1}}})


def _covisit(part: PartWriter, random: np.random.Generator) -> None:
    near = np.stack([random.permutation(np.delete(np.arange(ITEMS), item))[:NEIGHBOURS] for item in range(ITEMS)])
    similar = np.sort(random.random((ITEMS, NEIGHBOURS)))[:, ::-1]
    lacking = random.random((ITEMS, NEIGHBOURS)).cumsum(axis=1) > 2.5
    part.array("neighbours", np.where(lacking, -1, near).astype(np.int32))
    part.array("similarities", np.where(lacking, 0.0, similar).astype(np.float32))


def _popular(part: PartWriter, log: Events) -> None:
    scores = np.bincount(log.items, log.weights, ITEMS)
    items = np.lexsort((np.arange(ITEMS), -scores))[: ITEMS // 2]
    part.arrays({"items": items.astype(np.int32), "scores": scores[items].astype(np.float32)})


def _kinds(part: PartWriter, log: Events) -> None:
    """Each group's items by what they sold, and their share of it."""
    sales = np.bincount(log.items, log.weights, ITEMS)
    for name, groups in _groups().items():
        count = int(groups.max()) + 1
        items = np.lexsort((-sales, groups))
        items = items[(groups[items] >= 0) & (sales[items] > 0)]
        totals = np.bincount(groups[items], sales[items], count)
        share = np.where((groups >= 0) & (sales > 0), sales / np.maximum(totals[np.maximum(groups, 0)], 1e-9), 0.0)
        part.array(f"{name}.share", share.astype(np.float32))
        part.array(f"{name}.offsets", np.searchsorted(groups[items], np.arange(count + 1)).astype(np.int64))
        part.array(f"{name}.items", items.astype(np.int32))


def _periods(part: PartWriter) -> None:
    """Every third item is on display for a week before the end, and in a leaflet for a week around it."""
    counts = np.where(np.arange(ITEMS) % 3 == 0, 2, 0)
    promoted = int(counts.sum()) // 2
    part.array("offsets", np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    part.array("starts", np.tile(np.array([DATA_END - 10 * DAY, DATA_END - 3 * DAY], np.int64), promoted))
    part.array("ends", np.tile(np.array([DATA_END - 3 * DAY, DATA_END + 4 * DAY], np.int64), promoted))
    part.array("values", np.tile(np.eye(2, dtype=np.float32), (promoted, 1)))
    part.json("names", ["display", "leaflet"])


def _ease(part: PartWriter) -> None:
    """Of the even items alone; weights of either sign."""
    random = np.random.default_rng(2)
    items = np.arange(0, ITEMS, 2, dtype=np.int32)
    places = np.full(ITEMS, -1, np.int32)
    places[items] = np.arange(len(items))
    others = [np.delete(np.arange(len(items)), place) for place in range(len(items))]
    targets = np.stack([np.sort(random.choice(other, NEIGHBOURS, replace=False)) for other in others])
    weights = random.normal(0.1, 0.2, targets.shape).astype(np.float32)
    part.arrays({"items": items, "places": places, "targets": targets.astype(np.int32), "weights": weights})


def _neighbours(part: PartWriter, log: Histories) -> None:
    """Every shopper with events is a reference; the items below 40 can be voted for."""
    random = np.random.default_rng(3)
    references = np.flatnonzero(np.diff(log.offsets)).astype(np.int32)
    near = np.stack([random.permutation(len(references))[:NEIGHBOURS] for _ in range(SHOPPERS)])
    near[NEWCOMER], near[ONE_EVENT, 2:] = -1, -1
    likeness = np.where(near >= 0, random.random(near.shape), 0.0).astype(np.float32)
    weights = likeness / np.maximum(likeness.sum(axis=1, keepdims=True), 1e-9)
    part.arrays({"references": references, "neighbours": near.astype(np.int32), "weights": weights})
    had = [np.unique(log.of(int(user)).items) for user in references]
    rows, items = np.repeat(np.arange(len(had)), [len(each) for each in had]), np.concatenate(had)
    order = np.lexsort((rows, items))
    part.array("rarity", np.linspace(0.0, 2.0, ITEMS, dtype=np.float32))
    part.array("posting_offsets", np.searchsorted(items[order], np.arange(ITEMS + 1)).astype(np.int64))
    part.array("posting_rows", rows[order].astype(np.int32))
    part.array("posting_values", np.linspace(0.1, 1.0, len(rows), dtype=np.float32))
    known = items < 40
    rows, bought = rows[known], items[known] % 3 * 40 + items[known]
    order = np.lexsort((bought, rows))
    part.array("items", np.arange(40, dtype=np.int32))
    part.array("places", np.where(np.arange(ITEMS) < 40, np.arange(ITEMS), -1).astype(np.int32))
    part.array("offsets", np.searchsorted(rows, np.arange(len(references) + 1)).astype(np.int64))
    part.array("bought", bought[order].astype(np.int32))
