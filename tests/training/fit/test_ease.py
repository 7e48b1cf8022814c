from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.bundle.writer import BundleWriter
from endcap.strategies.contract import Query
from endcap.strategies.recall.ease import LinearModel
from endcap.training.fit import ease
from endcap.training.shop import Shop
from endcap.training.snapshot import manifest_of

from ..made import busy_shop, config_of, context_of, shop_of


def fitted(shop: Shop, folder: Path) -> LinearModel:
    with BundleWriter(folder) as writer:
        ease.ease.fit(shop, writer.part("ease"), context_of())
        manifest = manifest_of(shop, config_of())
        return LinearModel(Bundle(writer.seal(manifest), manifest))


def bought(shop: Shop) -> Array:
    """float64[shoppers, items]: 0 or 1."""
    found = np.zeros((len(shop.user_ids), len(shop.item_ids)))
    found[shop.users, shop.log.items] = 1
    return found


def closed_form(shop: Shop) -> Array:
    """float64[items, items]: equation 8 of the paper."""
    matrix = bought(shop)
    inverse = np.linalg.inv(matrix.T @ matrix + ease.PENALTY * np.eye(matrix.shape[1]))
    return np.eye(matrix.shape[1]) - inverse / np.diag(inverse)


def test_a_shoppers_scores_are_those_of_the_papers_closed_form(tmp_path: Path) -> None:
    shop = busy_shop()
    model, expected = fitted(shop, tmp_path), bought(shop) @ closed_form(shop)
    for user in (0, 7, 29):
        scores = model.scores(Query(now=shop.data_end, user=user, history=shop.histories.of(user)))
        assert scores is not None
        np.testing.assert_allclose(scores[0], expected[user][model.items], atol=1e-5)


def test_of_each_item_the_strongest_weights_stay_of_either_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "STRONGEST", 2)
    columns, weights = ease.strongest(np.array([[0, 0.1, -0.5, 0.3], [0.2, 0, 0.1, 0.0]], np.float32))
    assert columns.tolist() == [[2, 3], [0, 2]]
    np.testing.assert_array_equal(weights, np.array([[-0.5, 0.3], [0.2, 0.1]], np.float32))


def test_only_the_items_of_the_most_shoppers_are_modelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MOST_ITEMS", 2)
    shop = shop_of([(0, 4, 1), (1, 4, 1), (0, 2, 1), (1, 2, 1), *[(2, 3, day) for day in range(9)]])
    model = fitted(shop, tmp_path)
    assert model.items.tolist() == [2, 4]
    assert model.places.tolist() == [-1, -1, 0, -1, 1, -1]


def test_busy_shoppers_count_as_all_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = ease.buyers(busy_shop(), seed=1)
    expected = (matrix.T @ matrix).toarray()
    for share in (-1.0, 0.2, 1.0):
        monkeypatch.setattr(ease, "BUSY_SHARE", share)
        monkeypatch.setattr(ease, "BLOCK", 7)
        np.testing.assert_array_equal(ease.gram_of(matrix, context_of()), expected)


def test_of_very_many_shoppers_some_are_drawn_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MOST_SHOPPERS", 10)
    one, again = ease.buyers(busy_shop(), seed=1), ease.buyers(busy_shop(), seed=1)
    assert one.shape[0] == 10
    assert (one != again).nnz == 0


def test_a_shop_without_events_has_a_model_that_knows_nothing(tmp_path: Path) -> None:
    model = fitted(shop_of([]), tmp_path)
    assert len(model.items) == 0
    assert model.scores(Query(now=0, seeds=np.array([1], np.int32))) is None
