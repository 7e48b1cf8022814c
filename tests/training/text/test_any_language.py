"""A shop that speaks Chinese, from its tables through fine-tuning, export and bundle to a search over a live server."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from endcap.client import Client
from endcap.strategies.text.info import EncoderInfo
from endcap.training.config import load_config
from endcap.training.train import train

from ...support import small_bert
from ...support.live import Live
from ...support.small_shop import write_small_shop

KINDS = {"coffee": "咖啡", "tea": "茶", "bread": "面包", "cheese": "黄油", "apples": "运动鞋", "soap": "智能手表"}
SETTINGS = """windows = 1

[text]
model = "{model}"
finetune = true
steps = 8
augment = ["word_dropout", "spelling", "attribute_shuffle"]
"""
ODD = ["", "⌚️🥛", "智能 smart ⌚️ 手表 Pro2", "\u202eشاي أخضر"]


def write_shop(folder: Path) -> Path:
    """The small shop with Chinese titles, four odd ones, a description of 5,000 characters, and searches."""
    small_bert.write_model(folder / "bert")
    config = write_small_shop(folder, SETTINGS.format(model=folder / "bert"))
    items = pl.read_parquet(folder / "items.parquet")
    titles = [title.lower() for title in items["title"]]
    for kind, name in KINDS.items():
        titles = [title.replace(kind, name) for title in titles]
    titles[10 : 10 + len(ODD)] = ODD
    long = ["防水运动 " * 1000 if row == 20 else "" if row % 2 else "有机的小咖啡" for row in range(len(items))]
    items.with_columns(title=pl.Series(titles), description=pl.Series(long)).write_parquet(folder / "items.parquet")
    events = pl.read_parquet(folder / "events.parquet")
    watches = pl.col("item_id").str.slice(1).cast(pl.Int32) >= 70
    events.with_columns(query=pl.when(watches).then(pl.lit("智能手表"))).write_parquet(folder / "events.parquet")
    return config


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = write_shop(tmp_path_factory.mktemp("chinese"))
    with threadpool_limits(1):
        return train(load_config(config), config.parent / "bundles").folder


def test_chinese_searches_and_titles_teach_the_encoder(bundle: Path) -> None:
    learned = json.loads((bundle / "text" / "learning.json").read_text())["finetune"]
    assert learned["pairs"]["search"] > 0
    assert learned["steps"] > 0
    parity = EncoderInfo.read(bundle / "text").parity
    assert parity is not None
    assert parity.cosine > 0.99


@pytest.mark.parametrize("query", ["智能手表", "咖啡", "smart 手表 ⌚️", "🥛", "شاي", "智" * 5000, "#"])
def test_any_search_is_answered_and_nothing_degrades(live: Live, query: str) -> None:
    with Client(live.address) as client:
        answer = client.rank(query=query[:1000], strategy="search", page_size=10)
        assert not answer.degradations
        assert answer.items


def test_a_chinese_search_finds_what_it_names(live: Live) -> None:
    with Client(live.address) as client:
        answer = client.rank(query="智能手表", strategy="search", page_size=5)
    assert sum("智能手表" in item.title for item in answer.items) >= 3


def test_titles_of_mixed_scripts_come_back_whole(live: Live) -> None:
    with Client(live.address) as client:
        answer = client.rank(candidate_item_ids=["i10", "i11", "i12", "i13", "i20"], visitor_id="v", page_size=5)
    titles = {item.item_id: item.title for item in answer.items}
    assert len(titles) == 5
    assert titles["i11"] == ODD[1]
    assert titles["i12"] == ODD[2]


@pytest.fixture(scope="module")
def live(bundle: Path):  # type: ignore[no-untyped-def]
    with Live(bundle.parent) as server:
        yield server
