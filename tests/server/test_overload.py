"""Admission: too much work is refused, and work that nobody waits for is never done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest

from endcap.v1.admin_pb2 import GetServingStateRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.ranking_pb2 import BatchRankRequest, RankRequest, RankResponse
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import Live, failure_of, wait_for
from .conftest import Shop

LIMIT = 3


class Gate:
    """Holds back requests of the strategy "gated" while it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def close(self) -> None:
        (self.folder / "closed").touch()

    def open(self) -> None:
        (self.folder / "closed").unlink(missing_ok=True)

    def entered(self) -> list[str]:
        """Ids of the requests that reached compute, in order."""
        path = self.folder / "entered"
        return path.read_text().split() if path.exists() else []


class Gated(NamedTuple):
    live: Live
    gate: Gate
    channel: grpc.Channel

    def rank(self, name: str, timeout: float | None = None) -> grpc.Future[RankResponse]:
        request = RankRequest(strategy="gated", user_id="u1", request_id=name, page_size=1)
        future: grpc.Future[RankResponse] = RankingServiceStub(self.channel).Rank.future(request, timeout=timeout)
        return future

    def in_flight(self) -> int:
        return int(AdminServiceStub(self.channel).GetServingState(GetServingStateRequest()).in_flight_count)

    def rejected(self, reason: str) -> float:
        return self.live.metrics().get(f'endcap_requests_rejected_total{{reason="{reason}"}}', 0.0)


@pytest.fixture(scope="module")
def gated_server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    gate = Gate(tmp_path_factory.mktemp("gate"))
    with shop.live("--max-in-flight", str(LIMIT), gate=gate.folder) as live:
        with grpc.insecure_channel(live.address, options=[("grpc.enable_retries", 0)]) as channel:
            yield Gated(live, gate, channel)
        gate.open()


@pytest.fixture
def gated(gated_server: Gated) -> Iterator[Gated]:
    gated_server.gate.close()
    yield gated_server
    gated_server.gate.open()
    wait_for(lambda: gated_server.in_flight() == 0, "all requests to end")


def fill(gated: Gated, names: list[str]) -> list[grpc.Future[RankResponse]]:
    """Requests in flight, the first of them in compute."""
    before = gated.in_flight()
    first = gated.rank(names[0])
    wait_for(lambda: names[0] in gated.gate.entered(), "the first request to reach compute")
    rest = [gated.rank(name) for name in names[1:]]
    wait_for(lambda: gated.in_flight() == before + len(names), "all requests to be admitted")
    return [first, *rest]


def test_beyond_the_limit_a_request_is_refused_and_told_when_to_come_back(gated: Gated) -> None:
    held = fill(gated, ["a1", "a2", "a3"])
    with pytest.raises(grpc.RpcError) as caught:
        gated.rank("a4").result()
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert failure.retry_seconds == 0.1
    assert failure.trailers["grpc-retry-pushback-ms"] == "100"
    gated.gate.open()
    assert [future.result().request_id for future in held] == ["a1", "a2", "a3"]
    assert "a4" not in gated.gate.entered()
    wait_for(lambda: gated.rejected("OVERLOADED") >= 1, "the refusal to be counted")


def test_a_request_whose_deadline_passes_in_the_queue_never_reaches_compute(gated: Gated) -> None:
    (held,) = fill(gated, ["b1"])
    late = gated.rank("b2", timeout=2.0)  # long enough to arrive on a busy machine, and then to wait in vain
    wait_for(lambda: gated.in_flight() == 2, "the second request to queue")
    with pytest.raises(grpc.RpcError) as caught:
        late.result()
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: gated.in_flight() == 1, "the place in the queue to be free again")
    gated.gate.open()
    held.result()
    assert gated.rank("b3").result().request_id == "b3"
    assert "b2" not in gated.gate.entered()
    wait_for(lambda: gated.rejected("DEADLINE_PASSED") >= 1, "the late request to be counted")


def test_a_request_that_is_cancelled_in_the_queue_never_reaches_compute(gated: Gated) -> None:
    held, waiting = fill(gated, ["c1", "c2"])
    waiting.cancel()
    wait_for(lambda: gated.in_flight() == 1, "the place in the queue to be free again")
    gated.gate.open()
    held.result()
    assert gated.rank("c3").result().request_id == "c3"
    assert "c2" not in gated.gate.entered()
    wait_for(lambda: gated.rejected("CANCELLED") >= 1, "the cancelled request to be counted")


def test_a_caller_that_leaves_during_compute_keeps_its_place_until_compute_ends(gated: Gated) -> None:
    (held,) = fill(gated, ["d1"])
    held.cancel()
    more = fill_queue(gated, ["d2", "d3"])
    with pytest.raises(grpc.RpcError) as caught:
        gated.rank("d4").result()
    assert failure_of(caught.value).reason == "OVERLOADED"
    gated.gate.open()
    assert [future.result().request_id for future in more] == ["d2", "d3"]


def fill_queue(gated: Gated, names: list[str]) -> list[grpc.Future[RankResponse]]:
    futures = [gated.rank(name) for name in names]
    wait_for(lambda: gated.in_flight() == LIMIT, "the queue to be full")
    return futures


def test_a_batch_waits_for_room_instead_of_failing(gated: Gated) -> None:
    held = fill(gated, ["e1", "e2", "e3"])
    names = [f"f{i}" for i in range(10)]
    batch = RankingServiceStub(gated.channel).BatchRank(
        BatchRankRequest(request=RankRequest(strategy="gated", user_id="u1", request_id=name)) for name in names
    )
    gated.gate.open()
    assert [answer.request_id for answer in batch if answer.HasField("response")] == names
    assert all(future.result() for future in held)


def test_a_batch_that_is_cancelled_leaves_nothing_behind(gated: Gated) -> None:
    (held,) = fill(gated, ["g1"])
    names = [f"h{i}" for i in range(10)]
    batch = RankingServiceStub(gated.channel).BatchRank(
        BatchRankRequest(request=RankRequest(strategy="gated", user_id="u1", request_id=name)) for name in names
    )
    wait_for(lambda: gated.in_flight() == LIMIT, "the batch to fill the queue")
    batch.cancel()
    wait_for(lambda: gated.in_flight() == 1, "the batch's places to be free again")
    gated.gate.open()
    held.result()
    assert not set(names) & set(gated.gate.entered())


def test_the_serving_state_is_told_under_full_load(gated: Gated) -> None:
    held = fill(gated, ["k1", "k2", "k3"])
    assert gated.in_flight() == LIMIT
    wait_for(lambda: gated.live.metrics()["endcap_requests_in_flight"] == LIMIT, "the gauge")
    gated.gate.open()
    assert all(future.result() for future in held)
