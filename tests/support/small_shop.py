"""A made-up shop that trains in seconds: 60 shoppers, 80 items, 90 days, as the Parquet and TOML of any shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

SHOPPERS, ITEMS, DAYS = 60, 80, 90
START = datetime(2024, 3, 1, tzinfo=UTC)
KINDS = ("coffee", "tea", "bread", "cheese", "yogurt", "apples", "pasta", "soap")
STYLES = ("dark roast", "mild", "whole", "classic", "fresh", "small", "family size", "organic", "light", "spicy")
BRANDS = ("Alder", "Birch", "Cedar")

SHOP_TOML = """\
name = "corner"

[events]
path = "events.parquet"
weights = { view = 0.2, purchase = 1.0 }

[items]
path = "items.parquet"

[training]
horizon_days = 7
"""


def write_small_shop(folder: Path, more: str = "") -> Path:
    """Tables and shop.toml in ``folder``; returns the path of the latter, which ends with ``more``."""
    folder.mkdir(parents=True, exist_ok=True)
    items().write_parquet(folder / "items.parquet")
    events().write_parquet(folder / "events.parquet")
    config = folder / "shop.toml"
    config.write_text(SHOP_TOML + more, encoding="utf-8")
    return config


def items() -> pl.DataFrame:
    """Ten styles of each of eight kinds."""
    numbers = range(ITEMS)
    kinds = [KINDS[n // len(STYLES)] for n in numbers]
    return pl.DataFrame(
        {
            "item_id": [f"i{n:02}" for n in numbers],
            "title": [f"{STYLES[n % len(STYLES)]} {kind}".capitalize() for n, kind in zip(numbers, kinds, strict=True)],
            "categories": [["household" if kind == "soap" else "food", kind] for kind in kinds],
            "brand": [BRANDS[n % len(BRANDS)] for n in numbers],
            "price": [1.0 + n % 7 * 0.75 for n in numbers],
            "available": [n != 33 for n in numbers],
            "organic": [STYLES[n % len(STYLES)] == "organic" for n in numbers],
        }
    )


def events() -> pl.DataFrame:
    """Each shopper has a few favourites, buys them at every visit or so, and looks at something else beside."""
    random = np.random.default_rng(5)
    rows = [row for shopper in range(SHOPPERS) for row in _visits(shopper, random)]
    columns = ["user_id", "item_id", "event_type", "time", "quantity", "value", "basket_id"]
    return pl.DataFrame(rows, schema=columns, orient="row").sort("time", "user_id", maintain_order=True)


def _visits(shopper: int, random: np.random.Generator) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    favourites = (shopper * 7 + np.arange(4) * 3) % ITEMS
    for visit, day in enumerate(np.arange(random.uniform(0, 5), DAYS, 3 + shopper % 6)):
        time = START + timedelta(days=float(day))
        chosen = [*favourites[random.random(4) < 0.7], int(random.beta(0.8, 2.5) * ITEMS)]
        for item in dict.fromkeys(int(each) for each in chosen):
            bought, quantity = random.random() < 0.8, int(random.integers(1, 3))
            value = quantity * (1.0 + item % 7 * 0.75) if bought else None
            what = "purchase" if bought else "view"
            rows.append((f"u{shopper:02}", f"i{item:02}", what, time, quantity, value, shopper * 1000 + visit))
    return rows
