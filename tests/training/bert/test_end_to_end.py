"""A small shop trained with [bert] train = true, and what it then offers."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from endcap.bundle.folder import Bundle, open_bundle
from endcap.cli._bert import bert_table
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import load_strategies
from endcap.training.ranker.rows import query_of
from endcap.training.train import Trained

from ...support import small_bert, small_shop

BERT = """
[text]
model = "{model}"

[search]
judgments = "judgments.csv"

[bert]
train = true
layers = 1
pairs = 400
"""


def judgments() -> str:
    """Each search names an item: that one answers it, another of its kind hardly, others not at all."""
    items = small_shop.items()["title"].to_list()
    rows = [
        f"{search},i{other:02},{rating}"
        for n, title in enumerate(items)
        for search in (title, " ".join(reversed(title.split())))
        for other, rating in ((n, 3), (n // 10 * 10 + (n + 1) % 10, 1), ((n + 20) % 80, 0), ((n + 45) % 80, 0))
    ]
    return "\n".join(["query,item_id,rating", *rows]) + "\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from threadpoolctl import threadpool_limits

    from endcap.training.config import load_config
    from endcap.training.train import train

    folder = tmp_path_factory.mktemp("bert-shop")
    small_bert.write_model(folder / "bert")
    (folder / "judgments.csv").write_text(judgments())
    config = small_shop.write_small_shop(folder, "windows = 1\n" + BERT.format(model=folder / "bert"))
    with threadpool_limits(1):
        return train(load_config(config), folder / "bundles")


@pytest.fixture(scope="module")
def bundle(trained: Trained) -> Bundle:
    return open_bundle(trained.folder)


@pytest.mark.slow
def test_the_bundle_offers_a_strategy_with_bert_and_keeps_the_default(bundle: Bundle) -> None:
    offered = load_strategies(bundle)
    assert offered.default == "hybrid"
    assert offered.by_name["hybrid"].scorer.name == "trees"
    assert offered.by_name["hybrid_bert"].scorer.name == "hybrid"
    assert "hybrid" in offered.scorers


@pytest.mark.slow
def test_every_shopper_is_answered_whole(bundle: Bundle) -> None:
    strategies = load_strategies(bundle).by_name
    different = 0
    for user in range(20):
        plain, twice = (execute(strategies[name], query_of(bundle, user)) for name in ("hybrid", "hybrid_bert"))
        assert not twice.run.degradations
        different += plain.items.tolist() != twice.items.tolist()
    assert bundle.part("bert").json("fusion")["shopper"]["bert"] == 0 or different


@pytest.mark.slow
def test_one_model_looks_at_searches_and_at_shoppers(bundle: Bundle) -> None:
    strategy = load_strategies(bundle).by_name["hybrid_bert"]
    assert set(bundle.part("bert").json("fusion")) == {"query", "shopper"}
    slate = execute(strategy, Query(now=bundle.manifest.data_end, text="organic tea"))
    assert len(slate.items)
    assert not slate.run.degradations


@pytest.mark.slow
def test_the_manifest_says_how_good_it_is(trained: Trained) -> None:
    found = trained.manifest.metrics["bert"]
    assert found["learning"]["layers"] == 1
    assert {"teacher", "student", "exported"} == set(found["judged"])
    assert all(0 <= each["auc"] <= 1 and each["log_loss"] > 0 for each in found["judged"].values())
    shopper = found["fusion"]["shopper"]
    for way in ("as_it_comes", "temperature_scaled", "isotonic"):
        assert set(shopper[way]) == {"expected_calibration_error", "brier", "log_loss"}
    assert json.dumps(found, allow_nan=False)


@pytest.mark.slow
def test_nothing_is_left_of_learning_but_the_bundle(trained: Trained) -> None:
    assert list(trained.folder.parent.iterdir()) == [trained.folder]


@pytest.mark.slow
def test_no_file_of_the_bundle_says_where_it_was_made(bundle: Bundle, trained: Trained) -> None:
    place = str(trained.folder.parents[1]).encode()
    for path in bundle.folder.rglob("*"):
        assert not path.is_file() or place not in path.read_bytes(), path


@pytest.mark.slow
def test_the_summary_names_the_numbers_of_bert(trained: Trained) -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(bert_table(trained.manifest.metrics["bert"]))
    text = console.export_text()
    for said in ("AUC", "log loss", "calibration error", "NDCG@10", "isotonic"):
        assert said in text
