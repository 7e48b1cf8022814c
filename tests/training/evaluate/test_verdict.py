from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.training.baselines.rank import Ranked
from endcap.training.evaluate.beyond import CatalogFacts
from endcap.training.evaluate.candidates import CANDIDATES, UNION, ceiling
from endcap.training.evaluate.metrics import ndcg
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.truth import NOTHING, Truth
from endcap.training.evaluate.verdict import Asked, comparisons, verdict

from ..made import busy_shop


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal(busy_shop(), 20, seed=1)


def lists_of(holdout: Holdout, truth: Truth, hits: int) -> Array:
    """The first ``hits`` true items of every shopper, and then nothing."""
    slates = np.full((len(holdout.users), 20), NOTHING, np.int32)
    for row in range(len(holdout.users)):
        items = truth.of(row)[:hits]
        slates[row, : len(items)] = items
    return slates


def ranked(holdout: Holdout, hits: int) -> Ranked:
    return Ranked(lists_of(holdout, holdout.truth, hits), lists_of(holdout, holdout.new, hits))


def test_a_list_of_the_truth_is_perfect_for_both_questions(holdout: Holdout) -> None:
    found = verdict(holdout, {"oracle": ranked(holdout, 20)}, CatalogFacts.of(holdout.known), seed=1)["oracle"]
    for question in ("all", "new"):
        for metric in ("ndcg@10", "recall@20", "hit_rate@5", "mrr@10"):
            assert found[question][metric] == pytest.approx(1.0)
            assert found["intervals"][question][metric] == pytest.approx([1.0, 1.0])


def test_means_are_over_shoppers_with_earlier_events_and_some_truth(holdout: Holdout) -> None:
    asked = Asked.of(holdout, "new")
    assert (holdout.new.sizes[asked.rows] > 0).all()
    assert holdout.regulars[asked.rows].all()
    assert len(asked.rows) == np.count_nonzero(holdout.regulars & (holdout.new.sizes > 0))


def test_differences_are_those_of_the_means_and_their_intervals_hold_them(holdout: Holdout) -> None:
    lists = {"one": ranked(holdout, 1), "three": ranked(holdout, 3), "same": ranked(holdout, 3)}
    found = comparisons(holdout, lists, "three", seed=1)
    assert set(found) == {"one", "same"}
    asked = Asked.of(holdout, "all")
    means = {name: asked.values(each.all)["ndcg@10"].mean() for name, each in lists.items()}
    ahead = found["one"]["all"]["ndcg@10"]
    assert ahead["difference"] == pytest.approx(means["three"] - means["one"])
    assert 0 < ahead["interval"][0] < ahead["difference"] < ahead["interval"][1]
    assert ahead["p"] < 0.01
    same: dict[str, Any] = found["same"]["all"]["ndcg@10"]
    assert same == {"difference": 0.0, "interval": [0.0, 0.0], "p": 1.0}


def test_the_ceiling_is_a_ranking_with_every_true_candidate_first() -> None:
    relevant = np.array([4, 30])
    found = {"als": np.array([1, 3]), UNION: np.array([2, 20]), CANDIDATES: np.array([2, 15])}
    limits = ceiling(found, relevant)
    assert limits["als"]["share"] == pytest.approx((1 / 4 + 3 / 30) / 2)
    assert limits[UNION]["recall@20"] == pytest.approx((2 / 4 + 20 / 20) / 2)
    best = np.array([[1, 1] + [0] * 8, [1] * 10])
    ideal = np.array([[1] * 4 + [0] * 6, [1] * 10])
    assert limits[CANDIDATES]["ndcg@10"] == pytest.approx(ndcg(best, ideal, 10).mean())
