"""A bundle that the real training made, through codec and pipeline: every strategy, every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from endcap.bundle.folder import open_bundle
from endcap.server.calls import Call
from endcap.server.servicers.ranking import Ranking
from endcap.server.serving import Serving, load
from endcap.server.slates import SlateCache
from endcap.v1.common_pb2 import Event
from endcap.v1.ranking_pb2 import RankContext, RankRequest, RankResponse

READY_MADE = [
    "hybrid",
    "popular",
    "als",
    "discover",
    "repeat",
    "search",
    "similar_items",
    "session",
    "cold_start",
    "linear",
]


@pytest.fixture(scope="module")
def ranking(trained_bundle: Path) -> Ranking:
    open_bundle(trained_bundle)  # as the supervisor does: hashes first
    desk: Any = None  # for the event loop alone
    return Ranking(load(trained_bundle), desk, SlateCache(1 << 20))


def answered(ranking: Ranking, request: RankRequest) -> RankResponse:
    return RankResponse.FromString(ranking.answer(request, Call("Rank")))


def forms(serving: Serving) -> dict[str, RankRequest]:
    items = [serving.bundle.catalog.ids.id(number) for number in range(10)]
    return {
        "shopper": RankRequest(user_id=serving.bundle.users.id(0)),
        "never seen": RankRequest(user_id="nobody at all", user_attributes={"size": "4"}),
        "search": RankRequest(query=serving.bundle.catalog.titles[0]),
        "product page": RankRequest(seed_item_ids=items[:1], context=RankContext(page="product")),
        "session": RankRequest(visitor_id="v", recent_events=[Event(item_id=item) for item in items[:3]]),
        "own list": RankRequest(candidate_item_ids=items, visitor_id="v"),
    }


@pytest.mark.parametrize("strategy", READY_MADE)
def test_every_ready_made_strategy_answers_every_form_whole(ranking: Ranking, strategy: str) -> None:
    for form, request in forms(ranking.serving).items():
        request.strategy = strategy
        answer = answered(ranking, request)
        assert answer.strategy == strategy
        assert not answer.degradations, form
        if form == "own list":
            assert {item.item_id for item in answer.items} <= set(request.candidate_item_ids)


@pytest.mark.parametrize(
    ("form", "strategy"),
    [
        ("shopper", "hybrid"),
        ("never seen", "cold_start"),
        ("search", "search"),
        ("product page", "similar_items"),
        ("session", "session"),
        ("own list", "hybrid"),
    ],
)
def test_a_request_that_names_no_strategy_gets_the_one_that_fits_its_form(
    ranking: Ranking, form: str, strategy: str
) -> None:
    assert answered(ranking, forms(ranking.serving)[form]).strategy == strategy


def test_the_default_strategy_names_sources_and_reasons(ranking: Ranking) -> None:
    answer = answered(ranking, forms(ranking.serving)["shopper"])
    assert answer.strategy == "hybrid"
    assert answer.items
    assert all(item.sources for item in answer.items)
    assert any(item.reasons for item in answer.items)
    assert all(len(item.reasons) <= 3 for item in answer.items)
