from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.folder import BundleError
from endcap.bundle.writer import BundleWriter
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.merge import FUSED
from endcap.strategies.score.baselines import (
    BySource,
    BySourceConfig,
    PopularScorer,
    PopularScorerConfig,
    Shuffle,
    ShuffleConfig,
)
from endcap.strategies.score.linear import Linear, LinearConfig
from endcap.strategies.score.trees import Trees, TreesConfig
from endcap.strategies.testing import tiny_bundle

from ..fakes import NOW

NOBODY = Query(now=NOW)
NO_BUNDLE: Any = None


def table(**columns: list[float]) -> Candidates:
    size = len(next(iter(columns.values())))
    made = Candidates(np.arange(size, dtype=np.int32))
    for name, values in columns.items():
        made = made.with_column(name.replace("__", "."), np.array(values))
    return made


def linear(**weights: float) -> Linear:
    return Linear(LinearConfig(weights=weights), NO_BUNDLE)


def test_linear_adds_up_standardised_columns_by_weight() -> None:
    made = table(a=[1, 2, 3], b=[10, 10, 40])
    expected = 2 * (np.array([1, 2, 3]) - 2) / np.std([1, 2, 3]) - (np.array([10, 10, 40]) - 20) / np.std([10, 10, 40])
    np.testing.assert_allclose(linear(a=2, b=-1).score(NOBODY, made), expected, rtol=1e-6)


def test_linear_takes_what_is_unknown_for_the_mean() -> None:
    scores = linear(a=1).score(NOBODY, table(a=[1, np.nan, 3]))
    np.testing.assert_allclose(scores, [-1, 0, 1], rtol=1e-6)
    assert linear(a=1, gone=5).score(NOBODY, table(a=[1, 3])).tolist() == [-1, 1]


@given(st.floats(-1e6, 1e6, width=32), st.integers(2, 400))
def test_linear_gives_nothing_where_all_are_alike(value: float, size: int) -> None:
    parts = linear(a=3).contributions(NOBODY, table(a=[value] * size + [np.nan]))
    assert (parts == 0).all()


def test_linears_contributions_sum_to_its_scores() -> None:
    made, scorer = table(a=[1, np.nan, 3, 9], b=[0, 1, 1, 5]), linear(a=0.5, b=-2)
    np.testing.assert_allclose(scorer.contributions(NOBODY, made).sum(axis=1), scorer.score(NOBODY, made), rtol=1e-6)


def test_linear_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        LinearConfig(weights={})


def test_by_source_keeps_the_order_of_recall() -> None:
    made = table(merge__fused=[0.3, 0.1])
    scorer = BySource(BySourceConfig(), NO_BUNDLE)
    assert scorer.score(NOBODY, made).tolist() == made.column(FUSED).tolist()
    assert scorer.contributions(NOBODY, made)[:, 0].tolist() == made.column(FUSED).tolist()


def test_popular_scores_by_its_column() -> None:
    scorer = PopularScorer(PopularScorerConfig(column="sold"), NO_BUNDLE)
    assert scorer.requires == ("sold",)
    assert scorer.score(NOBODY, table(sold=[4, 9])).tolist() == [4, 9]


def test_shuffle_orders_by_chance_the_same_for_one_request() -> None:
    made, scorer = table(a=[0] * 200), Shuffle(ShuffleConfig(), NO_BUNDLE)
    one, other = Query(now=NOW, request_id="one"), Query(now=NOW, request_id="other")
    np.testing.assert_array_equal(scorer.score(one, made), scorer.score(Query(now=NOW, request_id="one"), made))
    assert (scorer.score(one, made) != scorer.score(other, made)).mean() > 0.9
    assert (Shuffle(ShuffleConfig(seed=1), NO_BUNDLE).score(one, made) != scorer.score(one, made)).mean() > 0.9
    assert 0.4 < scorer.score(one, made).mean() < 0.6


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trees, lightgbm.Booster]:
    """Trees over three columns, and the very model."""
    random = np.random.default_rng(8)
    rows = random.normal(0, 1, (400, 3))
    rows[random.random(rows.shape) < 0.2] = np.nan
    labels = np.nan_to_num(rows[:, 0]) - np.nan_to_num(rows[:, 2]) + random.random(400) > 0.5
    data = lightgbm.Dataset(rows, labels, group=[40] * 10)
    booster = lightgbm.train({"objective": "lambdarank", "num_leaves": 15, "verbosity": -1}, data, 20)

    def write(writer: BundleWriter) -> None:
        part = writer.part("ranker")
        (part.folder / "model.txt").write_text(booster.model_to_string())
        part.json("features", ["a b", "merge.x", "c,d"])

    bundle = tiny_bundle(tmp_path_factory.mktemp("bundles"), write)
    return Trees(TreesConfig(), bundle), booster


def test_trees_score_as_the_model_predicts_whatever_the_order_of_columns(
    trees: tuple[Trees, lightgbm.Booster],
) -> None:
    scorer, booster = trees
    rows = np.random.default_rng(9).normal(0, 1, (50, 3)).astype(np.float32)
    rows[::7, 1] = np.nan
    made = Candidates(np.arange(50, dtype=np.int32)).with_block(
        ["c,d", "other", "a b", "merge.x"], rows[:, [2, 0, 0, 1]]
    )
    scores = scorer.score(NOBODY, made)
    assert str(scores.dtype) == "float32"
    np.testing.assert_array_equal(scores, np.asarray(booster.predict(rows), np.float32))
    parts = scorer.contributions(NOBODY, made)
    np.testing.assert_allclose(np.ptp(scores - parts.sum(axis=1)), 0, atol=1e-5)


def test_trees_take_a_column_that_nobody_made_for_unknown(trees: tuple[Trees, lightgbm.Booster]) -> None:
    scorer, booster = trees
    made = table(merge__x=[0.5, -0.5])
    unknown = np.array([[np.nan, 0.5, np.nan], [np.nan, -0.5, np.nan]])
    np.testing.assert_array_equal(scorer.score(NOBODY, made), np.asarray(booster.predict(unknown), np.float32))


def test_trees_of_a_bundle_without_a_ranker_say_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no part 'ranker'"):
        Trees(TreesConfig(), tiny_bundle(tmp_path))
