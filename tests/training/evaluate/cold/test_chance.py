"""Worked-out chances against lists that were really drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.bundle.events import Array
from endcap.training.evaluate.cold.chance import expected, top_group
from endcap.training.evaluate.cold.measures import METRICS, measured
from endcap.training.evaluate.truth import NOTHING, Truth

from ....strategies.fakes import events_of

DRAWS = 4000


def drawn(size: int, members: int, others: int) -> dict[str, float]:
    """From a category of ``size`` items, the first ``members`` of them true, and ``others`` elsewhere."""
    random = np.random.default_rng(11)
    listed = min(size, 20)
    slates = np.full((DRAWS, 20), NOTHING, np.int32)
    slates[:, :listed] = random.permuted(np.tile(np.arange(size), (DRAWS, 1)), axis=1)[:, :listed]
    true = np.concatenate([np.arange(members), 1000 + np.arange(others)]).astype(np.int32)
    found = measured(slates, Truth.of_rows([true] * DRAWS))
    return {name: float(found[name].mean()) for name in METRICS}


def as_expected(size: int, members: int, others: int) -> dict[str, float]:
    rows: tuple[Array, ...] = tuple(np.array([n]) for n in (size, members, members + others))
    return {name: float(values[0]) for name, values in expected(*rows).items()}


@given(st.integers(1, 60), st.integers(0, 12), st.integers(0, 30))
@settings(max_examples=25, deadline=None)
def test_expectations_are_what_drawing_comes_to(size: int, members: int, others: int) -> None:
    members = min(members, size)
    if members + others == 0:
        others = 1
    for name, value in as_expected(size, members, others).items():
        assert value == pytest.approx(drawn(size, members, others)[name], abs=0.04), name


def test_a_shopper_without_a_category_is_expected_to_find_nothing() -> None:
    assert as_expected(0, 0, 3) == dict.fromkeys(METRICS, 0.0)


def test_the_top_category_is_that_of_most_weight() -> None:
    events, groups = events_of((0, 5), (1, 4), (1, 3), (2, 2)), np.array([0, 1, -1])
    assert top_group(events, groups) == 1
    assert top_group(events_of((2, 1)), groups) == -1
    assert top_group(events_of(), groups) == -1
