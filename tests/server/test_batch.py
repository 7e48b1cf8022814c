"""BatchRank over a live server."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from endcap.server.servicers.ranking import MAX_STREAMS
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankRequest
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import Live


def test_a_batch_is_answered_in_order_and_a_bad_request_ends_nothing(ranking: RankingServiceStub) -> None:
    requests = [RankRequest(user_id="u1", request_id=f"r{i}", page_size=1) for i in range(20)]
    requests[3].page_size = 999
    requests[5].filter = "("
    requests[7].strategy = "oracle"
    answers = list(ranking.BatchRank(BatchRankRequest(request=request) for request in requests))
    assert [(answer.index, answer.request_id) for answer in answers[8:]] == [(i, f"r{i}") for i in range(8, 20)]
    errors = {i: answer.error for i, answer in enumerate(answers) if answer.WhichOneof("outcome") == "error"}
    assert {i: error.reason for i, error in errors.items()} == {
        3: "FIELD_OUT_OF_LIMITS",
        5: "MALFORMED_FILTER",
        7: "UNKNOWN_STRATEGY",
    }
    assert [violation.field for violation in errors[5].violations] == ["request.filter"]
    assert errors[7].code == grpc.StatusCode.NOT_FOUND.value[0]


def test_bytes_that_are_no_message_cost_a_stream_one_answer(channel: grpc.Channel) -> None:
    good = BatchRankRequest(request=RankRequest(user_id="u1", page_size=1)).SerializeToString()
    batch: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/endcap.v1.RankingService/BatchRank")
    answers = [BatchRankResponse.FromString(raw) for raw in batch(iter([b"\xff", good, b""]))]
    assert [answer.WhichOneof("outcome") for answer in answers] == ["error", "response", "error"]
    assert [answer.error.reason for answer in answers] == ["MALFORMED_MESSAGE", "", "FIELD_OUT_OF_LIMITS"]


def test_an_empty_batch_ends_at_once(ranking: RankingServiceStub) -> None:
    assert list(ranking.BatchRank(iter(()))) == []


def test_a_batch_longer_than_any_queue_is_answered_whole(ranking: RankingServiceStub) -> None:
    requests = (BatchRankRequest(request=RankRequest(user_id="u1", page_size=1)) for _ in range(300))
    assert sum(answer.HasField("response") for answer in ranking.BatchRank(requests)) == 300


async def test_a_stream_beyond_the_limit_is_refused_while_the_others_go_on(live: Live) -> None:
    async with grpc.aio.insecure_channel(live.address) as channel:
        stub: Any = RankingServiceStub(channel)
        streams = [stub.BatchRank() for _ in range(MAX_STREAMS)]
        request = BatchRankRequest(request=RankRequest(user_id="u1", page_size=1))
        for stream in streams:
            await stream.write(request)
            assert (await stream.read()).HasField("response")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.BatchRank().read()
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        for stream in streams:
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
