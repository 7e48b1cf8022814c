from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.bundle.events import Array
from endcap.strategies.recall.profile import ShopperMap
from endcap.training.fit.shoppers import learn_shoppers

RANDOM = np.random.default_rng(8)
AGES = RANDOM.choice(["18-34", "35-54", "55+"], 600).tolist()
SIZES = RANDOM.integers(1, 6, 600).astype(float).tolist()
CARD = (RANDOM.random(600) < 0.5).tolist()
EFFECTS = {"18-34": [1.0, 0.0], "35-54": [0.0, 1.0], "55+": [-1.0, -1.0]}
COLUMNS: dict[str, Column] = {
    "age": StringColumn.of(AGES),
    "card": BoolColumn.of(CARD),
    "size": NumberColumn.of(SIZES),
    "tags": ListColumn.of([["a"]] * 600),
}
FACTORS = np.array([EFFECTS[age] for age in AGES]) + 0.3 * np.array(SIZES)[:, None] + np.array(CARD)[:, None] + 2.0


def mapped(factors: Array) -> ShopperMap:
    found = learn_shoppers(COLUMNS, factors.astype(np.float32), seed=1)
    return ShopperMap(found.rows, found.columns)


def test_what_attributes_add_is_found_and_read_as_a_request_writes_it() -> None:
    found = mapped(FACTORS)
    for user in range(20):
        attributes = {name: str(column.value(user)) for name, column in COLUMNS.items() if name != "tags"}
        np.testing.assert_allclose(found.factor(attributes), FACTORS[user], atol=0.15)


def test_shoppers_without_a_factor_teach_nothing_and_of_nobody_nothing_is_expected() -> None:
    half = FACTORS.copy()
    half[300:] = 0.0
    assert mapped(half).rows[0] == pytest.approx(FACTORS[:300].mean(axis=0), rel=1e-5)
    assert not mapped(np.zeros_like(FACTORS)).rows.any()


def test_attributes_that_mean_nothing_are_shrunk_away() -> None:
    noise = np.random.default_rng(9).normal(0, 1, FACTORS.shape) + 5.0
    found = mapped(noise)
    assert np.abs(found.rows[1:]).max() < 0.15
    assert found.rows[0] == pytest.approx(noise.mean(axis=0), rel=1e-5)


def test_what_attributes_do_not_say_is_the_spread() -> None:
    noise = np.random.default_rng(10).multivariate_normal([0, 0], [[1.0, 0.5], [0.5, 2.0]], 600)
    found = learn_shoppers(COLUMNS, (FACTORS + noise).astype(np.float32), seed=1)
    np.testing.assert_allclose(found.spread, [[1.0, 0.5], [0.5, 2.0]], atol=0.25)


def test_codes_are_no_groups_of_shoppers() -> None:
    codes: dict[str, Column] = {"card number": StringColumn.of(str(n) for n in range(600))}
    assert learn_shoppers(codes, FACTORS.astype(np.float32), seed=1).columns == {"card number": {"values": {}}}
