from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.writer import BundleWriter
from endcap.strategies.contract import Query
from endcap.strategies.recall.neighbours import LikeShoppers
from endcap.training.fit import neighbours
from endcap.training.shop import Shop
from endcap.training.snapshot import manifest_of

from ..made import DAY, busy_shop, config_of, context_of, shop_of


def fitted(shop: Shop, folder: Path) -> LikeShoppers:
    with BundleWriter(folder) as writer:
        neighbours.neighbours.fit(shop, writer.part("neighbours"), context_of())
        manifest = manifest_of(shop, config_of())
        return LikeShoppers(Bundle(writer.seal(manifest), manifest))


def leaning(shop: Shop) -> Array:
    """float64[shoppers, items]: logarithms of event weight times how rare an item is, rows of length 1."""
    found = np.zeros((len(shop.user_ids), len(shop.item_ids)))
    np.add.at(found, (shop.users, shop.log.items), shop.log.weights)
    found = np.log1p(found) * np.log(len(found) / np.maximum((found > 0).sum(axis=0), 1))
    lengths: Array = np.linalg.norm(found, axis=1, keepdims=True)
    shares: Array = np.divide(found, lengths)
    return shares


def nearest(shop: Shop, user: int, count: int) -> dict[int, float]:
    """The shares of the votes by shopper, shopper by shopper."""
    rows = leaning(shop)
    squares = (rows @ rows[user]) ** 2
    squares[user] = 0
    best = np.argsort(-squares)[:count]
    return {int(other): float(squares[other] / squares[best].sum()) for other in best if squares[other] > 0}


def asked(shop: Shop, user: int) -> Query:
    return Query(now=shop.data_end, user=user, history=shop.histories.of(user))


def expected_votes(shop: Shop, near: dict[int, float], days: float) -> Array:
    """float64[items]: who of the near ones bought each in the last days."""
    votes = np.zeros(len(shop.item_ids))
    for user, weight in near.items():
        events = shop.histories.of(user)
        lately = events.goals & (events.times >= shop.data_end - days * DAY)
        votes[np.unique(events.items[lately])] += weight
    return votes


def test_votes_are_those_of_the_nearest_shoppers_added_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "NEIGHBOURS", 6)
    shop = busy_shop()
    shoppers = fitted(shop, tmp_path)
    for user in (0, 11, 29):
        near, votes = nearest(shop, user, 6), shoppers.votes(asked(shop, user))
        assert votes is not None
        found = shoppers.shares(votes, shoppers.items)
        for ring, days in enumerate((28, 84, 10_000)):
            expected = expected_votes(shop, near, days)[shoppers.items]
            np.testing.assert_allclose(found[:, ring], expected, atol=1e-5, err_msg=f"shopper {user}, {days} days")


def test_a_stranger_with_the_history_of_a_shopper_is_near_to_those_that_the_shopper_is(tmp_path: Path) -> None:
    shop = busy_shop()
    shoppers = fitted(shop, tmp_path)
    known = asked(shop, 4)
    stored, sought = shoppers.around(known), shoppers.around(Query(now=known.now, session=known.history))
    found = dict(zip(sought.rows.tolist(), sought.weights.tolist(), strict=True))
    assert found.pop(4) > max(found.values())  # the stranger's nearest is that shopper
    ratio = sum(found.values())
    for row, weight in zip(stored.rows.tolist(), stored.weights.tolist(), strict=True):
        assert found.get(row, 0.0) / ratio == pytest.approx(weight, abs=0.01)  # the least near one gave way


def test_nobody_is_their_own_neighbour(tmp_path: Path) -> None:
    shoppers = fitted(busy_shop(), tmp_path)
    for user in range(30):
        assert user not in shoppers.near[user]


def test_nobody_is_near_to_one_of_whom_nothing_is_known(tmp_path: Path) -> None:
    shop = shop_of([(0, 1, 5), (0, 2, 5), (1, 2, 5), (1, 3, 5)], users=3)
    shoppers = fitted(shop, tmp_path)
    assert shoppers.votes(asked(shop, 2)) is None
    assert shoppers.votes(Query(now=shop.data_end)) is None


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(busy_shop(), tmp_path / "whole")
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    blocks = fitted(busy_shop(), tmp_path / "blocks")
    np.testing.assert_array_equal(np.sort(whole.near), np.sort(blocks.near))


def test_of_very_many_shoppers_some_are_drawn_among_those_who_tell_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_REFERENCES", 8)
    shop = shop_of([(user, item, 1) for user in range(30) for item in range(6 if user % 3 else 2)], users=30)
    rows = neighbours.leanings(shop)[1]
    found = neighbours.drawn(rows, seed=1)
    assert len(found) == 8
    assert (found % 3 > 0).all()
    np.testing.assert_array_equal(found, neighbours.drawn(rows, seed=1))
    assert found.tolist() != neighbours.drawn(rows, seed=2).tolist()


def test_where_shoppers_share_much_fewer_references_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "FEWEST_REFERENCES", 1)
    shop = shop_of([(user, item, 1) for user in range(30) for item in range(user % 2, 12, 2)], items=12, users=30)
    monkeypatch.setattr(neighbours, "MOST_PRODUCTS", 6 * 15 * 12)  # each shopper shares 6 items with 15
    assert len(neighbours.drawn(neighbours.leanings(shop)[1], seed=1)) == 12


def test_shoppers_outside_of_the_references_have_neighbours_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MOST_REFERENCES", 12)
    shop = busy_shop()
    shoppers = fitted(shop, tmp_path)
    assert shoppers.reference_count == 12
    assert all(shoppers.votes(asked(shop, user)) is not None for user in range(30))


def test_an_item_with_one_buyer_cannot_be_voted_for(tmp_path: Path) -> None:
    shop = shop_of([(0, 1, 5), (0, 2, 5), (1, 2, 5), (1, 3, 5), (2, 3, 5)], users=4)
    assert fitted(shop, tmp_path).items.tolist() == [2, 3]


def test_a_shop_without_events_has_no_neighbours(tmp_path: Path) -> None:
    shoppers = fitted(shop_of([]), tmp_path)
    assert shoppers.votes(Query(now=0, user=1, seeds=np.array([1], np.int32))) is None
