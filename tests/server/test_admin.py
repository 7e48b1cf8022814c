"""ListStrategies, GetServingState, health and reflection over a live server."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from endcap.v1.admin_pb2 import GetServingStateRequest, ListStrategiesRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub

from ..support.live import Live, failure_of, send
from ..support.tiny import DATA_END


def test_the_strategies_are_listed_with_what_they_are_made_of(admin: AdminServiceStub) -> None:
    answer = admin.ListStrategies(ListStrategiesRequest())
    by_name = {strategy.name: strategy for strategy in answer.strategies}
    steady = by_name["steady"]
    assert steady.is_default
    assert [(source.source, source.limit) for source in steady.recall] == [("test_steady", 50), ("popular", 10)]
    assert steady.recall[0].description == "All items, in the order of their numbers."
    assert list(steady.filters) == ["available", "request_filter", "excluded"]
    assert (steady.scorer, steady.selector) == ("by_source", "top_k")
    assert {"test_steady", "popular", "repeat"} <= set(answer.available_sources)
    assert "by_source" in answer.available_scorers


def test_the_serving_state_tells_bundle_and_load(admin: AdminServiceStub, live: Live) -> None:
    state = admin.GetServingState(GetServingStateRequest())
    assert state.bundle.version == live.version
    assert state.bundle.data_end_time.seconds == DATA_END
    assert dict(state.bundle.counts) == {"items": 60, "users": 5}
    assert [(each.strategy, each.metric, each.value) for each in state.bundle.metrics] == [("steady", "ndcg@10", 0.5)]
    assert (state.worker_count, state.worker_index) == (1, 0)
    assert (state.in_flight_count, state.in_flight_limit) == (0, 34)
    assert state.default_strategy == "steady"


def test_health_is_told_for_each_service(channel: grpc.Channel) -> None:
    health: Any = HealthStub(channel)  # the stubs know none of its methods
    states = {
        name: health.Check(HealthCheckRequest(service=name)).status
        for name in ("", "endcap.v1.RankingService", "endcap.v1.AdminService", "endcap.v1.EventService")
    }
    assert states == {
        "": HealthCheckResponse.SERVING,
        "endcap.v1.RankingService": HealthCheckResponse.SERVING,
        "endcap.v1.AdminService": HealthCheckResponse.SERVING,
        "endcap.v1.EventService": HealthCheckResponse.NOT_SERVING,
    }


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    asked = iter([ServerReflectionRequest(list_services="")])
    stub: Any = ServerReflectionStub(channel)
    answers = list(stub.ServerReflectionInfo(asked))
    services = {service.name for service in answers[0].list_services_response.service}
    assert {"endcap.v1.RankingService", "endcap.v1.AdminService", "grpc.health.v1.Health"} <= services


def test_admin_methods_refuse_bytes_that_are_no_message(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        send(channel, "AdminService/ListStrategies", b"\xff")
    assert failure_of(caught.value).reason == "MALFORMED_MESSAGE"
