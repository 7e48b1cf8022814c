"""What the README shows is real."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import polars as pl
import pytest

from endcap.cli import commands
from endcap.strategies.tables import StrategyConfig, ready_made
from endcap.training.config import load_config
from endcap.training.data.read import read_shop

from ..support import small_shop
from ..support.live import Live

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_a_shops_own_config_is_short_and_reads_its_tables(tmp_path: Path) -> None:
    (config,) = (block for block in _blocks("toml") if "[events]" in block)
    assert len(config.splitlines()) <= 20
    _write_tables(tmp_path)
    (tmp_path / "shop.toml").write_text(config)
    shop = read_shop(load_config(tmp_path / "shop.toml"))
    assert len(shop.item_ids) == small_shop.ITEMS
    assert shop.report.drops == []
    assert shop.log.baskets.min() >= 0, "the order column was found"


def _write_tables(folder: Path) -> None:
    """The small shop's purchases and items, under the column names of the README."""
    names = {"user_id": "customer", "item_id": "sku", "time": "ordered_at", "basket_id": "order"}
    events = small_shop.events().filter(pl.col("event_type") == "purchase").drop("event_type").rename(names)
    events.write_csv(folder / "orders.csv")
    levels = pl.col("categories").list
    items = small_shop.items().with_columns(department=levels.get(0), category=levels.get(1)).drop("categories")
    items.rename({"item_id": "sku"}).write_parquet(folder / "products.parquet")


def test_the_strategies_are_the_ready_made_ones() -> None:
    section = README.partition("## Strategies")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    assert sorted(listed) == sorted(ready_made())


def test_the_sample_strategy_is_valid() -> None:
    (block,) = (block for block in _blocks("toml") if "[strategies." in block)
    for table in tomllib.loads(block)["strategies"].values():
        StrategyConfig.model_validate(table)


def test_the_plugin_is_the_file_that_the_sample_package_has() -> None:
    path = ROOT / "tests/plugins/endcap-sample-plugin/src/endcap_sample_plugin/newest.py"
    assert path.read_text(encoding="utf-8") in _blocks("python")


@pytest.mark.parametrize("line", re.findall(r"^endcap .*$", README, re.MULTILINE))
def test_every_command_is_there(line: str) -> None:
    assert line.split()[1] in commands()


def test_the_python_snippet_runs(trained_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = (block for block in _blocks("python") if "from endcap.client import" in block)
    with Live(trained_bundle) as live:
        exec(snippet.replace("localhost:50051", live.address).replace('"1234"', '"u03"'), {})
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert target.startswith("http") or (ROOT / target).exists()
