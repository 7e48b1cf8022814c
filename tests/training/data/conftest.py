from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest

from endcap.training.config import ShopConfig, load_config
from endcap.training.data import read_shop
from endcap.training.shop import Shop

ITEMS = {"item_id": ["a", "b", "c"], "title": ["Apple", "Bread", "Cheese"]}
EVENTS = {
    "user_id": ["u1", "u1", "u2"],
    "item_id": ["a", "b", "a"],
    "event_type": ["view", "purchase", "purchase"],
    "time": ["2026-01-01", "2026-01-02", "2026-01-03"],
}


class ShopFiles:
    """A shop's tables and shop.toml, written into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def table(self, name: str, columns: dict[str, Any] | pl.DataFrame, suffix: str = "parquet") -> Path:
        path = self.folder / f"{name}.{suffix}"
        frame = pl.DataFrame(columns, strict=False)
        frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
        return path

    def toml(self, text: str) -> Path:
        path = self.folder / "shop.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def config(
        self, *, events_toml: str = "", items_toml: str = "", more: str = "", suffix: str = "parquet"
    ) -> ShopConfig:
        sections = [
            'name = "corner"',
            f'[events]\npath = "events.{suffix}"\n{events_toml}',
            f'[items]\npath = "items.{suffix}"\n{items_toml}',
            more,
        ]
        return load_config(self.toml("\n".join(sections)))


class ReadShop(Protocol):
    def __call__(
        self,
        events: dict[str, Any] | pl.DataFrame = ...,
        items: dict[str, Any] | pl.DataFrame = ...,
        *,
        suffix: str = ...,
        **toml: str,
    ) -> Shop: ...


@pytest.fixture
def files(tmp_path: Path) -> ShopFiles:
    return ShopFiles(tmp_path)


@pytest.fixture
def read(files: ShopFiles) -> ReadShop:
    """Reads a shop of these tables; ``toml``: lines for events_toml, items_toml and more."""

    def read_one(
        events: dict[str, Any] | pl.DataFrame = EVENTS,
        items: dict[str, Any] | pl.DataFrame = ITEMS,
        *,
        suffix: str = "parquet",
        **toml: str,
    ) -> Shop:
        files.table("events", events, suffix)
        files.table("items", items, suffix)
        return read_shop(files.config(suffix=suffix, **toml))

    return read_one
