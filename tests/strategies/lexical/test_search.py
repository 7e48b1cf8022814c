"""Recall by words, and the columns that say how an item's words answer a search."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.query_match import QueryMatch, QueryMatchConfig
from endcap.strategies.lexical.index import lexical_index
from endcap.strategies.recall.lexical import LexicalConfig, LexicalRecall, _highest

from .conftest import TITLES


def found(bundle: Bundle, text: str) -> list[str]:
    items = LexicalRecall(LexicalConfig(), bundle).recall(Query(now=0, text=text), 20).items
    return [TITLES[item] for item in items]


def columns(bundle: Bundle, text: str) -> dict[str, list[float]]:
    """Of every titled item, by the names of the columns."""
    match = QueryMatch(QueryMatchConfig(), bundle)
    rows = match.hydrate(Query(now=0, text=text), Candidates(np.arange(len(TITLES), dtype=np.int32)))
    return {feature.name.removeprefix("query."): rows[:, k].tolist() for k, feature in enumerate(match.provides)}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("brother tn-2110", "Brother TN-2110 Toner"),
        ("tn2110", "Brother TN-2110 Toner"),
        ("TN 2110", "Brother TN-2110 Toner"),
        ("xps-13", "Dell XPS 13 laptop"),
        ("xps13", "Dell XPS 13 laptop"),
        ("32gb", "Memory card 32 GB"),
        ("memory card 16 gb", "HP 16GB memory card"),
        ("head set", "Bluetooth headset"),
        ("powerbank", "Power bank 5000 mAh"),
        ("智能手表", "智能手表 Apple Watch"),
        ("运动手表", "运动手表"),
        ("apple手表", "智能手表 Apple Watch"),
        ("laptops bags", "Laptop bag"),
    ],
)
def test_the_item_that_is_meant_comes_first(searchable: Bundle, text: str, first: str) -> None:
    assert found(searchable, text)[0] == first


@pytest.mark.parametrize("text", ["tooner", "heaset", "blutooth", "wirelss", "mosue", "tn2111", "laptpo"])
def test_a_slip_of_one_letter_does_not_empty_the_page(searchable: Bundle, text: str) -> None:
    assert found(searchable, text)


@pytest.mark.parametrize("text", ["", "   ", "!?", "zzzzzz", "🎧"])
def test_what_is_nowhere_finds_nothing(searchable: Bundle, text: str) -> None:
    assert found(searchable, text) == []


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_of_equal_scores_the_first_items_are_recalled_and_of_none_none(limit: int) -> None:
    items, scores = np.array([7, 3, 9, 5, 1], np.int32), np.array([2, 2, 0, 4, 0], np.float32)
    found = _highest(items, scores, limit)
    assert found.items.tolist() == [5, 3, 7][:limit]
    assert found.scores.tolist() == [4, 2, 2][:limit]


def test_recall_is_the_sum_of_what_the_columns_say(searchable: Bundle) -> None:
    text = "hp memory card 16gb"
    recalled = LexicalRecall(LexicalConfig(), searchable).recall(Query(now=0, text=text), 20)
    bm25 = np.array(columns(searchable, text)["bm25"])
    assert np.allclose(bm25[recalled.items], recalled.scores)
    assert set(np.flatnonzero(bm25)) == set(recalled.items.tolist())


def test_fields_are_told_apart_and_those_that_are_not_there_are_zero(searchable: Bundle) -> None:
    told = columns(searchable, "hp printer")
    assert told["bm25_brand"][2] > 0 == told["bm25_brand"][6]
    assert told["bm25_title"][2] > told["bm25_title"][3] > 0
    assert told["bm25_attributes"] == told["bm25_description"] == [0.0] * len(TITLES)


def test_coverage_counts_words_and_rare_words_more(searchable: Bundle) -> None:
    told = columns(searchable, "hp printer")
    assert told["title_coverage"][2] == told["coverage"][2] == 1.0
    assert told["title_coverage"][3] == 0.5
    assert told["title_coverage_idf"][3] < 0.5
    assert told["last_in_title"][2] == 1.0 > told["last_in_title"][3]


def test_neighbouring_words_and_places_in_the_title_count(searchable: Bundle) -> None:
    told = columns(searchable, "memory card")
    assert told["title_phrase"][4] == told["title_phrase"][5] == 1.0 > told["title_phrase"][2]
    assert told["title_start"][5] == 1.0 > told["title_start"][4] > told["title_start"][2] == 0.0


def test_the_searchs_own_brand_helps_and_another_hurts(searchable: Bundle) -> None:
    told = columns(searchable, "brother toner")["brand"]
    assert told[0] == 1.0
    assert columns(searchable, "toner")["brand"] == [0.0] * len(TITLES)


def test_model_numbers_and_amounts_are_told_apart(searchable: Bundle) -> None:
    models = columns(searchable, "toner tn2110")["model"]
    assert models[0] == 1.0 > models[1]
    amounts = columns(searchable, "card 32 gb")["numbers"]
    assert amounts[5] == 1.0 > amounts[4]
    assert all(np.isnan(columns(searchable, "toner")["model"]))


def test_without_a_search_nothing_is_known(searchable: Bundle) -> None:
    assert all(np.isnan(value) for column in columns(searchable, "").values() for value in column)


def test_the_arrays_stay_memory_mapped(searchable: Bundle) -> None:
    index = lexical_index(searchable)
    assert not index.items.flags.writeable
    assert not index.by_field.flags.owndata
