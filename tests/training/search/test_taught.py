"""The whole training of a shop whose events say which search led to them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from endcap.bundle.folder import open_bundle
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import load_strategies
from endcap.training.config import load_config
from endcap.training.train import train

from ...support import small_bert, small_shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the small shop, in which half of all events came of a search for the item's kind."""
    folder = tmp_path_factory.mktemp("searched")
    small_bert.write_model(folder / "bert")
    config = small_shop.write_small_shop(folder, f'windows = 1\n\n[text]\nmodel = "{folder / "bert"}"\n')
    kinds = dict(small_shop.items().select("item_id", pl.col("categories").list.get(1)).iter_rows())
    searched = pl.col("item_id").replace_strict(kinds)
    events = small_shop.events().with_row_index("row")
    events = events.with_columns(query=pl.when(pl.col("row") % 2 == 0).then(searched)).drop("row")
    events.write_parquet(folder / "events.parquet")
    with threadpool_limits(1):
        return train(load_config(config), folder / "bundles").folder


def test_the_ranker_learns_from_clicks_and_knows_the_shopper(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert opened.manifest.metrics["search"]["learned_from"] == "clicks"
    columns = opened.part("search_ranker").json("ranker")["columns"]
    assert {"text.query_cosine", "query.bm25", "query.neighbour_cosine", "item.popularity"} <= set(columns)
    assert "shopper_item.weight_120d" in columns
    assert not any(column.endswith(".rank") for column in columns)


def test_a_search_by_a_known_shopper_is_their_own_and_needs_nothing_that_is_missing(bundle: Path) -> None:
    opened = open_bundle(bundle)
    strategy = load_strategies(opened).by_name["search"]
    asked = Query(now=opened.manifest.data_end, text="coffee", size=5)
    anybody = execute(strategy, asked)
    users = [
        Query(asked.now, user=user, history=opened.histories.of(user), text="coffee", size=5) for user in range(20)
    ]
    slates = [execute(strategy, query) for query in users]
    assert not [slate.run.degradations for slate in (anybody, *slates) if slate.run.degradations]
    assert any(slate.items.tolist() != anybody.items.tolist() for slate in slates)
