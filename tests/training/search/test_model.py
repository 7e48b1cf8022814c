from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.bundle.writer import BundleWriter
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.score.search import SearchScorer, SearchScorerConfig
from endcap.strategies.testing import made
from endcap.training.search.lessons import Lessons, joined, stacked
from endcap.training.search.model import (
    LEAST_SEARCHES,
    START,
    choose,
    cross_validated,
    fit_ranker,
    fit_sum,
    folds,
    quality,
)

COLUMNS = ("text.query_cosine", "query.bm25", "query.title_share", "price.value")


def made_lessons(searches: int, seed: int = 1, size: int = 20) -> Lessons:
    """The cosine tells most, bm25 a little, the title's share in steps, the price nothing."""
    random = np.random.default_rng(seed)
    blocks = [random.normal(0, 1, (size, 4)).astype(np.float32) for _ in range(searches)]
    truth = [2 * rows[:, 0] + 0.5 * rows[:, 1] + (rows[:, 2] > 1) + random.normal(0, 0.5, size) for rows in blocks]
    gains = [np.select([t > 2.5, t > 1], [7.0, 1.0], 0.0) for t in truth]
    return joined(COLUMNS, blocks, gains, [np.arange(size, dtype=np.int32)] * searches)


def test_the_sum_learns_what_tells_and_never_counts_a_likeness_against_an_item() -> None:
    lessons = made_lessons(40)
    against = Lessons(COLUMNS, lessons.features * [1, -1, 1, 1], *lessons[2:])
    summed = dict(zip(COLUMNS[:2], fit_sum(lessons, 0).weights, strict=True))
    assert summed["text.query_cosine"] > summed["query.bm25"] > 0
    assert fit_sum(against, 0).weights[1] == pytest.approx(0, abs=1e-6)


def test_of_next_to_no_lessons_the_sum_stays_where_it_starts() -> None:
    weights = fit_sum(made_lessons(1, size=3), 0).weights
    assert np.allclose(weights, [START["text.query_cosine"], START["query.bm25"]], atol=0.25)


def test_few_searches_teach_the_sum_alone() -> None:
    choice = choose(made_lessons(LEAST_SEARCHES - 1), 0)
    assert (choice.way, choice.validated) == ("sum", {})


@pytest.mark.parametrize("way", ["sum", "both", "trees"])
def test_every_way_ranks_searches_that_it_never_saw_better_than_chance(way: str) -> None:
    lessons = made_lessons(60)
    values = cross_validated(lessons, way, 3)
    assert values.mean() > 0.75 > quality(lessons, lambda rows: rows[:, 3]).mean() + 0.2


def test_a_search_is_asked_once_and_never_learned_from_in_its_fold() -> None:
    lessons = made_lessons(23)
    asked = [asked for learned, asked in folds(lessons, 5) if not np.intersect1d(learned, asked).size]
    assert sorted(np.concatenate(asked).tolist()) == lessons.telling.tolist()


def test_the_same_lessons_and_seed_choose_and_score_the_same() -> None:
    lessons = made_lessons(30)
    one, other = choose(lessons, 4), choose(lessons, 4)
    assert one.validated == other.validated
    assert np.array_equal(one.ranker(lessons.features), other.ranker(lessons.features))


@pytest.mark.parametrize("way", ["sum", "both", "trees"])
def test_what_is_served_is_what_was_learned_and_its_contributions_add_up(tmp_path: Path, way: str) -> None:
    lessons = made_lessons(30)
    ranker = fit_ranker(lessons, way, 0)

    def write(writer: BundleWriter) -> None:
        ranker.write(writer.part("search_ranker"))

    scorer = _scorer(made.tiny_bundle(tmp_path, write))
    rows = lessons.features[:40]
    candidates = Candidates(np.arange(40, dtype=np.int32)).with_block(COLUMNS, rows)
    scores = scorer.score(Query(now=0), candidates)
    assert np.allclose(scores, ranker(rows), atol=1e-4)
    parts = scorer.contributions(Query(now=0), candidates).sum(axis=1)
    assert np.allclose(parts - parts.mean(), scores - scores.mean(), atol=1e-3)


def test_without_the_part_the_fixed_sum_stands_in(tmp_path: Path) -> None:
    scorer = _scorer(made.tiny_bundle(tmp_path))
    rows = np.array([[0.1, 0, 0, 9], [0.9, 0, 0, 1], [0.5, 0, 0, 5]], np.float32)
    scores = scorer.score(Query(now=0), Candidates(np.arange(3, dtype=np.int32)).with_block(COLUMNS, rows))
    assert np.argsort(-scores).tolist() == [1, 2, 0]


def test_what_shoppers_do_leans_on_the_order_by_less_than_it_weighs(tmp_path: Path) -> None:
    config = SearchScorerConfig(weights={"text.query_cosine": 1.0}, prior={"liked": 0.75})
    scorer = SearchScorer(config, made.tiny_bundle(tmp_path))
    rows = np.array([[0.5, 0], [0.5, 1e6], [0.9, 0], [0.1, np.nan]], np.float32)
    candidates = Candidates(np.arange(4, dtype=np.int32)).with_block(("text.query_cosine", "liked"), rows)
    scores = scorer.score(Query(now=0), candidates)
    assert np.argsort(-scores).tolist() == [2, 1, 0, 3]


def test_items_that_both_sources_found_come_first_and_a_callers_own_list_knows_no_sources(tmp_path: Path) -> None:
    scorer = SearchScorer(SearchScorerConfig(weights={"text.query_cosine": 1.0}), made.tiny_bundle(tmp_path))
    names = ("text.query_cosine", "lexical.rank", "text.rank")
    rows = np.array([[0.5, np.nan, 1], [0.5, 2, 2], [0.5, np.nan, 3]], np.float32)
    candidates = Candidates(np.arange(3, dtype=np.int32)).with_block(names, rows)
    assert scorer.score(Query(now=0), candidates).argmax() == 1
    rows[:, 1:] = np.nan
    own = Candidates(np.arange(3, dtype=np.int32)).with_block(names, rows)
    assert not scorer.score(Query(now=0), own).any()


def test_a_ranker_that_learned_among_recalled_items_needs_no_votes(tmp_path: Path) -> None:
    def write(writer: BundleWriter) -> None:
        fit_ranker(made_lessons(12), "sum", 0).write(writer.part("search_ranker"), among_recalled=True)

    assert "lexical.rank" not in _scorer(made.tiny_bundle(tmp_path, write)).requires


def test_stacked_lessons_keep_their_groups_apart() -> None:
    one, other = made_lessons(3), made_lessons(4, seed=2)
    both = stacked([one, other])
    assert both.size == 7
    assert np.array_equal(both.rows(np.arange(3, 7)).features, other.features)


def _scorer(bundle: Bundle) -> SearchScorer:
    return SearchScorer(SearchScorerConfig(weights={"text.query_cosine": 1.0}), bundle)
