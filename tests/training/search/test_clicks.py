from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.training.ranker.windows import Window
from endcap.training.search.clicks import GOAL_GAIN, OTHER_GAIN, from_clicks, searches_in
from endcap.training.search.teach import gathering, offered
from endcap.training.shop import Searches, Shop

from ..made import DAY, START, busy_shop, snapshot

TABLE = {"recall": ["lexical"], "hydrate": ["query_match", "shopper_item"], "score": "by_source"}
"""As ``search``, for a bundle without texts."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Every third event came of a search for the item's title or for nothing in particular."""
    made = busy_shop()
    titles = [f"{('red', 'green', 'blue')[n % 3]} {('tea', 'milk', 'soap', 'bread')[n % 4]}" for n in range(40)]
    texts = sorted({*titles, "anything"})
    rows = np.arange(len(made.log))
    queries = np.array([texts.index(titles[item]) for item in made.log.items], np.int32)
    queries = np.where(rows % 3 == 0, np.where(rows % 2, queries, texts.index("anything")), -1).astype(np.int32)
    never = np.full(len(rows), -1)
    searches = Searches(texts, queries, never.astype(np.int64), np.full(len(rows), np.nan, np.float32))
    return replace(made, titles=titles, fields={"title": [[title] for title in titles]}, searches=searches)


def window(shop: Shop) -> Window:
    return Window(START + 100 * DAY, shop.data_end)


def test_a_search_is_of_one_shopper_and_holds_what_came_of_it(shop: Shop) -> None:
    found = searches_in(shop, window(shop))
    assert len({(search.user, search.text) for search in found}) == len(found)
    assert shop.searches is not None
    inside = (shop.log.times >= START + 100 * DAY) & (shop.searches.queries >= 0)
    assert sum(len(search.items) for search in found) <= np.count_nonzero(inside)
    for search in found:
        asked = shop.searches.queries == shop.searches.texts.index(search.text)
        rows = inside & asked & (shop.users == search.user) & (shop.log.items == search.items[0])
        assert search.gains[0] == (GOAL_GAIN if shop.log.goals[rows].any() else OTHER_GAIN)


def test_a_shop_without_a_query_column_has_no_searches(shop: Shop) -> None:
    assert searches_in(replace(shop, searches=None), window(shop)) == []


def test_lessons_are_what_was_proposed_as_of_the_windows_beginning(shop: Shop, tmp_path: Path) -> None:
    bundle = snapshot(shop.before(START + 100 * DAY), tmp_path)
    strategy = gathering(bundle, TABLE)
    searches = searches_in(shop, window(shop))
    lessons = from_clicks(bundle, strategy, searches, offered(strategy), 1)
    assert lessons.size > 3
    assert set(np.unique(lessons.gains)) <= {0.0, OTHER_GAIN, GOAL_GAIN}
    assert len(lessons.telling) == lessons.size
    again = from_clicks(bundle, strategy, searches, offered(strategy), 1)
    assert np.array_equal(lessons.features, again.features, equal_nan=True)
