"""Starting, draining, dying and coming back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from threading import Event, Thread
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from endcap.v1.admin_pb2 import GetServingStateRequest
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.ranking_pb2 import RankRequest
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support import tiny
from ..support.live import PATIENCE_SECONDS, Live, endcap, failure_of, wait_for
from .conftest import Shop
from .test_overload import Gate


def worker_of(channel: grpc.Channel) -> int:
    return int(AdminServiceStub(channel).GetServingState(GetServingStateRequest()).worker_index)


def channel_to(live: Live, worker: int) -> grpc.Channel:
    """A connection that the kernel gave to this worker."""
    for attempt in range(200):
        channel = grpc.insecure_channel(live.address, options=[("endcap.attempt", attempt)])
        if worker_of(channel) == worker:
            return channel
        channel.close()
    raise AssertionError(f"200 connections, and none reached worker {worker}")


def test_two_workers_share_a_port_and_their_numbers_add_up(shop: Shop) -> None:
    with shop.live("--workers", "2") as live:
        for worker in (0, 1):
            with channel_to(live, worker) as channel:
                for _ in range(worker + 1):
                    RankingServiceStub(channel).Rank(RankRequest(user_id="u1"))
        ok = 'endcap_requests_total{code="OK",method="Rank",strategy="steady"}'
        wait_for(lambda: live.metrics().get(ok) == 3, "the requests of both workers to be counted")
        metrics = live.metrics()
        assert metrics['endcap_request_duration_seconds_count{method="Rank",strategy="steady"}'] == 3
        assert metrics['endcap_stage_duration_seconds_count{component="test_steady",stage="recall"}'] == 3
        assert metrics['endcap_recalled_candidates_sum{source="popular"}'] == 30
        assert metrics['endcap_filtered_candidates_total{filter="available"}'] == 3
        assert metrics["endcap_workers_serving"] == 2
        assert metrics["endcap_bundle_age_seconds"] > 0
        assert metrics["endcap_requests_in_flight"] == 0
        assert metrics[f'endcap_bundle_info{{shop="tiny",version="{live.version}"}}'] == 1
        assert metrics['endcap_worker_resident_memory_bytes{worker="1"}'] > 1e6
        assert metrics['endcap_worker_cpu_seconds_total{worker="1"}'] > 0
        maps = Path(f"/proc/{live.workers()[0]}/maps").read_text()
        assert "numpy" in maps
        assert not [name for name in ("torch", "pandas", "sklearn", "implicit", "polars", "pyarrow") if name in maps]


def test_a_worker_that_dies_is_replaced_while_the_other_serves_and_no_counter_goes_back(shop: Shop) -> None:
    with shop.live("--workers", "2") as live:
        stop, failures = Event(), list[str]()
        with channel_to(live, 0) as channel:
            RankingServiceStub(channel).Rank(RankRequest(user_id="u1"))
        caller = Thread(target=call_until, args=(live, stop, failures), daemon=True)  # not to outlive a failure
        caller.start()
        total = 'endcap_requests_total{code="OK",method="Rank",strategy="steady"}'
        wait_for(lambda: live.metrics().get(total, 0) > 10, "some requests")
        counted = [live.metrics()[total]]
        os.kill(live.workers()[0], signal.SIGKILL)
        restarted = 'endcap_worker_restarts_total{worker="0"}', 'endcap_worker_restarts_total{worker="1"}'

        def replaced() -> bool:
            metrics = live.metrics()
            counted.append(metrics[total])
            return any(metrics.get(name) == 1 for name in restarted) and metrics["endcap_workers_serving"] == 2

        wait_for(replaced, "the worker to be replaced")
        stop.set()
        caller.join(PATIENCE_SECONDS)
        assert counted == sorted(counted)
        assert not failures
        code, errors = live.stop()
        assert code == 0
        assert "killed by SIGKILL" in errors


def call_until(live: Live, stop: Event, failures: list[str]) -> None:
    """Rank again and again, each time over a new connection; a connection that broke is tried once more."""
    while not stop.is_set():
        for attempt in (1, 2, 3):
            try:
                with grpc.insecure_channel(live.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                    RankingServiceStub(channel).Rank(RankRequest(user_id="u1"), timeout=PATIENCE_SECONDS)
                break
            except grpc.RpcError as error:
                lost = isinstance(error, grpc.Call) and error.code() == grpc.StatusCode.UNAVAILABLE
                if not lost or attempt == 3:
                    failures.append(str(error))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_drains(shop: Shop, tmp_path: Path, number: signal.Signals) -> None:
    gate = Gate(tmp_path)
    with shop.live(gate=tmp_path) as live, grpc.insecure_channel(live.address) as channel:
        gate.close()
        health: Any = HealthStub(channel)
        watched = health.Watch(HealthCheckRequest(service="endcap.v1.RankingService"))
        assert next(watched).status == HealthCheckResponse.SERVING
        request = RankRequest(strategy="gated", user_id="u1", request_id="held")
        held = RankingServiceStub(channel).Rank.future(request)
        wait_for(lambda: "held" in gate.entered(), "the request to reach compute")
        live.process.send_signal(number)
        assert next(watched).status == HealthCheckResponse.NOT_SERVING
        gate.open()
        assert len(held.result().items) == 20
        code, errors = live.ended()
        assert code == 0
        assert all("component fails" in line for line in errors.splitlines())  # said at warm-up, of one that must


def test_a_request_that_outlasts_the_grace_does_not_hold_up_the_end(shop: Shop, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with shop.live("--grace-seconds", "0.2", gate=tmp_path) as live, grpc.insecure_channel(live.address) as channel:
        gate.close()
        request = RankRequest(strategy="gated", user_id="u1", request_id="held")
        held = RankingServiceStub(channel).Rank.future(request)
        wait_for(lambda: "held" in gate.entered(), "the request to reach compute")
        live.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError):
            held.result()
        assert live.ended()[0] == 0


def test_the_log_has_the_details_of_an_internal_error_at_its_reference(shop: Shop) -> None:
    with shop.live("--json-logs") as live, grpc.insecure_channel(live.address) as channel:
        request = RankRequest(strategy="broken", query="boom", request_id="r1")
        with pytest.raises(grpc.RpcError) as caught:
            RankingServiceStub(channel).Rank(request)
        lines = [json.loads(line) for line in live.stop()[1].splitlines()]
        (line,) = [line for line in lines if line["event"] == "call failed"]
        assert line["reference"] in failure_of(caught.value).message
        assert (line["request_id"], line["strategy"], line["worker"]) == ("r1", "broken", 0)
        assert line["exception"][0]["exc_value"] == "a secret of the inside"


def test_workers_end_when_their_supervisor_is_killed(shop: Shop) -> None:
    with shop.live("--workers", "2") as live:
        workers = live.workers()
        live.stop(signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers to end")


def refused(shop: Shop, *arguments: str, bundle: Path | None = None) -> str:
    """What `endcap serve` says when it ends with exit code 2."""
    command = endcap("serve", "--bundle", str(bundle or shop.bundles), "--metrics-port", "0", *arguments)
    environment = {**os.environ, **shop.environment}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert ended.returncode == 2, ended.stderr
    assert not ended.stdout
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_port_in_use_is_refused_in_one_line(shop: Shop, live: Live) -> None:
    port = live.address.rpartition(":")[2]
    assert f"cannot listen on 127.0.0.1:{port}" in refused(shop, "--port", port)
    metrics_port = live.metrics_url.split(":")[2].partition("/")[0]
    assert "--metrics-port" in refused(shop, "--port", "0", "--metrics-port", metrics_port)


def test_a_missing_bundle_is_refused_in_one_line(shop: Shop, tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refused(shop, "--port", "0", bundle=tmp_path / "none")


def test_a_bundle_with_a_changed_byte_is_refused_before_it_is_read(shop: Shop, tmp_path: Path) -> None:
    bundle = tiny.write_bundle(tmp_path)
    changed = bundle / "catalog" / "titles.blob.npy"
    raw = bytearray(changed.read_bytes())
    raw[-1] ^= 1
    changed.write_bytes(raw)
    message = refused(shop, "--port", "0", *shop.arguments, bundle=bundle)
    assert "titles.blob.npy was changed" in message


@pytest.mark.parametrize(
    ("strategies", "named"),
    [
        ("[strategies.steady]\nscore = 'by_sauce'", "by_sauce"),
        ("[strategy.steady]\nscore = 'by_source'", "strategy"),
        ("[strategies.steady", "strategies.toml"),
        ("default_strategy = 'none'\n[strategies.steady]\nscore = 'by_source'", "none"),
    ],
)
def test_a_bad_strategy_is_refused_in_one_line(shop: Shop, tmp_path: Path, strategies: str, named: str) -> None:
    path = tmp_path / "strategies.toml"
    path.write_text(strategies)
    assert named in refused(shop, "--port", "0", "--strategies", str(path))


def test_workers_that_die_before_they_serve_end_the_server_with_exit_code_1(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'endcap.server.worker' in sys.orig_argv: os.kill(os.getpid(), 11)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = endcap("serve", "--bundle", str(shop.bundles), "--port", "0", "--metrics-port", "0")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("3 times in a row, the last time: it was killed by SIGSEGV")
