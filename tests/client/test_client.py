"""The two clients against a real server: calls, deadlines, retries and batches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
import pytest

import endcap.client
from endcap.client import (
    AsyncClient,
    BatchAnswer,
    Client,
    DeadlineExceeded,
    InvalidRequest,
    NotServed,
    Overloaded,
    RankArgs,
    Unavailable,
)
from endcap.client.channel import service_config
from endcap.v1 import admin_pb2, catalog_pb2, events_pb2, ranking_pb2
from endcap.v1.common_pb2 import CallError
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankRequest, RankResponse

from .conftest import Running

BATCH: list[RankArgs] = [{"user_id": "1"}, {"page_size": 999}, {"user_id": "3"}]


def test_a_slate_comes_back(server: Running) -> None:
    with Client(server.target) as client:
        assert client.rank(user_id="1234", request_id="r1").request_id == "r1"
    assert server.ranking.requests == [RankRequest(user_id="1234", request_id="r1")]


async def test_a_slate_comes_back_to_asyncio(server: Running) -> None:
    async with AsyncClient(server.target) as client:
        assert (await client.rank(user_id="1234", request_id="r1")).request_id == "r1"
    assert server.ranking.requests == [RankRequest(user_id="1234", request_id="r1")]


def test_strategies_and_state_come_back(server: Running) -> None:
    with Client(server.target) as client:
        assert [strategy.name for strategy in client.list_strategies().strategies] == ["hybrid"]
        assert client.serving_state().server_version == "1.2.3"


async def test_strategies_and_state_come_back_to_asyncio(server: Running) -> None:
    async with AsyncClient(server.target) as client:
        assert [strategy.name for strategy in (await client.list_strategies()).strategies] == ["hybrid"]
        assert (await client.serving_state()).server_version == "1.2.3"


class Blocked:
    """A rank that answers only once it is told to."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.remaining_s: float | None = None

    def __call__(self, request: RankRequest, context: grpc.ServicerContext) -> RankResponse:
        self.remaining_s = context.time_remaining()
        self.release.wait(10)
        return RankResponse()


@pytest.fixture
def blocked(server: Running) -> Iterator[Blocked]:
    server.ranking.rank = blocked = Blocked()
    yield blocked
    blocked.release.set()


def test_a_call_has_a_deadline_of_two_seconds_unless_told_otherwise(server: Running, blocked: Blocked) -> None:
    blocked.release.set()
    with Client(server.target) as client:
        client.rank(user_id="1")
        assert blocked.remaining_s is not None
        assert blocked.remaining_s == pytest.approx(2, abs=0.5)
        client.rank(user_id="1", timeout_s=50)
        assert blocked.remaining_s == pytest.approx(50, abs=5)


def test_a_late_answer_raises_deadline_exceeded(server: Running, blocked: Blocked) -> None:
    with Client(server.target, timeout_s=0.05) as client, pytest.raises(DeadlineExceeded):
        client.rank(user_id="1")


async def test_a_late_answer_raises_deadline_exceeded_in_asyncio(server: Running, blocked: Blocked) -> None:
    async with AsyncClient(server.target, timeout_s=0.05) as client:
        with pytest.raises(DeadlineExceeded):
            await client.rank(user_id="1")


class FailingAtFirst:
    """A rank that fails some times before it answers."""

    def __init__(self, failures: int, code: grpc.StatusCode, pushback_ms: str | None = None) -> None:
        self.left, self.code, self.pushback_ms = failures, code, pushback_ms

    def __call__(self, request: RankRequest, context: grpc.ServicerContext) -> RankResponse:
        if self.left == 0:
            return RankResponse(strategy="hybrid")
        self.left -= 1
        if self.pushback_ms is not None:
            context.set_trailing_metadata((("grpc-retry-pushback-ms", self.pushback_ms),))
        context.abort(self.code, "not now")
        raise AssertionError("abort raises")


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_call_that_fails_for_now_is_tried_again(server: Running, code: grpc.StatusCode) -> None:
    server.ranking.rank = FailingAtFirst(2, code)
    with Client(server.target, timeout_s=20) as client:
        assert client.rank(user_id="1").strategy == "hybrid"
    assert len(server.ranking.requests) == 3


async def test_a_call_that_fails_for_now_is_tried_again_in_asyncio(server: Running) -> None:
    server.ranking.rank = FailingAtFirst(2, grpc.StatusCode.UNAVAILABLE)
    async with AsyncClient(server.target, timeout_s=20) as client:
        assert (await client.rank(user_id="1")).strategy == "hybrid"
    assert len(server.ranking.requests) == 3


def test_a_call_is_tried_again_when_the_server_says_so(server: Running) -> None:
    server.ranking.rank = FailingAtFirst(1, grpc.StatusCode.RESOURCE_EXHAUSTED, pushback_ms="1")
    with Client(server.target, timeout_s=20) as client:
        assert client.rank(user_id="1").strategy == "hybrid"


def test_a_call_is_not_tried_again_when_the_server_says_not_to(server: Running) -> None:
    server.ranking.rank = FailingAtFirst(1, grpc.StatusCode.RESOURCE_EXHAUSTED, pushback_ms="-1")
    with Client(server.target, timeout_s=20) as client, pytest.raises(Overloaded):
        client.rank(user_id="1")
    assert len(server.ranking.requests) == 1


def test_a_wrong_request_is_not_tried_again(server: Running) -> None:
    server.ranking.rank = FailingAtFirst(1, grpc.StatusCode.INVALID_ARGUMENT)
    with Client(server.target) as client, pytest.raises(InvalidRequest):
        client.rank(user_id="1")
    assert len(server.ranking.requests) == 1


def test_a_server_that_is_not_there_raises_unavailable() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(Unavailable):
        client.rank(user_id="1")


def test_a_method_that_is_not_served_raises_not_served(server: Running) -> None:
    def batch_rank(requests: Iterator[BatchRankRequest], context: grpc.ServicerContext) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not served")
        raise AssertionError("abort raises")

    server.ranking.batch_rank = batch_rank
    with Client(server.target) as client, pytest.raises(NotServed):
        list(client.batch_rank(BATCH))


def one_each(requests: Iterator[BatchRankRequest], context: grpc.ServicerContext) -> Iterator[BatchRankResponse]:
    for index, message in enumerate(requests):
        answer = BatchRankResponse(index=index)
        if message.request.page_size > 200:
            answer.error.CopyFrom(CallError(code=3, message="page_size is 999", reason="OUT_OF_LIMITS"))
        else:
            answer.response.strategy = f"for {message.request.user_id}"
        yield answer


def check_batch(answers: list[BatchAnswer]) -> None:
    assert [answer.index for answer in answers] == [0, 1, 2]
    assert [answer.response and answer.response.strategy for answer in answers] == ["for 1", None, "for 3"]
    with pytest.raises(InvalidRequest, match="page_size is 999"):
        answers[1].result()
    assert answers[2].result().strategy == "for 3"


def test_a_bad_request_does_not_end_a_batch(server: Running) -> None:
    server.ranking.batch_rank = one_each
    with Client(server.target) as client:
        check_batch(list(client.batch_rank(BATCH)))


async def test_a_bad_request_does_not_end_a_batch_in_asyncio(server: Running) -> None:
    server.ranking.batch_rank = one_each
    async with AsyncClient(server.target) as client:
        check_batch([answer async for answer in client.batch_rank(BATCH)])


UNBUILDABLE: list[Any] = [{"user_id": "1"}, {"user": "2"}, {"user_id": "3"}]


def test_a_request_that_cannot_be_built_is_raised_after_the_answers_before_it(server: Running) -> None:
    server.ranking.batch_rank = one_each
    with Client(server.target) as client:
        answers = client.batch_rank(UNBUILDABLE)
        assert next(answers).index == 0
        with pytest.raises(TypeError, match="no argument user"):
            next(answers)


async def test_a_request_that_cannot_be_built_is_raised_in_asyncio_too(server: Running) -> None:
    server.ranking.batch_rank = one_each
    async with AsyncClient(server.target) as client:
        with pytest.raises(TypeError, match="no argument user"):
            [answer async for answer in client.batch_rank(UNBUILDABLE)]


def test_leaving_a_batch_early_cancels_it(server: Running) -> None:
    ended = threading.Event()

    def batch_rank(requests: Iterator[BatchRankRequest], context: grpc.ServicerContext) -> Iterator[BatchRankResponse]:
        context.add_callback(ended.set)
        yield BatchRankResponse(index=0, response=RankResponse())
        ended.wait(10)

    server.ranking.batch_rank = batch_rank
    with Client(server.target) as client:
        answers = client.batch_rank(BATCH)
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        assert ended.wait(5)


def test_the_service_config_names_only_methods_of_the_contract() -> None:
    services = {
        service.full_name: {method.name for method in service.methods}
        for file in (admin_pb2, catalog_pb2, events_pb2, ranking_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
    }
    names = [name for entry in json.loads(service_config())["methodConfig"] for name in entry["name"]]
    assert {name["service"] for name in names} == services.keys()
    assert all(name.get("method") is None or name["method"] in services[name["service"]] for name in names)


def test_changing_the_bundle_is_never_tried_again_by_itself() -> None:
    names = [name for entry in json.loads(service_config())["methodConfig"] for name in entry["name"]]
    admin = {name.get("method") for name in names if name["service"] == "endcap.v1.AdminService"}
    assert admin == {"ListStrategies", "GetServingState"}


def test_every_exported_name_exists() -> None:
    assert [name for name in endcap.client.__all__ if not hasattr(endcap.client, name)] == []
