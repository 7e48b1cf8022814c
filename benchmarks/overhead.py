"""What the server costs but for its pipelines, and what computing on a thread of its own costs and is good for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from benchmarks.apart_server import SPENT
from benchmarks.common import WORK
from benchmarks.load import RANK, drive, median_run, write_requests
from benchmarks.under_load import Bench, module_served
from endcap.server.environment import worker_environment

NOTHING = """\
[strategies.nothing]
recall = [{ use = "popular", limit = 20 }]
score = "by_source"
select = "top_k"
"""
"""As little as a strategy can do: twenty items from a list, in its order. What else a request costs is the server."""
HEALTH = "/grpc.health.v1.Health/Check"
CHECKS_PER_SECOND = 50.0


class Apart(NamedTuple):
    """A server under test."""

    address: str
    pid: int
    spent: Path | None = None
    """Where it adds up what its pipelines take; None where it has none."""


def overhead(bench: Bench) -> dict[str, Any]:
    """What gRPC, codec, admission and metrics cost a request of one worker together: alone, where one slate answers
    everything, and beside a pipeline that does as little as one can, whose own time is taken off. Beside it they cost
    more, since it takes the processor's caches from them. gRPC's own part: a handler that gives the same bytes to
    everyone, in the same run."""
    with ExitStack() as stack:
        alone = stack.enter_context(_apart(bench, "--one-slate"))
        servers = {
            "alone": alone,
            "alone_on_the_loop": stack.enter_context(_apart(bench, "--one-slate", "--on-loop")),
            "bare_grpc": stack.enter_context(_echo(_answer(bench, alone))),
            "beside_a_pipeline": stack.enter_context(_apart(bench)),
        }
        for server in servers.values():
            bench.warm(server[:2], "no_text", "nothing")
        rounds = [
            {name: _told_apart(bench, name, server) for name, server in servers.items()}
            for _ in range(bench.options.rounds)
        ]
    found = {name: _middle([each[name] for each in rounds]) for name in servers}
    return {"overhead_cpu_ms": found["alone"]["overhead_cpu_ms"], **found}


def threads_or_loop(bench: Bench) -> list[dict[str, Any]]:
    """The default strategy computed on a thread and on the event loop, and how long a health check waits meanwhile.
    Each row is the run in the middle by rate."""
    with ExitStack() as stack:
        servers = {
            "a thread": stack.enter_context(_apart(bench)),
            "the event loop": stack.enter_context(_apart(bench, "--on-loop")),
        }
        for server in servers.values():
            bench.warm(server[:2], "no_text")
        rounds = [
            {name: _with_health(bench, name, server) for name, server in servers.items()}
            for _ in range(bench.options.rounds)
        ]
    return [{"computed_on": name, **median_run([each[name] for each in rounds])} for name in servers]


def _with_health(bench: Bench, name: str, server: Apart) -> dict[str, Any]:
    with ThreadPoolExecutor(1) as beside:
        checked = beside.submit(_health, server, bench.options.seconds)
        row = bench.driven(server[:2], "no_text", f"computed on {name}, closed 16", rounds=1, concurrency=16)
        return row | {f"health_{at}": checked.result()[at] for at in ("p50_ms", "p99_ms")}


def _health(server: Apart, seconds: float) -> dict[str, Any]:
    request = write_requests(WORK / "requests" / "health.bin", [b""])
    how = {"rate": CHECKS_PER_SECOND, "seconds": seconds, "channels": 1, "method": HEALTH}
    return drive(server.address, request, server.pid, **how)


@contextmanager
def _apart(bench: Bench, *more: str) -> Iterator[Apart]:
    """One worker of ours, see apart_server."""
    strategies = WORK / "nothing.toml"
    strategies.write_text(NOTHING, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        spent = Path(folder) / "spent"
        told = ("--bundle", str(bench.bundle.folder), "--strategies", str(strategies), "--spent", str(spent), *more)
        environment = worker_environment(Path(folder))
        with module_served("benchmarks.apart_server", *told, environment=environment) as server:
            yield Apart(*server, spent)


@contextmanager
def _echo(answer: bytes) -> Iterator[Apart]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(answer)
        file.flush()
        with module_served("benchmarks.echo_server", "--answer", file.name) as server:
            yield Apart(*server)


def _answer(bench: Bench, server: Apart) -> bytes:
    """What the server answers to a request like those of the load."""
    length, request = 4, bench.requests("no_text", 1, "nothing").read_bytes()
    with grpc.insecure_channel(server.address) as channel:
        answer: bytes = channel.unary_unary(RANK)(request[length:])
    return answer


def _told_apart(bench: Bench, name: str, server: Apart) -> dict[str, Any]:
    seconds, requests = _spent(server)
    what = f"overhead {name.replace('_', ' ')}, closed 16"
    row = bench.driven(server[:2], "no_text", what, "nothing", rounds=1, concurrency=16)
    after, answered = _spent(server)
    pipeline = (after - seconds) * 1000 / max(answered - requests, 1)
    return {"overhead_cpu_ms": row["server_cpu_ms"] - pipeline, "pipeline_cpu_ms": pipeline, **row}


def _spent(server: Apart) -> tuple[float, int]:
    seconds, requests = SPENT.unpack(server.spent.read_bytes()) if server.spent else (0.0, 0)
    return seconds, requests


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median run, by what the server costs but for its pipelines."""
    middle = sorted(runs, key=lambda row: row["overhead_cpu_ms"])[len(runs) // 2]
    kept = ("overhead_cpu_ms", "pipeline_cpu_ms", "server_cpu_ms", "client_cpu_ms", "ok_per_s")
    return {name: round(middle[name], 3) for name in kept} | {
        "overhead_rounds": [round(row["overhead_cpu_ms"], 3) for row in runs]
    }
