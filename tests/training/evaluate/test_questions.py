from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Clock
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.questions import Translation, for_new, questions
from endcap.training.evaluate.truth import NOTHING, Truth
from endcap.training.ranker.rows import query_of

from ..made import busy_shop, shop_of, snapshot


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal(busy_shop(), 20, seed=1)


@pytest.fixture(scope="module")
def bundle(holdout: Holdout, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return snapshot(holdout.known, tmp_path_factory.mktemp("bundles"))


def test_a_question_is_what_a_server_of_the_bundle_would_be_asked(holdout: Holdout, bundle: Bundle) -> None:
    rows = np.arange(len(holdout.users))
    asked = questions(holdout, Translation.between(holdout.known, bundle), rows)
    for query, user in zip(asked, holdout.users, strict=True):
        served = query_of(bundle, int(user))
        assert (query.now, query.user, query.request_id) == (served.now, served.user, served.request_id)
        np.testing.assert_array_equal(query.history.items, served.history.items)
        np.testing.assert_array_equal(query.history.times, served.history.times)


def test_who_wants_something_new_is_asked_with_all_they_bought_masked(holdout: Holdout, bundle: Bundle) -> None:
    translation = Translation.between(holdout.known, bundle)
    (query,) = questions(holdout, translation, np.array([3]))
    new = for_new(query, 40)
    assert new.allowed is not None
    assert np.flatnonzero(~new.allowed).tolist() == holdout.bought(3).tolist()
    assert new.filter is not None
    assert new.filter.keep(holdout.bought(3)).any() is np.False_


def test_ids_are_looked_up_where_the_bundle_learned_other_tables(tmp_path: Path) -> None:
    theirs = replace(
        shop_of([(0, 0, 1), (1, 1, 2)], items=3, users=2), item_ids=["i2", "i9", "i0"], user_ids=["u1", "u7"]
    )
    ours = shop_of([(0, 0, 1), (0, 1, 2), (1, 2, 3)])
    translation = Translation.between(ours, snapshot(theirs, tmp_path))
    assert translation.items.tolist() == [2, -1, 0, -1, -1, -1]
    assert translation.users.tolist() == [-1, 0, -1]
    assert translation.events(ours.histories.of(0)).items.tolist() == [2]
    assert translation.slates(np.array([[0, 1, 2, NOTHING]])).tolist() == [[2, NOTHING, 0, NOTHING]]
    moved = translation.truth(Truth.of_rows([np.array([0, 1, 2]), np.array([4])]))
    assert [moved.of(0).tolist(), moved.of(1).tolist()] == [[0, 2], []]


def test_times_of_plain_orders_are_put_on_the_bundles_clock(holdout: Holdout, bundle: Bundle) -> None:
    """The same integers, of which the bundle has seen the first half, and so gives each twice the seconds."""
    ours, theirs = (
        Clock(kind="order", origin=100, seconds_per_unit=2.0),
        Clock(kind="order", origin=90, seconds_per_unit=4.0),
    )
    translation = replace(Translation.between(holdout.known, bundle), clocks=(ours, theirs))
    assert translation.times(np.array([0, 2, 20])).tolist() == [40, 44, 80]
