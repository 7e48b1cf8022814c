"""What is known of each item up to the cut-off: popularity in several windows, rhythm of repurchase, price."""

from __future__ import annotations

import numpy as np

from endcap.bundle.columns import NumberColumn
from endcap.bundle.events import Array
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop

PRICE_WINDOW_DAYS = 84.0


def _items(shop: Shop, part: PartWriter, context: Context) -> None:
    stats = item_stats(shop)
    prices = item_prices(shop)
    part.array("stats", np.column_stack(list(stats.values())).astype(np.float32))
    part.json("stats", list(stats))
    part.arrays({"price": prices.astype(np.float32), "price_rank": price_ranks(prices, shop.groups["category"])})
    part.arrays(NumberColumn(prices).arrays("column.price"))
    part.arrays(items_by_text(shop, stats["weight_84d"]))


def item_stats(shop: Shop) -> dict[str, Array]:
    """float64[items] by name. Windows end at the cut-off; counts are of goal events, weights of all."""
    log, size = shop.log, len(shop.item_ids)
    ages = (shop.data_end - log.times) / SECONDS_PER_DAY

    def total(of: Array, within_days: float = np.inf) -> Array:
        return np.bincount(log.items, of * (ages <= within_days), size)

    weights = {f"weight_{days}d": total(log.weights, days) for days in (7, 28, 84)}
    counts = {f"count_{days}d": total(log.goals, days) for days in (28, 84)} | {"count": total(log.goals)}
    before = (counts["count_84d"] - counts["count_28d"]) / 2
    last, first = _extremes(log.items, ages, size)
    popularity = np.log1p(total(log.weights * decay(shop.data_end - log.times, 28.0)))
    return {
        **weights,
        **counts,
        "popularity": popularity / max(float(popularity.max(initial=0.0)), 1.0),
        "trend": np.log((counts["count_28d"] + 2) / (before + 2)),
        "trend_7d": np.log((4 * weights["weight_7d"] + 2) / (weights["weight_28d"] + 2)),
        "days_since_sold": last,
        "days_on_sale": first,
        **_buyers(shop, ages),
        **_category_share(shop, weights["weight_84d"]),
    }


def _extremes(items: Array, ages: Array, size: int) -> tuple[Array, Array]:
    """The lowest and highest age of each item's events, NaN without any."""
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, items, ages)
    np.maximum.at(high, items, ages)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)


def _buyers(shop: Shop, ages: Array) -> dict[str, Array]:
    """Distinct shoppers of each item, the share of them who came back for it, and after how many days."""
    goals = np.flatnonzero(shop.log.goals)
    size = len(shop.item_ids)
    pairs = shop.users[goals].astype(np.int64) * size + shop.log.items[goals]
    order = np.argsort(pairs, kind="stable")  # the log runs by time within a shopper, and stays so within a pair
    pairs, ages = pairs[order], ages[goals][order]
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])) if len(pairs) else np.empty(0, np.int64)
    counts = np.diff(np.append(starts, len(pairs)))
    items = pairs[starts] % size
    buyers = np.bincount(items, minlength=size)
    again = np.bincount(items, counts > 1, size)
    spans = (ages[starts] - ages[starts + counts - 1]) if len(starts) else np.empty(0)
    gaps = np.bincount(items, spans, size)
    repeats = np.bincount(items, counts - 1, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, gap = (again + 0.5) / (buyers + 5.0), np.where(repeats > 0, gaps / repeats, np.nan)
        times = np.where(buyers > 0, (buyers + repeats) / buyers, np.nan)
    return {"buyers": buyers, "repurchase_rate": rate, "repurchase_gap_days": gap, "times_a_buyer": times}


def _category_share(shop: Shop, weights: Array) -> dict[str, Array]:
    """How much of what its category, and its title, sells is this item."""
    shares = {}
    for name in ("category", "title"):
        groups = shop.groups[name]
        known = groups >= 0
        totals = np.bincount(groups[known], weights[known], int(groups.max(initial=0)) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = weights / totals[np.maximum(groups, 0)]
        shares[f"share_of_{name}"] = np.where(known, share, np.nan)
    return shares


def item_prices(shop: Shop) -> Array:
    """float64[items]: the catalog's price; else what a piece sold for lately, or ever; NaN where neither is known."""
    column = shop.columns["price"]
    assert isinstance(column, NumberColumn)
    ages = (shop.data_end - shop.log.times) / SECONDS_PER_DAY
    known = np.isfinite(shop.log.values) & (shop.log.values > 0) & (shop.log.quantities > 0)
    recent = _unit_price(shop, known & (ages <= PRICE_WINDOW_DAYS))
    sold = np.where(np.isnan(recent), _unit_price(shop, known), recent)
    return np.where(np.isnan(column.values), sold, column.values)


def _unit_price(shop: Shop, rows: Array) -> Array:
    size, log = len(shop.item_ids), shop.log
    money = np.bincount(log.items[rows], log.values[rows], size)
    pieces = np.bincount(log.items[rows], log.quantities[rows], size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pieces > 0, money / pieces, np.nan)


def price_ranks(prices: Array, categories: Array) -> Array:
    """float32[items]: 0 for the cheapest of its category to 1 for the dearest; NaN without a price or category.

    Items of one price share the middle of their places.
    """
    ranks = np.full(len(prices), np.nan, np.float32)
    rows = np.flatnonzero(~np.isnan(prices) & (categories >= 0))
    rows = rows[np.lexsort((prices[rows], categories[rows]))]
    groups = categories[rows]
    starts, ends = _runs(np.diff(groups, prepend=-1) != 0)
    alike, unlike = _runs((np.diff(groups, prepend=-1) != 0) | (np.diff(prices[rows], prepend=np.nan) != 0))
    places = (alike + unlike - 1) / 2 - starts
    ranks[rows] = np.where(ends - starts > 1, places / np.maximum(ends - starts - 1, 1), 0.5)
    return ranks


def _runs(begins: Array) -> tuple[Array, Array]:
    """For each row where its run begins and where the next one does; ``begins`` (bool[n]) marks the first rows."""
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=len(begins))
    return np.repeat(starts, lengths), np.repeat(starts + lengths, lengths)


def items_by_text(shop: Shop, weights: Array) -> dict[str, Array]:
    """Which items share a text, the best selling first: ``text_items`` int32[n], ``text_offsets`` int64[texts + 1]."""
    numbers = shop.text_numbers
    order = np.lexsort((np.arange(len(numbers)), -weights, numbers)).astype(np.int32)
    offsets = np.zeros(len(shop.texts) + 1, np.int64)
    np.cumsum(np.bincount(numbers, minlength=len(shop.texts)), out=offsets[1:])
    return {"text_items": order, "text_offsets": offsets}


items = Fitter(_items)
