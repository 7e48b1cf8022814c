from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.recall.longest import Longest, by_length
from endcap.training.fit.reach import COSINES, LEAST_RECALL, WORST_RECALL, best_reach


def shelf(vectors: Array) -> Longest:
    order, lengths = by_length(vectors)
    return Longest(order.astype(np.int32), vectors[order], lengths, 1.0)


def test_less_is_looked_at_where_that_hardly_misses_anything() -> None:
    random = np.random.default_rng(1)
    vectors = (random.normal(size=(30_000, 16)) * random.pareto(1.5, (30_000, 1))).astype(np.float32)
    shoppers = random.normal(size=(40, 16)).astype(np.float32)
    reach = best_reach(shelf(vectors), shoppers)
    assert reach.cosine in COSINES
    assert reach.recall >= LEAST_RECALL
    assert reach.worst >= WORST_RECALL
    assert reach.seen < 0.5
    order, lengths = by_length(vectors)
    chosen = Longest(order.astype(np.int32), vectors[order], lengths, reach.cosine)
    for shopper in shoppers[:5]:
        exact = np.argsort(-(vectors @ shopper), kind="stable")[:300]
        assert np.isin(exact, chosen.search(shopper, 300).best.items).mean() >= WORST_RECALL


def test_all_is_looked_at_where_items_are_as_near_as_can_be_and_equally_long() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(9_000, 3))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    vectors[:4500] *= 1.01  # looked at first, and no better than the rest
    reach = best_reach(shelf(vectors), vectors[random.permutation(9_000)[:20]])
    assert reach.recall == 1.0
    assert reach.seen == 1.0


def test_a_shop_without_shoppers_or_items_has_a_reach() -> None:
    nobody, nothing = np.empty((0, 16), np.float32), np.empty((0, 16), np.float32)
    assert best_reach(shelf(nothing), nobody).recall == 1.0
    assert best_reach(shelf(nothing), np.ones((3, 16), np.float32)).recall == 1.0
