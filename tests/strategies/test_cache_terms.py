"""What strategies say of keeping their slates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, open_bundle
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Slate, execute
from endcap.strategies.registry import check_tables, load_strategies
from endcap.strategies.strategy import Override
from endcap.strategies.tables import StrategyError, parsed, ready_made

TABLES = {name: parsed(name, table).cache for name, table in ready_made().items()}
SHARED = [name for name, terms in TABLES.items() if terms.ignores]


@pytest.fixture(scope="module")
def bundle(trained_bundle: Path) -> Bundle:
    return open_bundle(trained_bundle)


def told(slate: Slate) -> list[Any]:
    """All that a response says of it."""
    return [slate.items.tolist(), slate.scores.tolist(), slate.reasons, slate.considered]


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("text", ["", "coffee"])
def test_what_a_ready_made_strategy_ignores_makes_no_difference(bundle: Bundle, name: str, text: str) -> None:
    strategy = load_strategies(bundle).resolve(name)
    seeds = np.array([3, 40], np.int32) if TABLES[name].needs else np.empty(0, np.int32)
    anyone = Query(bundle.manifest.data_end, text=text, seeds=seeds)
    for user in (0, 7):
        history = bundle.histories.of(user)
        assert len(history)
        for session in (history.rows(slice(0)), bundle.histories.of(user + 1)):
            shopper = Query(
                anyone.now, user, history, session, text=text, seeds=seeds, attributes={"age": "old"}, request_id="x"
            )
            assert told(execute(strategy, shopper)) == told(execute(strategy, anyone))


def test_strategies_that_rank_by_what_a_shopper_did_are_not_kept() -> None:
    assert {name for name, terms in TABLES.items() if terms.seconds} == {"popular", "search", "similar_items"}


def test_other_sources_or_another_scorer_for_one_request_are_not_kept(bundle: Bundle) -> None:
    strategies = load_strategies(bundle)
    assert strategies.resolve("popular").cache.seconds
    for override in (Override(recall=(("als", 10),)), Override(scorer="shuffle")):
        assert not strategies.resolve("popular", override).cache.seconds


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ({"seconds": -1}, r"strategies.mine.cache.seconds: .*greater than or equal to 0, found -1"),
        ({"second": 1}, r"strategies.mine.cache.second: Extra inputs are not permitted"),
        ({"seconds": 1, "ignores": ["price"]}, r"strategies.mine.cache.ignores.0: .*'user_id'.*found 'price'"),
    ],
)
def test_a_wrong_key_stops_the_boot_and_is_named(cache: dict[str, Any], message: str) -> None:
    table = {"recall": ["popular"], "score": "by_source", "cache": cache}
    with pytest.raises(StrategyError, match=message):
        check_tables({"mine": table})
