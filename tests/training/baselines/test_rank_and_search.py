from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.training.baselines.contract import NEVER, Baseline, Scores, grid
from endcap.training.baselines.rank import best, rank
from endcap.training.baselines.search import Chosen, rank_tuned, search
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.truth import NOTHING
from endcap.training.progress import silent
from endcap.training.shop import Shop
from endcap.training.train import Stopwatch

from ..made import busy_shop


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal(busy_shop(), 20, seed=1)


def oracle(known: Shop, seed: int, quality: float) -> Scores:
    """Knows the truth of the module's holdout, as far as ``quality`` goes; the rest is chance."""
    truth = np.zeros((len(known.user_ids), len(known.item_ids)), np.float32)
    asked = temporal(busy_shop(), 20, seed=1)
    truth[asked.users[asked.truth.rows], asked.truth.items] = quality

    def scores(users: Array) -> Array:
        noise = np.random.default_rng(seed).random((len(users), truth.shape[1]), np.float32)
        return truth[users] + noise

    return scores


def test_the_best_come_first_and_ties_by_number() -> None:
    scores = np.array([[0.5, 2.0, 0.5, NEVER], [np.nan, NEVER, NEVER, 1.0]], np.float32)
    assert best(scores, 3).tolist() == [[1, 0, 2], [3, NOTHING, NOTHING]]


@given(st.lists(st.lists(st.integers(-1, 3), min_size=9, max_size=9), max_size=4), st.integers(1, 12))
def test_of_equals_the_first_columns_are_best_also_where_the_list_ends(rows: list[list[int]], depth: int) -> None:
    scores = np.array(rows, np.float32).reshape(-1, 9)
    scores[scores < 0] = NEVER
    for row, found in zip(scores, best(scores, depth), strict=True):
        expected = sorted(np.flatnonzero(row > NEVER).tolist(), key=lambda column: (-row[column], column))[:depth]
        assert found.tolist() == expected + [NOTHING] * (depth - len(expected))


def test_lists_longer_than_the_catalog_end_early() -> None:
    assert best(np.array([[1.0, 2.0]], np.float32), 4).tolist() == [[1, 0, NOTHING, NOTHING]]


def test_what_was_bought_is_masked_before_the_cut_for_new_items(holdout: Holdout) -> None:
    rows = np.arange(len(holdout.users))
    lists = rank(lambda users: np.ones((len(users), 40), np.float32), holdout, rows, 40)
    assert (lists.all != NOTHING).all()
    for row in rows:
        new = lists.new[row][lists.new[row] != NOTHING]
        assert sorted(new.tolist()) == sorted(set(range(40)) - set(holdout.bought(int(row)).tolist()))


def test_blocks_of_shoppers_change_nothing(holdout: Holdout, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(1).random((30, 40)).astype(np.float32)
    rows = np.arange(len(holdout.users))
    whole = rank(lambda users: table[users].copy(), holdout, rows, 10)
    monkeypatch.setattr("endcap.training.baselines.rank.BLOCK_CELLS", 41)
    one_by_one = rank(lambda users: table[users].copy(), holdout, rows, 10)
    np.testing.assert_array_equal(whole.all, one_by_one.all)
    np.testing.assert_array_equal(whole.new, one_by_one.new)


def test_the_search_finds_the_settings_that_rank_best(holdout: Holdout) -> None:
    baseline = Baseline("oracle", "", oracle, grid(quality=(0.0, 5.0, 0.3)))
    assert search([baseline], holdout, 1, silent) == {"oracle": Chosen({"quality": 5.0}, {"quality": 5.0})}


def test_a_method_that_says_nothing_of_new_items_keeps_one_choice(holdout: Holdout) -> None:
    def own(known: Shop, seed: int, noise: float) -> Scores:
        def scores(users: Array) -> Array:
            found = np.full((len(users), 40), NEVER, np.float32)
            for place, user in enumerate(users):
                history = known.histories.of(int(user))
                items = history.items[history.goals]
                found[place, items] = 1 + noise * np.random.default_rng(0).random(len(items))
            return found

        return scores

    chosen = search([Baseline("own", "", own, grid(noise=(9.0, 0.0)))], holdout, 1, silent)["own"]
    assert chosen.all == chosen.new


def test_each_question_gets_the_lists_of_its_own_settings(holdout: Holdout) -> None:
    def flat(known: Shop, seed: int, first: int) -> Scores:
        return lambda users: (
            np.where(np.arange(40) == first, 2.0, 1.0).astype(np.float32).repeat(len(users)).reshape(40, -1).T.copy()
        )

    baseline = Baseline("flat", "", flat)
    chosen = {"flat": Chosen({"first": 7}, {"first": 39})}
    ((_, lists),) = rank_tuned([baseline], chosen, holdout, 5, 1, silent, Stopwatch())
    assert set(lists.all[:, 0].tolist()) == {7}
    untouched = [row for row in range(len(holdout.users)) if 39 not in holdout.bought(row)]
    assert untouched
    assert set(lists.new[untouched, 0].tolist()) == {39}


def test_no_leakage_neither_search_nor_fit_reads_the_window(holdout: Holdout) -> None:
    """Whatever happens in the test window, the same settings are chosen and the same lists are made."""
    changed = temporal(with_another_window(busy_shop(), holdout.cutoff), 20, seed=1)
    assert changed.everything.items.tolist() != holdout.everything.items.tolist()
    assert changed.cutoff == holdout.cutoff
    (chosen, lists), (chosen_again, lists_again) = outcome(holdout), outcome(changed)
    assert chosen == chosen_again
    for one, other in zip(lists, lists_again, strict=True):
        np.testing.assert_array_equal(one, other)


def outcome(holdout: Holdout) -> tuple[dict[str, Chosen], list[Array]]:
    from endcap.training.baselines import BASELINES

    chosen = search(BASELINES, temporal(holdout.known, 20, seed=1), 1, silent)
    asked = replace(holdout, users=np.arange(30, dtype=np.int32), asked_at=np.full(30, holdout.cutoff))
    lists = dict(rank_tuned(BASELINES, chosen, asked, 10, 1, silent, Stopwatch()))
    return chosen, [each for ranked in lists.values() for each in ranked]


def with_another_window(shop: Shop, cutoff: int) -> Shop:
    """The same shop, but for what was done from the cut-off on."""
    items: Any = shop.log.items.copy()
    later = shop.log.times >= cutoff
    items[later] = np.random.default_rng(9).permutation(items[later])
    return replace(shop, log=replace(shop.log, items=items))
