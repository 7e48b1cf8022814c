"""Old connections end gently, and their clients spread over the workers anew."""

from __future__ import annotations

from pathlib import Path

import grpc

from endcap.v1.admin_pb2 import GetServingStateRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.ranking_pb2 import BatchRankRequest, RankRequest
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import wait_for
from .conftest import Shop
from .test_overload import Gate

AGE = ("--connection-age-seconds", "0.2")
NO_RETRIES = [("grpc.enable_retries", 0)]


def test_a_client_that_stays_comes_to_every_worker_and_no_call_fails(shop: Shop) -> None:
    seen = set()
    with shop.live("--workers", "2", *AGE) as live, grpc.insecure_channel(live.address, options=NO_RETRIES) as channel:
        admin = AdminServiceStub(channel)

        def both_seen() -> bool:
            # on a busy machine a connection may be too old before it is ready for calls, and the next one is tried
            state = admin.GetServingState(GetServingStateRequest(), wait_for_ready=True)
            seen.add(state.worker_index)
            return seen == {0, 1}

        wait_for(both_seen, "both workers to have answered")


def test_a_batch_that_outlives_its_connection_is_answered_to_the_end(shop: Shop, tmp_path: Path) -> None:
    gate, states = Gate(tmp_path), list[grpc.ChannelConnectivity]()
    with shop.live(*AGE, gate=tmp_path) as live, grpc.insecure_channel(live.address, options=NO_RETRIES) as channel:
        gate.close()
        channel.subscribe(states.append)
        requests = [BatchRankRequest(request=RankRequest(strategy="gated", user_id="u1", request_id=n)) for n in "abc"]
        batch = RankingServiceStub(channel).BatchRank(iter(requests))
        wait_for(lambda: "a" in gate.entered(), "the batch to be under way")
        wait_for(lambda: grpc.ChannelConnectivity.IDLE in states[2:], "its connection to take no more calls")
        gate.open()
        assert [answer.request_id for answer in batch] == ["a", "b", "c"]
