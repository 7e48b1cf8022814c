"""Which pairs are learned from: of earlier requests, as serving would have seen them, and nothing that came later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.folder import Bundle
from endcap.bundle.writer import PartWriter
from endcap.training.bert.asked import Asked, searches, shoppers
from endcap.training.bert.lessons import MOST_NEGATIVES, MOST_POSITIVES, Lessons, by_request, collect, sampled, tasks_of
from endcap.training.bert.part import write_pairs
from endcap.training.ranker.windows import Window, labels_in
from endcap.training.shop import Searches, Shop
from endcap.training.text.model import check_model

from ...support import small_bert
from ..made import DAY, START, busy_shop, snapshot

CUTOFF = START + 90 * DAY
WINDOW = Window(CUTOFF, CUTOFF + 14 * DAY)
TABLE: dict[str, Any] = {
    "recall": [{"use": "repeat", "limit": 20}, {"use": "popular", "limit": 20}],
    "hydrate": ["item_stats"],
    "score": {"use": "popular"},
}
"""Whatever scores: what is tested is what goes into the pairs."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return busy_shop()


@pytest.fixture(scope="module")
def pairs(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    small_bert.write_model(folder / "bert")
    write_pairs(PartWriter(folder), check_model(folder / "bert"), shop.texts, 32)
    return folder


def bundle_of(shop: Shop, folder: Path) -> Bundle:
    """As of the cut-off, with vectors for its texts."""
    bundle = snapshot(shop.before(CUTOFF), folder)
    (bundle.folder / "text").mkdir()
    PartWriter(bundle.folder / "text").array("vectors", np.eye(len(shop.texts), dtype=np.float32))
    return bundle


@pytest.fixture(scope="module")
def bundle(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(shop, tmp_path_factory.mktemp("snapshot"))


def lessons_of(bundle: Bundle, pairs: Path, asked: list[Asked], seed: int | None = None) -> Lessons:
    return Lessons.joined([collect(task) for task in tasks_of(bundle, TABLE, pairs, asked, 20, seed)], 32)


def asked_of(shop: Shop, seed: int = 1) -> list[Asked]:
    return shoppers(labels_in(shop, WINDOW), 100, np.random.default_rng(seed))


def test_what_came_after_the_cut_off_changes_labels_and_nothing_else(
    shop: Shop, bundle: Bundle, pairs: Path, tmp_path: Path
) -> None:
    """A shop in which everyone went for other things after the cut-off: the pairs' words stay, the labels do not."""
    later = shop.log.times >= CUTOFF
    items = np.where(later, (shop.log.items * 7 + 3) % len(shop.item_ids), shop.log.items).astype(np.int32)
    other = replace(shop, log=replace(shop.log, items=items))
    asked = asked_of(shop)
    changed = [
        replace(each, items=now, grades=np.ones(len(now), np.float32))
        for each in asked
        for now in [np.unique(items[later & (shop.users == each.user) & shop.log.goals])]
    ]
    one = lessons_of(bundle, pairs, asked)
    two = lessons_of(bundle_of(other, tmp_path), pairs, changed)
    np.testing.assert_array_equal(one.ids, two.ids)
    np.testing.assert_array_equal(one.trees, two.trees)
    assert (one.labels != two.labels).any()


def test_a_label_says_whether_the_shopper_went_for_the_item_in_the_window(
    shop: Shop, bundle: Bundle, pairs: Path
) -> None:
    asked = asked_of(shop)
    lessons = lessons_of(bundle, pairs, asked)
    assert len(lessons.sizes) == len(asked)
    assert 0 < lessons.labels.mean() < 1
    assert set(np.unique(lessons.labels)) == {0.0, 1.0}
    for each, span in zip(asked, by_request(lessons), strict=True):
        assert lessons.labels[span].sum() <= len(each.items)
        assert (np.diff(lessons.trees[span]) <= 0).all()


def test_who_wants_something_new_is_not_shown_what_they_know(shop: Shop, bundle: Bundle) -> None:
    new = next(each for each in asked_of(shop) if each.new)
    allowed = new.query(bundle).allowed
    assert allowed is not None
    assert not allowed[np.unique(bundle.histories.of(new.user).items)].any()


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 1000))
def test_sampling_keeps_both_kinds_within_bounds_and_says_how_it_shifts_the_odds(found: list[bool], seed: int) -> None:
    labels = np.array(found, np.float32)
    keep, offset = sampled(labels, np.random.default_rng(seed))
    chosen, others = int(labels[keep].sum()), int((labels[keep] == 0).sum())
    assert (np.diff(keep) > 0).all()
    assert chosen == min(int(labels.sum()), MOST_POSITIVES)
    assert others <= MOST_NEGATIVES
    if chosen and others:
        odds = chosen / others
        assert np.isclose(np.exp(offset) * labels.sum() / (len(labels) - labels.sum()), odds)


def test_the_same_seed_samples_the_same_pairs(shop: Shop, bundle: Bundle, pairs: Path) -> None:
    asked = asked_of(shop)[:20]
    one, same, other = (lessons_of(bundle, pairs, asked, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.ids, same.ids)
    assert one.ids.shape != other.ids.shape or (one.ids != other.ids).any()
    assert len(one.labels) < len(lessons_of(bundle, pairs, asked).labels)


def test_searches_of_the_window_are_learned_from_with_what_they_led_to(shop: Shop) -> None:
    rows = len(shop.log)
    queries = np.where(shop.log.times >= CUTOFF, 1, 0).astype(np.int32)
    found = Searches(["before", "inside"], queries, np.full(rows, -1), np.full(rows, np.nan, np.float32))
    (search,) = searches(replace(shop, searches=found), WINDOW, 10, np.random.default_rng(0))
    inside = (shop.log.times >= CUTOFF) & (shop.log.times < WINDOW.end) & shop.log.goals
    assert (search.text, search.kind) == ("inside", "query")
    assert search.items.tolist() == np.unique(shop.log.items[inside]).tolist()
    assert searches(shop, WINDOW, 10, np.random.default_rng(0)) == []


def test_judged_items_are_the_candidates_and_keep_their_grades(bundle: Bundle, pairs: Path) -> None:
    judged = Asked(np.array([2, 5, 9], np.int32), np.array([0.0, 1 / 3, 1.0], np.float32), text="milk", judged=True)
    lessons = lessons_of(bundle, pairs, [judged])
    assert sorted(lessons.labels.tolist()) == pytest.approx([0, 1 / 3, 1])
    assert lessons.kinds.tolist() == [0]
