"""Trees, and the best of them looked at again by BERT."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.bundle.writer import BundleWriter
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Feature, Query, ReasonCode
from endcap.strategies.pipeline import Slate, execute
from endcap.strategies.registry import load_strategies
from endcap.strategies.score.hybrid import ALIKE, MATCHES, Hybrid, HybridConfig, best, handed_out
from endcap.strategies.tables import StrategyError
from endcap.strategies.testing import made, tiny_bundle
from endcap.strategies.text.cross import Fusion

from ...support import small_bert, small_cross
from ..fakes import Proposing, Telling, strategy_of

COLUMNS = (MATCHES, ALIKE, "c")
ITEMS = np.arange(made.ITEMS, dtype=np.int32)


def write_trees(writer: BundleWriter) -> None:
    random = np.random.default_rng(3)
    rows = random.normal(0, 2, (300, len(COLUMNS)))
    data = lightgbm.Dataset(rows, rows[:, 2] + random.random(300))
    model = lightgbm.train({"objective": "regression", "num_leaves": 31, "verbosity": -1}, data, 30)
    part = writer.part("ranker")
    (part.folder / "model.txt").write_text(model.model_to_string())
    part.json("features", COLUMNS)


def bundle_of(folder: Path, fusions: dict[str, Fusion] = small_cross.BOTH) -> Bundle:
    texts = sorted(set(made.titles()))
    small_bert.write_model(folder / "bert")

    def write(writer: BundleWriter) -> None:
        write_trees(writer)
        writer.part("text").array("vectors", np.eye(len(texts), dtype=np.float32))
        small_cross.write_part(writer.part("bert"), folder / "bert", texts, fusions)

    return tiny_bundle(folder, write)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(tmp_path_factory.mktemp("hybrid"))


@pytest.fixture(scope="module")
def hybrid(bundle: Bundle) -> Hybrid:
    return Hybrid(HybridConfig(), bundle)


def table(items: Array = ITEMS) -> Candidates:
    values = np.random.default_rng(9).normal(1, 1, (len(items), len(COLUMNS))).astype(np.float32)
    return Candidates(items).with_block(COLUMNS, values)


def shopper(bundle: Bundle, **more: Any) -> Query:
    return Query(now=made.DATA_END, user=made.HEAVY, history=bundle.histories.of(made.HEAVY), **more)


def ranked(scorer: Any, query: Query) -> Slate:
    rows = table().matrix(COLUMNS)
    features = (Feature(MATCHES, ReasonCode.MATCHES_QUERY), Feature(ALIKE, ReasonCode.SIMILAR_CONTENT), Feature("c"))
    strategy = strategy_of(
        {"all": Proposing(ITEMS.tolist())}, {"f": Telling(features, lambda i: rows[i])}, score=scorer
    )
    return execute(strategy, query)


@pytest.mark.parametrize("text", ["", "mild tea"])
def test_the_best_are_put_in_another_order_and_stay_above_the_rest(hybrid: Hybrid, bundle: Bundle, text: str) -> None:
    query, candidates = shopper(bundle, text=text), table()
    first = hybrid.score(query, candidates)
    second = hybrid.rescore(query, candidates, first)
    top = best(first, candidates.items, 20)
    rest = np.setdiff1d(np.arange(len(first)), top)
    assert second.dtype == np.float32
    np.testing.assert_array_equal(second[rest], first[rest])
    np.testing.assert_allclose(np.sort(second[top]), np.sort(first[top]), rtol=1e-5)
    assert second[top].min() >= first[rest].max()
    logits = hybrid.encoder.logits(hybrid.pairs.of(query, candidates.items[top]))
    expected = candidates.items[top][np.argsort(-logits, kind="stable")]
    assert candidates.items[best(second, candidates.items, 20)].tolist() == expected.tolist()


def test_the_first_scores_are_those_of_the_trees(hybrid: Hybrid, bundle: Bundle) -> None:
    query = shopper(bundle)
    np.testing.assert_array_equal(hybrid.score(query, table()), hybrid.trees.score(query, table()))


def test_a_request_that_says_nothing_keeps_the_order_of_the_trees(hybrid: Hybrid) -> None:
    query = Query(now=made.DATA_END)
    first = hybrid.score(query, table())
    assert hybrid.rescore(query, table(), first) is first


def test_bert_is_not_asked_about_a_kind_that_it_was_not_taught(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, {"shopper": small_cross.BOTH["shopper"]})
    hybrid = Hybrid(HybridConfig(), bundle)
    first = hybrid.score(shopper(bundle), table())
    assert hybrid.rescore(shopper(bundle, text="tea"), table(), first) is first
    assert hybrid.rescore(shopper(bundle), table(), first) is not first


def test_one_candidate_or_none_is_left_as_it_is(hybrid: Hybrid, bundle: Bundle) -> None:
    for count in (0, 1):
        candidates = table(ITEMS[:count])
        first = hybrid.score(shopper(bundle), candidates)
        assert hybrid.rescore(shopper(bundle), candidates, first) is first


def test_a_bert_that_fails_costs_the_second_look_and_is_named(
    bundle: Bundle, hybrid: Hybrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, by_trees = ranked(hybrid, shopper(bundle)), ranked(hybrid.trees, shopper(bundle))

    def broken(*_: object) -> Array:
        raise RuntimeError("out of order")

    monkeypatch.setattr(hybrid.encoder, "logits", broken)
    slate = ranked(hybrid, shopper(bundle))
    assert [tuple(each) for each in slate.run.degradations] == [("rescore", "scorer", "RuntimeError: out of order")]
    assert slate.items.tolist() == by_trees.items.tolist() != whole.items.tolist()
    assert slate.reasons == by_trees.reasons


def test_the_second_look_is_timed_on_its_own(hybrid: Hybrid, bundle: Bundle) -> None:
    stages = [timing.stage for timing in ranked(hybrid, shopper(bundle)).run.timings]
    assert stages[stages.index("score") + 1] == "rescore"


@pytest.mark.parametrize(("text", "column"), [("", ALIKE), ("mild tea", MATCHES)])
def test_what_bert_moved_counts_towards_the_likeness_of_texts(
    hybrid: Hybrid, bundle: Bundle, text: str, column: str
) -> None:
    query, candidates = shopper(bundle, text=text), table()
    first = hybrid.score(query, candidates)
    second = hybrid.rescore(query, candidates, first)
    plain = hybrid.trees.contributions(query, candidates)
    parts = hybrid.contributions(query, candidates.with_column(SCORE, second))
    moved = parts - plain
    np.testing.assert_allclose(moved[:, COLUMNS.index(column)], second - first, atol=1e-4)
    assert not np.delete(moved, COLUMNS.index(column), axis=1).any()
    assert np.abs(second - first).max() > 0.1


def test_an_item_that_bert_raised_is_said_to_be_like_the_shoppers(hybrid: Hybrid, bundle: Bundle) -> None:
    slate = ranked(hybrid, shopper(bundle))
    by_trees = ranked(hybrid.trees, shopper(bundle))
    codes = [{reason.code for reason in reasons} for reasons in slate.reasons]
    assert slate.items.tolist() != by_trees.items.tolist()
    assert any(ReasonCode.SIMILAR_CONTENT in each for each in codes)


def test_a_bundle_without_the_part_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        Hybrid(HybridConfig(), tiny_bundle(tmp_path, write_trees))
    (line,) = str(caught.value).splitlines()
    assert "trained without a BERT ranker" in line
    assert "[bert] train = true" in line


def test_a_strategy_that_needs_the_part_does_not_boot_without_it(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path, write_trees)
    with pytest.raises(StrategyError, match=r"strategies\.mine: .*trained without a BERT ranker"):
        load_strategies(bundle, {"mine": {"recall": ["popular"], "score": "hybrid"}})


def test_a_fusion_of_another_version_is_refused_by_name(bundle: Bundle, tmp_path: Path) -> None:
    def write(writer: BundleWriter) -> None:
        write_trees(writer)
        writer.share("bert", bundle.folder)
        writer.share("text", bundle.folder)
        (writer.folder / "bert" / "fusion.json").unlink()
        writer.part("bert").json("fusion", {"shopper": {"tree": 1.0, "bert": 2.0}})

    with pytest.raises(BundleError, match=r"fusion\.json: rank: Field required"):
        Hybrid(HybridConfig(), tiny_bundle(tmp_path, write))


@given(st.lists(st.floats(-5, 5, width=32) | st.just(float("nan")), max_size=60), st.integers(2, 30), st.randoms())
def test_handing_out_changes_places_and_nothing_else(values: list[float], top: int, chance: Any) -> None:
    scores = np.array(values, np.float32)
    rows = best(scores, np.arange(len(scores)), top)
    changed = handed_out(scores, rows, np.array([chance.random() for _ in rows]))
    np.testing.assert_allclose(np.sort(changed), np.sort(scores), rtol=1e-5, atol=1e-40)
    assert len(np.unique(changed[rows])) == len(rows)
    kept = np.setdiff1d(np.arange(len(scores)), rows)
    np.testing.assert_array_equal(changed[kept], scores[kept])
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(scores))


def test_a_slate_of_one_is_of_the_order_by_bert(hybrid: Hybrid, bundle: Bundle) -> None:
    whole = ranked(hybrid, shopper(bundle))
    assert ranked(hybrid, replace(shopper(bundle), size=1)).items.tolist() == whole.items[:1].tolist()
