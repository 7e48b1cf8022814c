from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.training.text.finetune.batches import NONE, Batches, Recipe, categories_of
from endcap.training.text.finetune.tune import Lessons

from .conftest import PARTNERS

RECIPE = Recipe(pairs=16, uniform=6, hard=8)


def batches(lessons: Lessons, recipe: Recipe = RECIPE) -> Batches:
    return Batches(lessons.pairs, lessons.categories, recipe, 7)


def test_a_batch_depends_on_seed_and_number_alone(lessons: Lessons) -> None:
    one, two = batches(lessons), batches(lessons)
    for step in (5, 0, 3):
        first = one.batch(step)
        two.batch(step + 1)
        second = two.batch(step)
        for name in ("anchors", "columns", "bias", "weights"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (one.batch(0).anchors != one.batch(1).anchors).any()


def test_no_column_is_a_negative_of_what_it_is_or_goes_with(lessons: Lessons) -> None:
    batch = batches(lessons).batch(0)
    rows = np.arange(len(batch.anchors))
    positives = batch.columns[: len(rows)]
    assert (batch.bias[rows, rows] > NONE).all()
    for row in rows:
        others = np.delete(np.arange(len(batch.columns)), row)
        same = (batch.columns[others] == positives[row]) | (batch.columns[others] == batch.anchors[row])
        assert (batch.bias[row, others][same] == NONE).all()
        in_batch = others[others < len(rows)]
        assert (batch.bias[row, in_batch] > NONE).sum() == (~same[: len(in_batch)]).sum()


def test_hard_negatives_were_never_bought_with_the_anchor(lessons: Lessons) -> None:
    batch = batches(lessons).batch(0)
    partners = PARTNERS | {other: one for one, other in PARTNERS.items()}
    hard = range(len(batch.columns) - RECIPE.hard, len(batch.columns))
    met = [batch.bias[row, c] for row, a in enumerate(batch.anchors) for c in hard if batch.columns[c] == partners[a]]
    assert met
    assert set(met) == {np.float32(NONE)}
    left = [batch.bias[row, c] for row in range(16) for c in hard if batch.columns[c] == 7]
    assert all(bias > NONE for bias in left)  # shoes, which nobody bought, are an honest negative


def test_hard_negatives_are_of_the_positives_category(lessons: Lessons) -> None:
    categories = np.array([0, 0, 1, 1, 0, 2, 2, 2, 0, 0], np.int32)
    batch = batches(replace(lessons, categories=categories)).batch(0)
    hard = batch.columns[-RECIPE.hard :]
    np.testing.assert_array_equal(categories[hard], categories[batch.columns[: RECIPE.hard]])


def test_popular_columns_are_corrected_by_the_log_of_how_often_they_are_expected(lessons: Lessons) -> None:
    made = batches(lessons)
    expected = np.zeros(lessons.pairs.item_texts)
    for step in range(400):
        expected += np.bincount(made.batch(step).columns, minlength=len(expected)) / 400
    np.testing.assert_allclose(np.exp(made.log_odds), expected, rtol=0.15)
    batch = made.batch(0)
    rows, columns = np.nonzero(batch.bias > NONE)
    np.testing.assert_allclose(batch.bias[rows, columns], -made.log_odds[batch.columns[columns]], rtol=1e-5)


def test_without_correction_all_columns_are_alike(lessons: Lessons) -> None:
    batch = batches(lessons, replace(RECIPE, correction=0.0)).batch(0)
    assert set(np.unique(batch.bias)) == {np.float32(NONE), np.float32(0)}


def test_rare_positives_weigh_more(lessons: Lessons) -> None:
    rare = lessons.pairs.sources[0]._replace(positives=np.where(np.arange(len(lessons.pairs.sources[0].anchors)), 1, 3))
    pairs = replace(lessons.pairs, sources=[rare])
    made = Batches(pairs, lessons.categories, RECIPE, 7)
    assert made.weights[3] > made.weights[1]
    assert made.batch(0).weights.mean() == pytest.approx(1)
    assert len(set(Batches(pairs, lessons.categories, replace(RECIPE, tail=0.0), 7).weights[[1, 3]])) == 1


def test_a_text_is_of_its_first_items_category() -> None:
    found = categories_of(3, np.array([0, 1, 0, 1], np.int32), np.array([5, -1, 6, 7], np.int32))
    assert found.tolist() == [5, -1, -1]
