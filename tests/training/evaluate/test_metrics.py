from __future__ import annotations

import json
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.evaluate.metrics import CUTS, accuracy, average_precision, binary_ideal, graded, mrr, ndcg, recall
from endcap.training.evaluate.truth import NOTHING, Truth

RANX: dict[str, Any] = json.loads(Path(__file__).with_name("ranx_values.json").read_text())


def hits(*rows: list[int]) -> np.ndarray[Any, Any]:
    return np.array(rows, np.bool_)


def test_ndcg_is_what_one_calculates_by_hand() -> None:
    found = ndcg(hits([0, 1, 0, 0, 1]), binary_ideal(np.array([3]), 5), 5)
    assert found == pytest.approx((1 / log2(3) + 1 / log2(6)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)))


def test_average_precision_is_what_one_calculates_by_hand() -> None:
    assert average_precision(hits([1, 0, 1, 1]), np.array([4]), 3) == pytest.approx((1 / 1 + 2 / 3) / 4)


def test_recall_divides_by_what_can_be_reached() -> None:
    assert recall(hits([1, 1, 1, 0]), np.array([50]), 3) == pytest.approx(1.0)
    assert recall(hits([1, 1, 1, 0]), np.array([4]), 20) == pytest.approx(3 / 4)


def test_mrr_sees_nothing_below_its_cut() -> None:
    assert mrr(hits([0, 0, 1], [0, 1, 1], [0, 0, 0]), 2).tolist() == [0.0, 0.5, 0.0]


def ranx_case() -> tuple[list[str], Truth, np.ndarray[Any, Any]]:
    shoppers = sorted(RANX["ratings"])
    truth = Truth.of_rows([np.array(sorted(map(number, RANX["ratings"][shopper])), np.int32) for shopper in shoppers])
    slates = np.full((len(shoppers), 20), NOTHING, np.int32)
    for row, shopper in enumerate(shoppers):
        items = RANX["lists"][shopper]
        slates[row, : len(items)] = [number(item) for item in items]
    return shoppers, truth, slates


def number(item: str) -> int:
    return int(item[1:])


@pytest.mark.parametrize("metric", ["ndcg", "hit_rate", "mrr", "map", "precision"])
@pytest.mark.parametrize("k", CUTS)
def test_metrics_agree_with_ranx(metric: str, k: int) -> None:
    _, truth, slates = ranx_case()
    ours = accuracy(truth.hits(slates), truth.sizes)[f"{metric}@{k}"]
    np.testing.assert_allclose(ours, RANX["values"][f"{metric}@{k}"], atol=1e-8)


@pytest.mark.parametrize("k", CUTS)
def test_recall_agrees_with_ranx_but_for_the_denominator(k: int) -> None:
    _, truth, slates = ranx_case()
    found = recall(truth.hits(slates), truth.sizes, k) * np.minimum(truth.sizes, k)
    np.testing.assert_allclose(found / truth.sizes, RANX["values"][f"recall@{k}"], atol=1e-8)


@pytest.mark.parametrize("k", CUTS)
def test_graded_ndcg_agrees_with_ranx(k: int) -> None:
    shoppers, _, _ = ranx_case()
    for row, shopper in enumerate(shoppers):
        ratings = RANX["ratings"][shopper]
        gains = graded(np.array([[ratings.get(item, 0) for item in RANX["lists"][shopper]]]))
        ideal = graded(np.array([sorted(ratings.values(), reverse=True)]))
        assert ndcg(gains, ideal, k) == pytest.approx(RANX["values"][f"ndcg_burges@{k}"][row], abs=1e-8)


@given(st.data())
def test_every_metric_is_between_nothing_and_all(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(st.booleans(), min_size=20, max_size=20), min_size=1, max_size=5))
    found = np.array(rows)
    more = data.draw(st.lists(st.integers(1, 30), min_size=len(rows), max_size=len(rows)))
    for name, values in accuracy(found, found.sum(axis=1) + np.array(more) - 1 + ~found.any(axis=1)).items():
        assert (values >= 0).all(), name
        assert (values <= 1 + 1e-12).all(), name


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_hits_are_those_of_each_shoppers_own_truth(rows: list[list[int]], depth: int, seed: int) -> None:
    truth = Truth.of_rows([np.array(row, np.int32) for row in rows])
    slates = np.random.default_rng(seed).integers(NOTHING, 13, (len(rows), depth)).astype(np.int32)
    expected = [[int(item) in row for item in slate] for row, slate in zip(rows, slates, strict=True)]
    assert truth.hits(slates).tolist() == expected


def test_truth_keeps_every_row_when_it_loses_items() -> None:
    truth = Truth.of_rows([np.array([1, 2]), np.array([3]), np.array([2, 5])])
    fewer = truth.only(truth.items == 2)
    assert fewer.sizes.tolist() == [1, 0, 1]
    assert truth.take(np.array([2, 0])).of(0).tolist() == [2, 5]
