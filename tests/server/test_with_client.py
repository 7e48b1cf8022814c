"""The Python client against a live server: they mean the same things."""

from __future__ import annotations

import pytest

from endcap.client import AsyncClient, Client, InvalidRequest, NotFound, event

from ..support.live import Live


def test_the_client_ranks_and_lists(live: Live) -> None:
    with Client(live.address) as client:
        answer = client.rank(visitor_id="v1", recent_events=[event("i3", "view")], page_size=2)
        assert [item.title for item in answer.items] == ["Item 10", "Item 11"]
        assert "steady" in {strategy.name for strategy in client.list_strategies().strategies}
        assert client.serving_state().bundle.version == live.version


def test_the_client_tells_reason_and_field(live: Live) -> None:
    with Client(live.address) as client:
        with pytest.raises(InvalidRequest) as refused:
            client.rank(user_id="u1", filter="price <")
        assert (refused.value.reason, list(refused.value.fields)) == ("MALFORMED_FILTER", ["filter"])
        with pytest.raises(NotFound) as unknown:
            client.rank(user_id="u1", strategy="oracle")
        assert unknown.value.reason == "UNKNOWN_STRATEGY"


def test_the_client_reads_a_batch(live: Live) -> None:
    with Client(live.address) as client:
        answers = list(client.batch_rank([{"user_id": "u1"}, {"page_size": 3}]))
    assert [answer.error is None for answer in answers] == [True, False]


async def test_the_asyncio_client_ranks(live: Live) -> None:
    async with AsyncClient(live.address) as client:
        assert len((await client.rank(user_id="u1")).items) == 20
