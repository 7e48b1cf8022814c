from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares

from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.contract import Query
from endcap.strategies.recall.als import Factors
from endcap.training.fit import als
from endcap.training.fit.reach import COSINES
from endcap.training.shop import Shop
from endcap.training.snapshot import manifest_of

from ..made import busy_shop, config_of, context_of, shop_of


@pytest.fixture(scope="module")
def shop() -> Shop:
    return busy_shop()


@pytest.fixture(scope="module")
def factors(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Factors:
    with BundleWriter(tmp_path_factory.mktemp("bundles")) as writer:
        als.als.fit(shop, writer.part("als"), context_of())
        manifest: Manifest = manifest_of(shop, config_of())
        return Factors(Bundle(writer.seal(manifest), manifest))


def test_a_folded_in_shopper_is_the_one_that_implicit_itself_would_fit(shop: Shop, factors: Factors) -> None:
    matrix = als.confidence_matrix(shop)
    model = AlternatingLeastSquares(factors=als.FACTORS, regularization=als.REGULARIZATION, random_state=0)
    model.item_factors = als.factorised(matrix, seed=7).items
    model.user_factors = np.zeros((matrix.shape[0], als.FACTORS), np.float32)
    exact = model.recalculate_user(np.arange(matrix.shape[0]), matrix)
    regulars = [u for u in range(len(exact)) if not np.isin(shop.histories.of(u).items, factors.newcomers).any()]
    assert len(regulars) > 10
    for user in regulars:
        query = Query(now=shop.data_end, user=user, history=shop.histories.of(user))
        np.testing.assert_allclose(factors.fold_in(query), exact[user], rtol=2e-3, atol=2e-4)


def test_confidence_grows_with_the_log_of_decayed_weight(shop: Shop) -> None:
    made = shop_of([(0, 1, 100), (0, 1, 100), (1, 2, 100 - 120)], days=100)
    matrix = als.confidence_matrix(made).toarray()
    assert matrix[0, 1] == pytest.approx(1 + als.ALPHA * np.log1p(2))
    assert matrix[1, 2] == pytest.approx(1 + als.ALPHA * np.log1p(0.5))
    assert np.count_nonzero(matrix) == 2


def test_an_item_that_nobody_met_has_no_factor_of_its_own() -> None:
    alone = als.factorised(als.confidence_matrix(shop_of([(0, 1, 5), (1, 2, 6), (2, 2, 6)])), seed=1).items
    assert alone.any(axis=1).tolist() == [False, True, True, False, False, False]


def test_one_seed_gives_one_set_of_factors(shop: Shop) -> None:
    matrix = als.confidence_matrix(shop)
    one, again, other = (als.factorised(matrix, seed).items for seed in (7, 7, 8))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()


def test_factors_tell_what_a_shopper_takes_from_what_they_do_not(shop: Shop, factors: Factors) -> None:
    margins = []
    for user in range(len(shop.user_ids)):
        history = shop.histories.of(user)
        scores = factors.items @ factors.fold_in(Query(now=shop.data_end, history=history))
        own = np.unique(history.items)
        margins.append(scores[own].mean() - np.delete(scores, own).mean())
    assert min(margins) > 0


def test_the_gram_matrix_is_of_the_items_that_were_met(shop: Shop, factors: Factors) -> None:
    y = als.factorised(als.confidence_matrix(shop), seed=7).items.astype(np.float64)
    np.testing.assert_allclose(factors.gram, y.T @ y + als.REGULARIZATION * np.eye(als.FACTORS), rtol=1e-5, atol=1e-8)


def test_what_recall_looks_at_is_written_the_longest_first_with_how_far_it_has_to_look(factors: Factors) -> None:
    for shelf in (factors.regular, factors.new):
        lengths = np.linalg.norm(shelf.vectors, axis=1)
        assert len(lengths) > 0
        assert (np.diff(shelf.lengths) <= 0).all()
        np.testing.assert_allclose(shelf.lengths, lengths, rtol=1e-4, atol=1e-30)
    np.testing.assert_array_equal(factors.proposals, factors.items[factors.proposable])
    assert factors.regular.reach in (*COSINES, 1.0)


def test_events_after_the_cut_off_are_not_there_to_learn_from(shop: Shop) -> None:
    cutoff = shop.data_start + 60 * 86_400
    late = shop.log.times >= cutoff
    altered = replace(shop, log=replace(shop.log, weights=np.where(late, 99, shop.log.weights).astype(np.float32)))
    one, other = (als.confidence_matrix(each.before(cutoff)) for each in (shop, altered))
    assert (one != other).nnz == 0
