"""The parts that are the shop itself, read back through the bundle; and what a plugin's fitter gets wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.events import EVENT_COLUMNS
from endcap.training.errors import ConfigError
from endcap.training.fit.fitter import fitters
from endcap.training.fit.kinds import best_sellers
from endcap.training.shop import ItemPeriods

from ..made import busy_shop, shop_of, snapshot


def test_a_shop_is_read_back_from_its_bundle_as_it_was(tmp_path: Path) -> None:
    shop = busy_shop(users=6, items=12, days=40)
    bundle = snapshot(shop, tmp_path)
    catalog = bundle.catalog
    assert [catalog.ids.id(n) for n in range(len(catalog))] == shop.item_ids
    assert list(catalog.titles) == shop.titles
    assert set(catalog.columns) == set(shop.columns)
    assert {name: codes.tolist() for name, codes in catalog.groups.items()} == {
        name: codes.tolist() for name, codes in shop.groups.items()
    }
    assert [bundle.users.id(n) for n in range(6)] == shop.user_ids
    for user in range(6):
        for name in EVENT_COLUMNS:
            expected = getattr(shop.log, name)[shop.users == user]
            np.testing.assert_array_equal(getattr(bundle.histories.of(user), name), expected)
    assert catalog.columns["price"].value(0) == pytest.approx(1.0)  # derived from what was paid


def test_periods_lie_by_item_and_unknown_values_count_as_nothing(tmp_path: Path) -> None:
    values = np.array([[1.0], [np.nan], [3.0]], np.float32)
    times = np.array([10, 20, 30], np.int64)
    periods = ItemPeriods(np.array([1, 1, 4], np.int32), times, times + np.array([5, 7, 6]), ["x"], values)
    part = snapshot(replace(shop_of([(0, 1, 5)]), periods=periods), tmp_path).part("periods")
    assert part.array("offsets").tolist() == [0, 0, 2, 2, 2, 3, 3]
    assert part.array("values").tolist() == [[1], [0], [3]]
    assert part.json("names") == ["x"]
    assert part.json("longest") == 7


def test_a_shop_without_periods_has_no_such_part(tmp_path: Path) -> None:
    assert not snapshot(shop_of([(0, 1, 5)]), tmp_path).has("periods")


def test_a_kinds_best_sellers_come_first_with_their_share_of_its_sales() -> None:
    found = best_sellers(np.array([1, 1, 0, 1, -1, 2]), np.array([2.0, 6.0, 4.0, 0.0, 9.0, 0.0]))
    assert found["offsets"].tolist() == [0, 1, 3, 3]
    assert found["items"].tolist() == [2, 1, 0]
    assert found["share"].tolist() == pytest.approx([2 / 9, 6 / 9, 4 / 5, 0, 0, 0])


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (
            "extra = no_such_module:fit",
            "endcap.fit.extra: the plugin no_such_module:fit failed to load: No module named",
        ),
        ("extra = math:pi", "endcap.fit.extra: found a float at math:pi, expected a Fitter"),
    ],
)
def test_a_fitter_that_is_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, expected: str
) -> None:
    info = tmp_path / "extra-0.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 0.0.0\n")
    (info / "entry_points.txt").write_text(f"[endcap.fit]\n{point}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as error:
        fitters()
    assert str(error.value).startswith(expected)
