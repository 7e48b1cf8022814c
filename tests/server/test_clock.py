from __future__ import annotations

from endcap.bundle.manifest import Clock, Manifest
from endcap.server.clock import ShopClock

ORDERED = Clock(kind="order", origin=10, seconds_per_unit=2.5)


def clock(shop: Clock) -> ShopClock:
    return ShopClock(
        Manifest(version="v", created="", shop="s", clock=shop, data_start=0, data_end=1_000_000, horizon_days=7)
    )


def test_a_shop_that_counts_in_plain_integers_has_its_times_rescaled() -> None:
    assert clock(ORDERED).seconds(14) == 10
    assert clock(Clock()).seconds(14) == 14


def test_a_shop_that_counts_in_plain_integers_lives_at_the_end_of_its_data() -> None:
    assert clock(ORDERED).now(wall_seconds=1_000_100) == 1_000_000
    assert clock(Clock()).now(wall_seconds=1_000_100) == 1_000_100


def test_times_beyond_all_measure_still_fit_an_int64() -> None:
    wide = Clock(kind="order", seconds_per_unit=1e9)
    assert abs(clock(wide).seconds(253_402_300_799)) < 2**51
