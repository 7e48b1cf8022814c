from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.contract import Query
from endcap.strategies.select.mmr import Mmr, MmrConfig
from endcap.strategies.select.top_k import TopK, TopKConfig

from ..fakes import NOW, GroupsOnly, events_of

TITLES = np.array([0, 0, 1, 1, 2, -1, -1, 3, 3, 3], np.int32)
CATEGORIES = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, -1])
QUERY = Query(now=NOW, size=4)


def bundle(vectors: Array | None = None) -> Any:
    """Ten items with these titles and categories, and where given a unit vector each."""
    space = SimpleNamespace(vectors=vectors, text_of=np.arange(10))
    return SimpleNamespace(
        catalog=GroupsOnly({"title": TITLES, "category": CATEGORIES}),
        has=lambda part: vectors is not None,
        once=lambda key, build: space if key == "text_space" else build(),
    )


def scored(scores: list[float], items: list[int] | None = None) -> Candidates:
    chosen = np.arange(len(scores)) if items is None else items
    return Candidates(np.array(chosen, np.int32)).with_column(SCORE, np.array(scores))


def top_k(collapse: bool = False) -> TopK:
    return TopK(TopKConfig(collapse_titles=collapse), bundle())


def mmr(vectors: Array | None = None, **config: Any) -> Mmr:
    return Mmr(MmrConfig.model_validate(config), bundle(vectors))


SCORES = st.lists(st.sampled_from([0.0, 1.0, -2.0, 0.5, np.nan]), max_size=10)


@given(SCORES, st.integers(1, 12))
def test_the_highest_scores_come_first_ties_by_item_number_and_nan_last(scores: list[float], size: int) -> None:
    order = sorted(range(len(scores)), key=lambda n: (np.isnan(scores[n]), -np.nan_to_num(scores[n]), n))
    found = top_k().select(replace(QUERY, size=size), scored(scores))
    assert found.tolist() == order[:size]


@given(SCORES, st.permutations(range(10)))
def test_what_is_chosen_does_not_depend_on_the_order_of_the_rows(scores: list[float], order: list[int]) -> None:
    rows = [row for row in order if row < len(scores)]
    chosen = top_k().select(QUERY, scored(scores))
    turned = top_k().select(QUERY, scored([scores[row] for row in rows], rows))
    assert [rows[row] for row in turned] == chosen.tolist()


def test_one_item_of_a_title_is_shown_the_best_and_items_without_a_title_all() -> None:
    scores = [1.0, 9, 5, 5, 4, 3, 2, 6, 7, 8]
    found = top_k(collapse=True).select(replace(QUERY, size=10), scored(scores))
    assert found.tolist() == [1, 9, 2, 4, 5, 6]


def test_an_item_that_the_shopper_bought_keeps_its_place_beside_one_of_its_title() -> None:
    scores = [1.0, 9, 5, 5, 4, 3, 2, 6, 7, 8]
    shown = top_k(collapse=True).select(replace(QUERY, size=10), scored(scores))
    hidden = next(row for row in range(len(scores)) if row not in shown)
    keeping = TopK(TopKConfig(collapse_titles=True, keep_own=True), bundle())
    query = replace(QUERY, size=10, history=events_of((hidden, 100)))
    assert sorted(keeping.select(query, scored(scores))) == sorted([*shown, hidden])


def test_a_callers_own_list_is_never_collapsed() -> None:
    query = replace(QUERY, size=10, given=np.arange(10))
    for selector in (top_k(collapse=True), mmr(collapse_titles=True), mmr(collapse_titles=True, diversity=0.5)):
        assert len(selector.select(query, scored([1.0] * 10))) == 10


def test_without_diversity_mmr_is_top_k() -> None:
    scores = [1.0, 9, 5, np.nan, 4, 3, 2, 6, 7, 8]
    expected = top_k().select(QUERY, scored(scores)).tolist()
    assert mmr().select(QUERY, scored(scores)).tolist() == expected
    assert mmr(diversity=0.9).select(replace(QUERY, diversity=0.0), scored(scores)).tolist() == expected


def test_the_request_decides_on_diversity_before_the_strategy() -> None:
    scores = [9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    varied = mmr(diversity=0.0).select(replace(QUERY, diversity=1.0), scored(scores)).tolist()
    assert varied[:3] == [0, 5, 8]
    assert varied == mmr(diversity=1.0).select(QUERY, scored(scores)).tolist()


def test_an_item_of_no_category_is_like_no_other() -> None:
    found = mmr(diversity=1.0).select(replace(QUERY, size=10), scored([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0]))
    assert set(found[:4].tolist()) == {0, 5, 8, 9}


def naive_mmr(scores: list[float], vectors: Array, diversity: float, size: int) -> list[int]:
    """Carbonell and Goldstein's choice, item by item, over scores scaled to 0..1."""
    span = (max(scores) - min(scores)) or 1.0
    relevance = [(score - min(scores)) / span for score in scores]
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))
    chosen: list[int] = []
    while len(chosen) < min(size, len(scores)):
        left = [n for n in order if n not in chosen]
        value = {
            n: (1 - diversity) * relevance[n]
            - diversity * max([0.0, *(float(vectors[n] @ vectors[c]) for c in chosen)])
            for n in left
        }
        chosen.append(max(left, key=lambda n: value[n]))
    return chosen


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=10, unique=True),
    st.integers(0, 1000),
    st.sampled_from([0.1, 0.37, 0.83]),
    st.integers(2, 10),
)
def test_mmr_weighs_each_next_item_against_those_already_chosen(
    scores: list[int], seed: int, diversity: float, size: int
) -> None:
    vectors = np.random.default_rng(seed).normal(0, 1, (10, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = mmr(vectors.astype(np.float32), diversity=diversity).select(
        replace(QUERY, size=size), scored([*map(float, scores)])
    )
    expected = naive_mmr([*map(float, scores)], vectors, diversity, size)
    assert found.tolist() == expected


def test_mmr_puts_what_has_no_score_last_however_different_it_is() -> None:
    vectors = np.eye(10, 4, dtype=np.float32)
    vectors[:9] = [1, 0, 0, 0]
    vectors[9] = [0, 1, 0, 0]
    scores = [*range(9), np.nan]
    found = mmr(vectors, diversity=1.0).select(replace(QUERY, size=10), scored([*map(float, scores)]))
    assert found[-1] == 9
    assert len(found) == 10


def test_only_the_head_of_the_ranking_is_weighed_for_variety() -> None:
    scores = [9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert mmr(diversity=1.0, head=4).select(QUERY, scored(scores)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("diversity", [0.0, 0.5])
def test_nothing_to_choose_from_is_an_empty_slate(diversity: float) -> None:
    assert mmr(diversity=diversity).select(QUERY, scored([])).tolist() == []
    assert mmr(diversity=diversity).select(QUERY, scored([np.nan])).tolist() == [0]
