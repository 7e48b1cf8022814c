from __future__ import annotations

from dataclasses import replace

import numpy as np

from endcap.strategies.anchors import anchors
from endcap.strategies.contract import Query
from endcap.strategies.testing import Only
from endcap.strategies.unseen import without_seen

from .fakes import NOW, events_of

QUERY = Query(now=NOW, history=events_of((2, 50)).then(events_of((3, 40), goal=False)), session=events_of((4, 30)))


def allowed(query: Query) -> list[int]:
    assert query.allowed is not None
    return np.flatnonzero(query.allowed).tolist()


def test_what_the_shopper_went_for_is_not_allowed_and_what_they_looked_at_is() -> None:
    assert allowed(without_seen(QUERY, 6)) == [0, 1, 3, 5]
    assert QUERY.allowed is None


def test_the_requests_own_filter_stays_in_force_and_is_not_changed() -> None:
    even = Only(np.arange(6) % 2 == 0)
    query = replace(QUERY, filter=even)
    assert allowed(without_seen(query, 6)) == [0]
    assert even.passing.tolist() == [True, False] * 3


def test_a_shopper_who_went_for_nothing_asks_as_before() -> None:
    query = Query(now=NOW, history=events_of((2, 50), goal=False))
    assert without_seen(query, 6) is query


def test_what_was_computed_for_the_request_is_shared() -> None:
    query = replace(QUERY)
    assert anchors(without_seen(query, 6), 5.0, 3) is anchors(query, 5.0, 3)
    assert without_seen(query, 6) is without_seen(query, 6)
