from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.filter.available import Available, AvailableConfig
from endcap.strategies.filter.request import Excluded, RequestFilter, RequestFilterConfig
from endcap.strategies.filter.unseen import Unseen, UnseenConfig
from endcap.strategies.testing import Only, made, tiny_bundle

from .fakes import NOW, events_of

DAY = 86_400
NOBODY = Query(now=NOW)
ALL = Candidates(np.arange(made.ITEMS, dtype=np.int32))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


def test_what_cannot_be_bought_is_dropped_and_what_is_not_said_to_be_stays(bundle: Bundle) -> None:
    column = bundle.catalog.columns["available"]
    said = [column.value(item) for item in range(made.ITEMS)]
    assert set(said) == {True, False, None}
    keep = Available(AvailableConfig(), bundle).keep(NOBODY, ALL)
    assert keep.tolist() == [value is not False for value in said]


def test_the_requests_filter_holds_for_whatever_was_proposed(bundle: Bundle) -> None:
    chosen = RequestFilter(RequestFilterConfig(), bundle)
    odd = Only(np.arange(made.ITEMS) % 2 == 1)
    assert chosen.keep(NOBODY, ALL).all()
    assert chosen.keep(replace(NOBODY, filter=odd), ALL).tolist() == odd.passing.tolist()


def test_excluded_items_and_the_seeds_themselves_are_dropped(bundle: Bundle) -> None:
    query = replace(NOBODY, excluded=np.array([3, 5], np.int32), seeds=np.array([7], np.int32))
    keep = Excluded(RequestFilterConfig(), bundle).keep(query, ALL)
    assert np.flatnonzero(~keep).tolist() == [3, 5, 7]


def test_what_was_bought_stays_away_for_the_days_that_were_set(bundle: Bundle) -> None:
    unseen = Unseen(UnseenConfig.model_validate({"days": 30}), bundle)
    bought = events_of((3, 31 * DAY), (4, 30 * DAY), (5, DAY))
    query = replace(NOBODY, history=bought, session=events_of((6, 60), goal=False).then(events_of((7, 60))))
    assert np.flatnonzero(~unseen.keep(query, ALL)).tolist() == [4, 5, 7]
