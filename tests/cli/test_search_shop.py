"""A shop with a catalog and nothing else: trained, served, searched and judged; in Chinese, and with emoji."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from endcap.bundle.folder import open_bundle
from endcap.strategies import pipeline
from endcap.strategies.contract import Query
from endcap.strategies.registry import load_strategies
from endcap.strategies.text.space import text_space
from endcap.training.search.teach import offered

from ..support import small_bert
from ..support.live import Live
from .conftest import Run

pytestmark = pytest.mark.slow

KINDS = ("智能手表", "运动手表", "咖啡机", "牛奶", "phone case", "running shoes", "XPS-13 laptop ⌚", "tea 16 GB")


def write_catalog(folder: Path, more: str = "") -> Path:
    """48 items of eight kinds, one with an endless description and one without a title; returns shop.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(48)
    pl.DataFrame(
        {
            "item_id": [f"i{n:02}" for n in numbers],
            "title": [f"{KINDS[n % 8]} {n}" if n else None for n in numbers],
            "description": ["很" * 5_000 if n == 1 else None for n in numbers],
            "brand": [("Apple", "华为", None)[n % 3] for n in numbers],
        }
    ).write_parquet(folder / "items.parquet")
    small_bert.write_model(folder / "bert")
    config = folder / "shop.toml"
    config.write_text(f'name = "catalog"\n[items]\npath = "items.parquet"\n[text]\nmodel = "{folder / "bert"}"\n{more}')
    return config


def write_judgments(path: Path, searches: tuple[str, ...], unknown: bool = False) -> Path:
    rows = [(text, f"i{n:02}", 3 if text.split()[0] in KINDS[n % 8] else 0) for text in searches for n in range(1, 17)]
    rows += [(searches[0], "gone", 3)] if unknown else []
    pl.DataFrame(rows, schema=["query", "item_id", "rating"], orient="row").write_csv(path)
    return path


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def bundle(catalog: Path) -> Path:
    from endcap.training.config import load_config
    from endcap.training.train import train

    return train(load_config(catalog), catalog.parent / "bundles").folder


def test_training_says_in_one_line_what_is_not_offered(run: Run, catalog: Path, tmp_path: Path) -> None:
    ended = run("train", "--config", catalog, "--out", tmp_path)
    assert ended.code == 0, ended.errors
    (line,) = [line for line in ended.out.splitlines() if "not offered" in line]
    assert "hybrid" in line
    assert "search" not in line.split("offered:")[1]


def test_the_default_strategy_is_search_and_those_of_events_are_left_out(bundle: Path) -> None:
    strategies = load_strategies(open_bundle(bundle))
    assert strategies.default == "search"
    assert {"hybrid", "als", "popular", "repeat"} <= set(strategies.left_out)


def test_an_item_has_the_same_columns_whether_it_was_recalled_or_given(bundle: Path) -> None:
    opened = open_bundle(bundle)
    strategy = load_strategies(opened).by_name["search"]
    recalled = pipeline.gather(strategy, Query(now=0, text="智能手表 phone"), pipeline.Run())
    given = pipeline.gather(strategy, Query(now=0, text="智能手表 phone", given=recalled.items[5:9]), pipeline.Run())
    columns = offered(strategy)
    assert np.array_equal(recalled.matrix(columns)[5:9], given.matrix(columns), equal_nan=True)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Runing  shoos", "running shoe"),  # as the index writes it, with single blanks
        ("running shoes", "running shoes"),
        ("智能手表 phonr", "智能手表 phone"),
        ("Phone Case", "Phone Case"),
        ("shoes zzzzz", "shoes zzzzz"),
        ("milk cape", "milk case"),
    ],
)
def test_the_model_of_meaning_reads_a_search_without_its_slips(bundle: Path, text: str, meant: str) -> None:
    assert text_space(open_bundle(bundle)).meant(Query(now=0, text=text)) == meant


def test_a_chinese_search_is_served(run: Run, bundle: Path) -> None:
    with Live(bundle) as live:
        ended = run("rank", "--address", live.address, "--query", "智能手表", "--limit", 5)
        slipped = run("rank", "--address", live.address, "--query", "runing shoes", "--limit", 5)
    assert ended.code == slipped.code == 0, ended.errors
    assert "智能手表" in ended.out
    assert "running shoes" in slipped.out


def test_judgments_are_asked_of_three_strategies(run: Run, catalog: Path, tmp_path: Path) -> None:
    asked = write_judgments(tmp_path / "asked.csv", ("智能手表", "running", "phone case"), unknown=True)
    found, out = evaluated(run, catalog, tmp_path, "--judgments", asked)
    assert set(found["strategies"]) == {"search", "bm25", "dense"}
    for one in found["strategies"].values():
        assert one["judged"]["queries"] == one["catalog"]["queries"] == 3
        assert 0 < one["judged"]["ndcg@10"] <= 1
        assert one["judged"]["intervals"]["mrr"][0] <= one["judged"]["mrr"] <= one["judged"]["intervals"]["mrr"][1]
    assert found["strategies"]["bm25"]["catalog"]["recall@100"] == 1.0
    assert found["judgments"]["unknown"] == ["gone"]
    assert "1 items that the catalog lacks: gone" in out
    assert "fixed fusion" in out


def test_the_ranker_learns_from_other_judgments_and_not_from_those_that_are_asked(
    run: Run, catalog: Path, tmp_path: Path
) -> None:
    asked = write_judgments(tmp_path / "asked.csv", ("智能手表", "running"))
    taught = write_judgments(tmp_path / "taught.csv", ("运动手表", "咖啡机", "牛奶", "Running"))
    found, out = evaluated(run, catalog, tmp_path, "--judgments", asked, "--train-judgments", taught)
    assert found["ranker"]["learned_from"] == "judgments"
    assert found["ranker"]["searches"] == 3
    assert found["left_out_of_training"] == ["Running"]
    assert "learned from judgments" in out
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_nothing_is_left_to_learn_from_where_every_search_is_asked(run: Run, catalog: Path, tmp_path: Path) -> None:
    asked = write_judgments(tmp_path / "asked.csv", ("智能手表", "running"))
    ended = run("evaluate", "--config", catalog, "--judgments", asked, "--train-judgments", asked)
    assert ended.code == 2
    assert "expected judgments of other searches to learn from" in ended.errors


def test_train_judgments_alone_and_bad_ratings_are_refused(run: Run, catalog: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("query,item_id,rating\nmilk,i01,great\n")
    assert "expected --judgments FILE" in run("evaluate", "--config", catalog, "--train-judgments", bad).errors
    ended = run("evaluate", "--config", catalog, "--judgments", bad)
    assert ended.code == 2
    assert "column 'rating', row 1: found 'great', expected a number" in ended.errors


def test_bad_judgments_in_shop_toml_stop_training_before_it_starts(run: Run, tmp_path: Path) -> None:
    config = write_catalog(tmp_path / "shop", '[search]\njudgments = "judgments.csv"\n')
    (tmp_path / "shop" / "judgments.csv").write_text("query,item_id,stars\nmilk,i01,3\n")
    ended = run("train", "--config", config, "--out", tmp_path / "bundles")
    assert ended.code == 2
    assert "no column 'rating', which Endcap reads as rating" in ended.errors
    assert "fitting" not in ended.errors


def test_shop_toml_may_name_judgments(tmp_path: Path) -> None:
    from endcap.training.config import load_config
    from endcap.training.train import train

    config = write_catalog(tmp_path / "shop", '[search]\njudgments = "judgments.csv"\n')
    write_judgments(tmp_path / "shop" / "judgments.csv", ("智能手表", "running", "牛奶"))
    trained = train(load_config(config), tmp_path / "bundles")
    assert trained.manifest.metrics["search"]["learned_from"] == "judgments"
    assert open_bundle(trained.folder).has("search_ranker")


def evaluated(run: Run, config: Path, folder: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    files = ("--json", folder / "out.json", "--html", folder / "out.html")
    ended = run("evaluate", "--config", config, *arguments, *files)
    assert ended.code == 0, ended.errors
    return json.loads((folder / "out.json").read_text(encoding="utf-8")), ended.out
