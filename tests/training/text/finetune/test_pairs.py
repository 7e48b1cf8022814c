from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from endcap.bundle.events import Events
from endcap.training.shop import Shop
from endcap.training.text.finetune.pairs import Pairs, Rating, pairs_of

from ... import made
from .conftest import TITLES

END = made.START + 40 * made.DAY


def source_of(pairs: Pairs, name: str) -> set[tuple[str, str]]:
    found = next(source for source in pairs.sources if source.name == name)
    return {(pairs.texts[a], pairs.texts[b]) for a, b in zip(found.anchors, found.positives, strict=True)}


def plain(shop: Shop) -> Shop:
    """With texts that can be read in a failure."""
    return replace(shop, texts=TITLES)


def test_what_was_bought_in_one_visit_goes_together(shop: Shop) -> None:
    pairs = pairs_of(plain(shop), made.START, END, 7)
    both = {("milk", "bread"), ("tea", "coffee"), ("phone", "watch"), ("small milk", "large bread")}
    assert source_of(pairs, "together") == both | {(b, a) for a, b in both}


def test_what_was_bought_next_follows_and_the_same_again_says_nothing(shop: Shop) -> None:
    pairs = pairs_of(plain(shop), made.START, END, 7)
    assert {("milk", "bread"), ("bread", "milk")} <= source_of(pairs, "next")
    assert all(a != b for a, b in source_of(pairs, "next"))
    assert ("milk", "tea") not in source_of(pairs, "next")  # another shopper's


def test_a_basket_is_a_visit_and_days_are_where_there_is_none() -> None:
    rows = [(0, 0, 1.0), (0, 2, 1.1), (0, 4, 1.2), (1, 0, 5.0), (1, 2, 5.1), (1, 4, 6.2)]
    shop = made.shop_of(rows, baskets=[7, 7, 8, -1, -1, -1])
    together = next(source for source in pairs_of(shop, 0, END, 7).sources if source.name == "together")
    assert set(zip(together.anchors.tolist(), together.positives.tolist(), strict=True)) == {(0, 1), (1, 0)}


def test_nothing_outside_the_time_is_read(shop: Shop, searched: Shop) -> None:
    early, later = (pairs_of(searched, start, end, 7) for start, end in ((0, made.START), (END, 2 * END)))
    assert len(early) == len(later) == 0
    middle = made.START + 20 * made.DAY
    changed = replace(shop, log=replace_items(shop, shop.log.times >= middle))
    same, other = (pairs_of(each, made.START, middle, 7) for each in (shop, changed))
    assert [source.name for source in same.sources] == [source.name for source in other.sources]
    for one, two in zip(same.sources, other.sources, strict=True):
        np.testing.assert_array_equal(one.anchors, two.anchors)
        np.testing.assert_array_equal(one.positives, two.positives)


def replace_items(shop: Shop, rows: np.ndarray) -> Events:
    items = shop.log.items.copy()
    items[rows] = 4
    return replace(shop.log, items=items)


def test_a_search_goes_with_what_it_led_to(searched: Shop) -> None:
    pairs = pairs_of(plain(searched), made.START, END, 7)
    assert {a for a, _ in source_of(pairs, "search")} == {"手表"}
    assert ("手表", "watch") in source_of(pairs, "search")
    assert pairs.texts[pairs.item_texts :] == ["手表"]
    no_longer = pairs_of(searched, made.START + 10 * made.DAY, END, 7)
    assert "search" not in [source.name for source in no_longer.sources]


def test_judgments_make_pairs_and_share_the_texts_of_searches(searched: Shop) -> None:
    pairs = pairs_of(plain(searched), made.START, END, 7, [Rating("手表", 5), Rating("phone case", 6)])
    assert source_of(pairs, "judged") == {("手表", "watch"), ("phone case", "phone")}
    assert pairs.texts[pairs.item_texts :] == ["手表", "phone case"]


def test_each_source_has_its_share_of_a_draw_however_many_pairs_it_has(searched: Shop) -> None:
    pairs = pairs_of(searched, made.START, END, 7)
    anchors, _ = pairs.draw(8000, np.random.default_rng(1))
    counts = Counter((anchors >= pairs.item_texts).tolist())
    assert abs(counts[True] / 8000 - 0.5) < 0.03  # search weighs two, together and next one each
    assert abs(pairs.odds.sum() - 1) < 1e-9


def test_a_shop_that_sold_nothing_has_no_pairs() -> None:
    shop = made.shop_of([(0, 0, 1.0)], goals=[False])
    assert len(pairs_of(shop, 0, END, 7)) == 0
