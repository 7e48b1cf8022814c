from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, open_bundle
from endcap.strategies.pipeline import Slate, execute
from endcap.strategies.registry import load_strategies
from endcap.strategies.testing import made_queries


@pytest.fixture(scope="module")
def bundle(trained_bundle: Path) -> Bundle:
    return open_bundle(trained_bundle)


def told(slate: Slate) -> list[tuple[object, ...]]:
    """Items and reasons; numbers to four places, since sums may be added up in another order."""
    reasons = [
        [(code, feature, round(part, 4), other) for code, part, feature, _, other in own] for own in slate.reasons
    ]
    return list(zip(slate.items.tolist(), reasons, strict=True))


def test_columns_that_nobody_reads_make_no_difference_to_slates_and_reasons(bundle: Bundle) -> None:
    for strategy in load_strategies(bundle).by_name.values():
        for name, query in made_queries(bundle).items():
            one, other = execute(strategy, query), execute(strategy, replace(query), every_column=True)
            assert told(one) == told(other), (strategy.name, name)
            np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5, atol=1e-5)


def test_a_search_does_without_the_groups_and_the_profile_that_its_scorer_does_not_read(bundle: Bundle) -> None:
    search = load_strategies(bundle).resolve("search")
    given = {name for names in search.narrowed.hydrated for name in names}
    assert {"shopper_category.weight_120d", "text.query_cosine"} <= given
    assert not {"shopper_title.count", "shopper_line.count", "text.profile_cosine"} & given


def test_a_ranker_that_reads_every_column_gets_every_column(bundle: Bundle) -> None:
    hybrid = load_strategies(bundle).resolve("hybrid")
    assert hybrid.narrowed.hydrated == hybrid.hydrated


def test_whoever_asks_for_every_column_gets_those_too_that_nobody_reads(bundle: Bundle) -> None:
    search = load_strategies(bundle).resolve("search")
    query = made_queries(bundle)["a search by a shopper"]
    assert "text.profile_cosine" not in execute(search, query).candidates.names
    every = execute(search, replace(query), every_column=True).candidates.names
    assert {name for names in search.hydrated for name in names} <= set(every)
