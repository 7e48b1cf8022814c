"""What is learned of trees and BERT together."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.strategies.text.cross import Fusion
from endcap.training.bert.fuse import Heads, fit, fit_temperature, fuse, judged
from endcap.training.bert.lessons import Lessons

from ...support import small_cross

REQUESTS, EACH = 400, 12


def made(tree: float, bert: float, seed: int = 0) -> tuple[Lessons, Array]:
    """Requests in which trees and BERT know so much of what is chosen; BERT's logits."""
    random = np.random.default_rng(seed)
    blank = small_cross.lessons(REQUESTS, EACH)
    trees, logits = -np.sort(-random.normal(0, 1, (REQUESTS, EACH)), axis=1), random.normal(0, 1, (REQUESTS, EACH))
    chances = 1 / (1 + np.exp(1.5 - tree * trees - bert * logits))
    labels = (random.random(chances.shape) < chances).astype(np.float32)
    lessons = blank._replace(labels=labels.ravel(), trees=trees.astype(np.float32).ravel())
    return lessons, logits.astype(np.float32).ravel()


def test_a_bert_that_knows_something_gets_weight_and_ranks_better() -> None:
    fused = fuse(*made(tree=1.0, bert=1.0), seed=1)
    fusion, found = fused.fusions["shopper"], fused.metrics["shopper"]
    assert 0.5 < fusion.bert / fusion.tree < 2
    assert found["difference"]["interval"][0] > 0.01
    assert found["auc"] > 0.6


def test_a_bert_that_knows_nothing_hardly_moves_the_order() -> None:
    fused = fuse(*made(tree=1.5, bert=0.0), seed=1)
    fusion, found = fused.fusions["shopper"], fused.metrics["shopper"]
    assert abs(fusion.bert) < 0.15 * fusion.tree
    assert abs(found["difference"]["mean"]) < 0.02


def test_trees_that_know_nothing_leave_the_order_to_bert() -> None:
    fusion = fuse(*made(tree=0.0, bert=2.0), seed=1).fusions["shopper"]
    assert fusion.bert > 5 * abs(fusion.tree)


def test_calibration_brings_overconfident_logits_back() -> None:
    lessons, logits = made(tree=0.0, bert=1.0)
    found = fuse(lessons, 5 * logits, seed=1).metrics["shopper"]
    assert found["temperature"] == pytest.approx(5, rel=0.3)
    for way in ("temperature_scaled", "isotonic"):
        assert found[way]["log_loss"] < found["as_it_comes"]["log_loss"]
        assert found[way]["expected_calibration_error"] < 0.5 * found["as_it_comes"]["expected_calibration_error"]


def test_a_bert_that_is_worth_nothing_gets_no_temperature() -> None:
    assert fit_temperature(np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 1, 0, 1])) == (1.0, 0.0)


def test_of_too_few_requests_nothing_is_learned() -> None:
    lessons = small_cross.lessons(19)
    fused = fuse(lessons, lessons.labels, seed=1)
    assert fused.fusions == {}
    assert fused.metrics == {}


def test_kinds_are_learned_apart() -> None:
    one, other = made(tree=1.0, bert=1.0), made(tree=1.0, bert=-1.0, seed=2)
    kinds = np.repeat(np.array([0, 1], np.int8), REQUESTS)
    together = Lessons(*(np.concatenate(pair) for pair in zip(one[0], other[0], strict=True)))._replace(kinds=kinds)
    fused = fuse(together, np.concatenate([one[1], other[1]]), seed=1).fusions
    assert fused["query"].bert > 0 > fused["shopper"].bert


def test_a_request_in_which_all_were_chosen_says_nothing() -> None:
    heads = Heads([np.array([2.0, 1.0])] * 3, [np.array([0.0, 1.0])] * 3, [np.ones(2), np.zeros(2), np.array([0, 1])])
    assert heads.telling.tolist() == [2]
    assert judged(Fusion(tree=0, bert=1, rank=0), heads, 1)["head_ndcg@10"] == {"trees": 0.6309, "fused": 1.0}


def test_the_same_requests_give_the_same_weights() -> None:
    lessons, logits = made(tree=1.0, bert=0.5)
    heads = Heads([lessons.trees], [logits], [lessons.labels])
    assert fit(heads) == fit(heads)
