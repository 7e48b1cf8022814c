"""Judgments: how well an item answers a search, as people rated it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from endcap.bundle.events import Array
from endcap.bundle.ids import UNKNOWN, IdIndex
from endcap.training.config import SUFFIXES
from endcap.training.data.tables import Table, ids, numbers
from endcap.training.errors import ConfigError, DataError

COLUMNS = ("query", "item_id", "rating")
HIGHEST = 10
"""Gains are 2^rating - 1: beyond this one item would outweigh all others."""


@dataclass(frozen=True)
class Judged:
    """One search and what was rated for it."""

    query: str
    items: Array
    """int32[n], ascending, each once."""
    ratings: Array
    """float64[n], 0 and above; of an item rated several times the mean."""

    @property
    def mixed(self) -> bool:
        """Whether there is anything to tell apart."""
        return len(np.unique(self.ratings)) > 1


@dataclass(frozen=True)
class Judgments:
    pools: tuple[Judged, ...]
    """By the searches' alphabet; those of which no item is known are left out."""
    rows: int
    unknown: tuple[str, ...]
    """Item ids that the catalog lacks, each once, in the order of the file."""
    unknown_rows: int

    @property
    def highest(self) -> float:
        """The highest rating given: what counts as relevant where an item either is or is not."""
        return max((float(pool.ratings.max()) for pool in self.pools), default=0.0)

    def without(self, queries: Collection[str]) -> Judgments:
        """Those of other searches; case and blanks around them make no difference."""
        taken = {_plain(query) for query in queries}
        kept = tuple(pool for pool in self.pools if _plain(pool.query) not in taken)
        return Judgments(kept, self.rows, self.unknown, self.unknown_rows)


def read_judgments(path: Path, catalog: IdIndex) -> Judgments:
    """Raises ConfigError where there is no such table, DataError for columns or values that cannot be used."""
    frame = _read(path)
    items = catalog.numbers(frame["item_id"].to_list())
    lost = np.flatnonzero(items == UNKNOWN)
    unknown = tuple(dict.fromkeys(frame["item_id"][row] for row in lost.tolist()))
    known = frame.with_columns(item=pl.Series(items)).filter(pl.col("item") != UNKNOWN)
    merged = known.group_by("query", "item").agg(pl.col("rating").mean()).sort("query", "item")
    pools = tuple(
        Judged(str(query), group["item"].to_numpy().astype(np.int32), group["rating"].to_numpy())
        for (query,), group in merged.group_by("query", maintain_order=True)
    )
    if not pools:
        raise DataError(
            f"{path}: none of its {len(frame)} rows names an item of the catalog, such as {unknown[0]!r}; expected ids "
            "as in the items table"
        )
    return Judgments(pools, len(frame), unknown, len(lost))


def _read(path: Path) -> pl.DataFrame:
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise ConfigError(f"{path}: found no such file, expected judgments as .csv or .parquet")
    table = Table.open(path)
    columns = table.columns({name: name for name in COLUMNS}, COLUMNS)
    raw = table.read(columns)
    query, item = (ids(raw[name], table.place(name)) for name in ("query", "item_id"))
    rating = numbers(raw["rating"], table.place("rating"))
    for name, values in (("query", query), ("item_id", item), ("rating", rating)):
        if values.null_count():
            table.place(name).refuse(raw[name], values.is_null(), "a value in every row")
    beyond = (rating < 0) | (rating > HIGHEST)
    if beyond.any():
        table.place("rating").refuse(raw["rating"], beyond, f"a rating from 0 (no answer) to {HIGHEST}, as a rule 3")
    return pl.DataFrame({"query": query.str.strip_chars(), "item_id": item, "rating": rating})


def _plain(query: str) -> str:
    return " ".join(query.casefold().split())
