"""Servers to drive, and how: what the benchmarks under load share."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from rich.console import Console

from benchmarks import asked
from benchmarks.common import ROOT, WORK
from benchmarks.load import drive, median_run, write_requests
from endcap.bundle.folder import Bundle
from endcap.cli._demo.server import READY, served


class Bench:
    def __init__(self, bundle: Bundle, options: argparse.Namespace) -> None:
        self.bundle, self.options, self.console = bundle, options, Console()
        self.seed = int(time.time()) % 1_000_000
        """Another one each run: no cache on disk has seen these requests."""

    def requests(self, kind: str, count: int, strategy: str = "") -> Path:
        self.seed += 1
        made = asked.text(self.bundle, count, self.seed) if kind == "text" else None
        messages = made or asked.no_text(self.bundle, count, self.seed, strategy)
        return write_requests(WORK / "requests" / f"{kind}-{strategy or 'default'}.bin", messages)

    @contextmanager
    def ours(self, workers: int, *more: str) -> Iterator[tuple[str, int]]:
        with served(self.bundle.folder, 0, 0, WORK / "serve.log", "--workers", str(workers), *more) as server:
            yield server.address, server.process.pid

    def driven(
        self, server: tuple[str, int], kind: str, what: str, strategy: str = "", rounds: int = 0, **how: Any
    ) -> dict[str, Any]:
        """The median, by rate, of several runs, each with requests of its own. ``how`` is for ``drive``."""
        address, pid = server
        runs = [
            drive(address, self.requests(kind, self._count(how), strategy), pid, seconds=self.options.seconds, **how)
            for _ in range(rounds or self.options.rounds)
        ]
        row = {"what": what, "kind": kind, **median_run(runs)}
        self.console.print(
            f"{what}, {kind}: {row['ok_per_s']:.0f}/s, p50 {row['p50_ms']:.1f}, p99 {row['p99_ms']:.1f} ms, "
            f"processor ms: server {row['server_cpu_ms']:.2f}, client {row['client_cpu_ms']:.2f}, codes {row['codes']}"
        )
        return row

    def _count(self, how: dict[str, Any]) -> int:
        return int(self.options.seconds * max(how.get("rate", 0.0), self.options.most_per_second)) + 100

    def warm(self, server: tuple[str, int], kind: str, strategy: str = "") -> None:
        drive(server[0], self.requests(kind, 1000, strategy), server[1], seconds=2.0, concurrency=8)


@contextmanager
def bare_server(bundle: Bundle, pipeline: str, workers: int) -> Iterator[tuple[str, int]]:
    """Address and first process of a pipeline behind nothing but grpc.aio."""
    told = ("--bundle", str(bundle.folder), "--pipeline", pipeline, "--workers", str(workers))
    with module_served("benchmarks.bare_server", *told) as server:
        yield server


@contextmanager
def module_served(module: str, *told: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """Address and first process of a server of this folder's own, once it is ready."""
    process = Popen([sys.executable, "-m", module, *told], stdout=PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    try:
        ready = next(filter(None, map(READY.search, process.stdout)), None)
        if ready is None:
            raise RuntimeError(f"{module} ended before it served, with {process.wait()}")
        yield ready["address"], process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
