from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.training.fit import covisit
from endcap.training.shop import Shop

from ..made import DAY, context_of, shop_of

ITEMS, USERS, DAYS = 6, 3, 60


def trips_of(shop: Shop) -> dict[tuple[int, str, int], tuple[set[int], int]]:
    """The items of each trip and the time of its last event."""
    trips: dict[tuple[int, str, int], tuple[set[int], int]] = {}
    for row, user in enumerate(shop.users.tolist()):
        basket, time = int(shop.log.baskets[row]), int(shop.log.times[row])
        key = (user, "basket", basket) if basket >= 0 else (user, "day", time // DAY)
        items, last = trips.get(key, (set(), time))
        trips[key] = items | {int(shop.log.items[row])}, max(last, time)
    return trips


def naive(shop: Shop) -> Array:
    """float64[items, items]: shrunk cosine over trips, pair by pair."""
    shared = np.zeros((ITEMS, ITEMS))
    for items, last in trips_of(shop).values():
        weight = 0.5 ** ((shop.data_end - last) / DAY / 120) / math.log2(1 + len(items))
        for one in items:
            for other in items:
                shared[one, other] += weight
    norms = np.sqrt(np.diag(shared))
    similar = shared / (norms[:, None] * norms + 3.0)
    np.fill_diagonal(similar, 0)
    return similar


def fitted(shop: Shop, folder: Path) -> tuple[Array, Array]:
    (folder / "covisit").mkdir(parents=True, exist_ok=True)
    covisit.covisit.fit(shop, PartWriter(folder / "covisit"), context_of())
    part = Part(folder / "covisit")
    return np.array(part.array("neighbours")), np.array(part.array("similarities"))


ROWS = st.lists(
    st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 2 * DAYS - 1), st.integers(-1, 5)),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_what_goes_together_is_what_every_pair_of_every_trip_adds_up_to(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int, int]]
) -> None:
    events, baskets = [(user, item, half_day / 2) for user, item, half_day, _ in rows], [row[3] for row in rows]
    shop = shop_of(events, ITEMS, USERS, DAYS, baskets=baskets)
    near, similar = fitted(shop, tmp_path_factory.mktemp("part"))
    expected = naive(shop)
    for item in range(ITEMS):
        known = near[item] >= 0
        found = dict(zip(near[item][known].tolist(), similar[item][known].tolist(), strict=True))
        wanted = {other: value for other, value in enumerate(expected[item]) if value > 1e-4}
        assert found == pytest.approx(wanted, rel=1e-5)
        assert (np.diff(similar[item]) <= 0).all()
        assert (similar[item][~known] == 0).all()


def test_only_the_nearest_are_kept_ties_by_item_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covisit, "NEIGHBOURS", 2)
    shop = shop_of([(0, item, 1) for item in range(4)] + [(1, 0, 1), (1, 3, 1)])
    near, _ = fitted(shop, tmp_path)
    assert near[0].tolist() == [3, 1]
    assert near[5].tolist() == [-1, -1]


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    rows = [(int(u), int(i), float(d)) for u, i, d in random.integers(0, [USERS, ITEMS, DAYS], (200, 3))]
    whole = fitted(shop_of(rows, days=DAYS), tmp_path / "whole")
    monkeypatch.setattr(covisit, "BLOCK", 2)
    for one, other in zip(whole, fitted(shop_of(rows, days=DAYS), tmp_path / "blocks"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_wholesalers_trip_says_nothing(tmp_path: Path) -> None:
    size = covisit.LARGEST_TRIP + 1
    near, _ = fitted(shop_of([(0, item, 1) for item in range(size)], items=size), tmp_path)
    assert (near == -1).all()
    near, _ = fitted(shop_of([(0, item, 1) for item in range(size - 1)], items=size), tmp_path / "fewer")
    assert (near[0] >= 0).any()


def test_an_item_that_is_twice_in_a_trip_counts_once(tmp_path: Path) -> None:
    rows = [(0, 1, 5.0), (0, 2, 5.0)]
    once, twice = shop_of(rows), shop_of([*rows, (0, 1, 5.0), (0, 1, 5.0)])
    np.testing.assert_array_equal(fitted(once, tmp_path / "once")[1], fitted(twice, tmp_path / "twice")[1])


def test_trips_of_two_shoppers_never_mix_even_where_their_baskets_have_one_number() -> None:
    shop = shop_of([(0, 1, 5), (1, 2, 5), (1, 3, 5)], baskets=[7, 7, 7])
    assert covisit.trip_numbers(shop).tolist() == [0, 1, 1]


def test_two_baskets_of_one_moment_that_lie_mixed_in_the_log_are_two_trips() -> None:
    shop = shop_of([(0, item, 5) for item in range(4)], baskets=[1, 2, 1, 2])
    numbers = covisit.trip_numbers(shop)
    assert numbers[0] == numbers[2] != numbers[1] == numbers[3]


def test_a_shop_without_events_has_no_trips(tmp_path: Path) -> None:
    assert covisit.trip_numbers(shop_of([])).tolist() == []
    assert (fitted(shop_of([]), tmp_path)[0] == -1).all()
