"""The items table: the catalog, in the order of its sorted ids."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Array
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import ItemsConfig
from endcap.training.data.attributes import as_lists, attribute_name, read_attributes
from endcap.training.data.sieve import ID, rows_by_id
from endcap.training.data.tables import Table, flags, ids, numbers
from endcap.training.data.texts import Words, number_texts, words_of
from endcap.training.errors import DataError, closest

TABLE = "items"

Texts: TypeAlias = list[str | None]
Paths: TypeAlias = list[list[str]]
"""Each item's categories, from broad to fine."""


@dataclass(frozen=True)
class Items:
    """n items; see Shop for the meaning of each field."""

    ids: list[str]
    titles: list[str]
    texts: list[str]
    text_numbers: Array
    fields: dict[str, Words]
    columns: dict[str, Column]
    groups: dict[str, Array]


def read_items(config: ItemsConfig, report: CleaningReport) -> Items:
    """Raises DataError for a column or value that cannot be used, and where no item has an id."""
    table = Table.open(config.path)
    roles, levels = _roles(table, config), _levels(table, config)
    others = table.others([*roles.values(), *(levels if len(levels) == 1 else [])], config.ignore)
    frame = table.read({name: name for name in (*roles.values(), *levels, *others)})
    frame = rows_by_id(table, TABLE, frame, roles["item_id"], "item_id", report)

    titles = _text(table, frame, roles.get("title"))
    categories = _categories(table, frame, levels, config.separator)
    columns: dict[str, Column] = {
        "available": _available(table, frame, roles.get("available")),
        "price": _price(table, frame, roles.get("price")),
        "brand": StringColumn.of(_text(table, frame, roles.get("brand"))),
        "categories": ListColumn.of(categories),
    }
    columns |= read_attributes(table, frame.select(others), taken={*columns, "item_id", "title", "description"})
    said = {"title": titles, "description": _text(table, frame, roles.get("description"))}
    texts, text_numbers = number_texts(_fields(config, table, columns, said))
    names = frame[ID].to_list()
    return Items(
        ids=names,
        titles=[title or name for title, name in zip(titles, names, strict=True)],
        texts=texts,
        text_numbers=text_numbers,
        fields=_searched(config, table, columns, said),
        columns=columns,
        groups=_groups(titles, columns["brand"], categories),
    )


def _roles(table: Table, config: ItemsConfig) -> dict[str, str]:
    wanted = config.columns.model_dump(exclude={"categories"})
    return table.columns(wanted, {"item_id", "title"} | config.columns.model_fields_set)


def _levels(table: Table, config: ItemsConfig) -> list[str]:
    wanted = {f"categories ({name})": name for name in config.columns.categories}
    return list(table.columns(wanted, wanted if "categories" in config.columns.model_fields_set else ()).values())


def _text(table: Table, frame: pl.DataFrame, column: str | None) -> Texts:
    return [None] * len(frame) if column is None else ids(frame[column], table.place(column)).to_list()


def _available(table: Table, frame: pl.DataFrame, column: str | None) -> BoolColumn:
    """Items are available unless the table says that they are not."""
    if column is None:
        return BoolColumn(np.ones(len(frame), np.int8))
    return BoolColumn(flags(frame[column], table.place(column)).fill_null(True).to_numpy().astype(np.int8))


def _price(table: Table, frame: pl.DataFrame, column: str | None) -> NumberColumn:
    if column is None:
        return NumberColumn(np.full(len(frame), np.nan))
    prices = numbers(frame[column], table.place(column))
    if (prices < 0).any():
        table.place(column).refuse(frame[column], prices < 0, "a price of 0 or more")
    return NumberColumn(prices.fill_null(np.nan).to_numpy().copy())


def _categories(table: Table, frame: pl.DataFrame, levels: list[str], separator: str) -> Paths:
    if len(levels) != 1:
        columns = [_text(table, frame, name) for name in levels]
        rows: Iterable[tuple[str | None, ...]] = zip(*columns, strict=True) if columns else [()] * len(frame)
        return [[level for level in row if level] for row in rows]
    series = frame[levels[0]]
    if isinstance(series.dtype, pl.List):
        return as_lists(series, table.place(levels[0]))
    parted = [(text or "").split(separator) for text in _text(table, frame, levels[0])]
    return [[level.strip() for level in path if level.strip()] for path in parted]


def _fields(config: ItemsConfig, table: Table, columns: dict[str, Column], said: dict[str, Texts]) -> list[Words]:
    return [_field(name, table, columns, said) for name in config.text]


def _field(name: str, table: Table, columns: dict[str, Column], said: dict[str, Texts]) -> Words:
    if name in said:
        return [[text] if text else [] for text in said[name]]
    if (attribute := attribute_name(name)) in columns:
        return words_of(columns[attribute])
    hint = closest(name, {*said, *columns})
    raise DataError(f"{table.path}: no column {name!r}, which shop.toml names in items.text; {hint}")


def _searched(
    config: ItemsConfig, table: Table, columns: dict[str, Column], said: dict[str, Texts]
) -> dict[str, Words]:
    """What a search looks into: title, brand and categories always, and what else ``items.text`` names, with all
    attributes as one field."""
    own = ("title", "brand", "categories", "description")
    named = [name for name in own if name != "description" or name in config.text]
    fields = {name: _field(name, table, columns, said) for name in named}
    others = [_field(name, table, columns, said) for name in config.text if name not in own]
    if others:
        fields["attributes"] = [[text for words in row for text in words] for row in zip(*others, strict=True)]
    return fields


def _groups(titles: Texts, brand: Column, categories: Paths) -> dict[str, Array]:
    assert isinstance(brand, StringColumn)
    lines = zip(brand.codes.tolist(), categories, strict=True)
    return {
        "title": _numbered(title and title.casefold() for title in titles),
        "brand": brand.codes,
        "category": _numbered(tuple(path) for path in categories),
        "department": _numbered(path[0] if path else None for path in categories),
        "aisle": _numbered(tuple(path[:-1]) for path in categories),
        "line": _numbered((code, *path) if code >= 0 and path else None for code, path in lines),
    }


def _numbered(values: Iterable[Hashable]) -> Array:
    """int32[n]: numbers by first appearance, -1 for what is empty or missing."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) if value else -1 for value in values], np.int32)
