"""A real server whose methods do what a test tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from endcap.v1 import admin_pb2_grpc, ranking_pb2_grpc
from endcap.v1.admin_pb2 import GetServingStateResponse, ListStrategiesResponse, Strategy
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankRequest, RankResponse

Rank = Callable[[RankRequest, grpc.ServicerContext], RankResponse]
BatchRank = Callable[[Iterator[BatchRankRequest], grpc.ServicerContext], Iterator[BatchRankResponse]]


class Ranking(ranking_pb2_grpc.RankingServiceServicer):
    """Answers by the functions that a test sets, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[RankRequest] = []
        self.rank: Rank = lambda request, context: RankResponse(request_id=request.request_id)
        self.batch_rank: BatchRank = lambda requests, context: iter(())

    def Rank(self, request: RankRequest, context: Any) -> RankResponse:
        self.requests.append(request)
        return self.rank(request, context)

    def BatchRank(self, request_iterator: Any, context: Any) -> Iterator[BatchRankResponse]:
        return self.batch_rank(request_iterator, context)

    def RankSession(self, request_iterator: Any, context: Any) -> Any:
        raise NotImplementedError

    def ExplainItem(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


class Admin(admin_pb2_grpc.AdminServiceServicer):
    """Lists one strategy."""

    def ListStrategies(self, request: Any, context: Any) -> ListStrategiesResponse:
        return ListStrategiesResponse(strategies=[Strategy(name="hybrid")])

    def GetServingState(self, request: Any, context: Any) -> GetServingStateResponse:
        return GetServingStateResponse(server_version="1.2.3")

    def LoadBundle(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    def RollBackBundle(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


class Running:
    """The server's address and what it runs."""

    def __init__(self, target: str, ranking: Ranking) -> None:
        self.target = target
        self.ranking = ranking


@pytest.fixture
def server() -> Iterator[Running]:
    ranking = Ranking()
    with ThreadPoolExecutor(4) as pool:
        running = grpc.server(pool)
        ranking_pb2_grpc.add_RankingServiceServicer_to_server(ranking, running)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(Admin(), running)
        port = running.add_insecure_port("127.0.0.1:0")
        running.start()
        yield Running(f"127.0.0.1:{port}", ranking)
        running.stop(None).wait()
