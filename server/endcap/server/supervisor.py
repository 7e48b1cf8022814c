"""The supervisor: checks what can be checked, starts the workers, replaces those that die, and ends them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from endcap.bundle.folder import Bundle, BundleError, open_bundle, verify_hashes
from endcap.server import logs
from endcap.server.environment import worker_environment
from endcap.server.exposition import Exposition
from endcap.server.options import ServeOptions
from endcap.server.ports import joined, reserve
from endcap.server.serving import read_strategies
from endcap.server.tls import load
from endcap.server.worker import GO, Charge, Report

BOOT_TRIES: Final = 3
"""So many failed starts in a row, while no other worker serves, end the server."""
LONGEST_PAUSE_SECONDS: Final = 10.0
SETTLED_SECONDS: Final = 60.0
"""A worker that served so long did not die of how it was started: its replacement starts at once."""
KILL_SECONDS: Final = 5.0
"""So long after the grace a worker that still runs is killed."""

log = structlog.get_logger("endcap.server")


class Refused(Exception):
    """The server cannot start as asked. The message is for whoever started it."""


class GaveUp(Exception):
    """The workers keep dying before they serve."""


def serve(options: ServeOptions, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. ``announce`` is told once, when every worker serves.

    Raises BundleError, StrategyError, TlsError, PortTaken and Refused before anything is served, GaveUp when it breaks.
    """
    logs.configure(options.json_logs)
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # ours is for the workers alone
    bundle = open_bundle(options.bundle, verify=False)
    if options.strategies:
        read_strategies(options.strategies)
    if options.tls:
        load(options.tls)
    with ExitStack() as held:
        ports = {
            name: held.enter_context(reserve(options.host, port)).getsockname()[1]
            for name, port in (("port", options.port), ("health_port", options.health_port))
            if port is not None
        }
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="endcap-metrics-"))
        settled = options.model_copy(update={"bundle": bundle.folder.resolve(), **ports})
        asyncio.run(Supervisor(settled, bundle, Path(folder), announce).run())


class _Life(NamedTuple):
    """How one worker process ended."""

    served_seconds: float
    report: Report


class Supervisor:
    def __init__(self, options: ServeOptions, bundle: Bundle, folder: Path, announce: Callable[[str], None]) -> None:
        self.options = options
        self.bundle = bundle
        self.announce = announce
        self.environment = worker_environment(folder)
        self.running: dict[int, Process] = {}
        self.serving: set[int] = set()
        self.announced = False
        self.stopping = asyncio.Event()
        self.exposition = Exposition(folder, bundle.manifest, options, self._pids)
        if options.tls:
            self.exposition.watch_certificate(options.tls)

    def _pids(self) -> dict[int, int]:
        """Process ids by worker, of those that run."""
        return {worker: process.pid for worker, process in self.running.items()}

    async def run(self) -> None:
        self.metrics_port = self.exposition.start(self.options.host, self.options.metrics_port)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        verified = asyncio.create_task(self._verify())
        try:
            async with asyncio.TaskGroup() as group:
                for worker in range(self.options.workers):
                    group.create_task(self._keep(worker, verified))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _verify(self) -> str:
        """What is wrong with the bundle's bytes; empty where nothing is."""
        try:
            await asyncio.to_thread(verify_hashes, self.bundle.folder, self.bundle.manifest)
        except BundleError as error:
            return str(error)
        return ""

    async def _keep(self, worker: int, verified: asyncio.Task[str]) -> None:
        """Have a process serve as this worker until the server stops."""
        failures = 0
        while not self.stopping.is_set():
            life = await self._live(worker, verified)
            if self.stopping.is_set():
                return
            failures = 0 if life.served_seconds > SETTLED_SECONDS else failures + 1
            self._judge(worker, life, failures)
            await self._pause(min(0.1 * 2**failures, LONGEST_PAUSE_SECONDS))
            self.exposition.restarts.labels(str(worker)).inc()
            verified = asyncio.create_task(self._verify())

    def _judge(self, worker: int, life: _Life, failures: int) -> None:
        """Whether another try makes sense. Raises Refused and GaveUp."""
        message = life.report.message
        if life.report.state == "refused" and not self.announced:
            raise Refused(message)
        log.error("worker died", worker=worker, reason=message, served_seconds=round(life.served_seconds, 1))
        if failures >= BOOT_TRIES and not life.served_seconds and not self.serving:
            raise GaveUp(f"worker {worker} failed to start {failures} times in a row, the last time: {message}")

    async def _live(self, worker: int, verified: asyncio.Task[str]) -> _Life:
        """Start a process, see it through to its end, and say how that was."""
        process = await self._spawn(worker)
        clock = asyncio.get_running_loop().time
        started, report = clock(), Report(state="failed")
        try:
            if fault := await verified:
                return _Life(0.0, Report(state="refused", message=fault))
            _send(process, GO)
            async for report in _reports(process):
                if report.state == "serving":
                    started = clock()
                    self._serves(worker)
            code = await process.wait()
            served = clock() - started if worker in self.serving else 0.0
            return _Life(served, report if report.message else Report(state="failed", message=_ending(code)))
        finally:
            await self._bury(worker, process)

    async def _spawn(self, worker: int) -> Process:
        charge = Charge(options=self.options, worker=worker).model_dump_json()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "endcap.server.worker", charge),
            stdin=PIPE,
            stdout=PIPE,
            env=self.environment,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone
        )
        self.running[worker] = process
        if self.stopping.is_set():
            process.terminate()
        return process

    def _serves(self, worker: int) -> None:
        self.serving.add(worker)
        self.exposition.serving.set(len(self.serving))
        if len(self.serving) == self.options.workers and not self.announced:
            self.announced = True
            self.announce(self._announcement())

    def _announcement(self) -> str:
        options, metrics = self.options, joined(self.options.host, self.metrics_port)
        parts = [
            f"serving {self.bundle.manifest.version} on {options.address}",
            f"metrics on http://{metrics}/metrics",
            f"{options.workers} worker{'s' * (options.workers > 1)}",
        ]
        if options.tls:
            parts.append(options.tls.kind)
        if options.health_address:
            parts.append(f"health on {options.health_address}")
        return ", ".join(parts)

    async def _bury(self, worker: int, process: Process) -> None:
        if process.returncode is None:
            process.kill()
            await process.wait()
        self.running.pop(worker, None)
        self.serving.discard(worker)
        self.exposition.serving.set(len(self.serving))
        self.exposition.buried(worker)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    def _stop(self) -> None:
        """The first signal drains, the second ends."""
        if self.stopping.is_set():
            self._kill()
            return
        self.stopping.set()
        for process in self.running.values():
            process.terminate()
        asyncio.get_running_loop().call_later(self.options.grace_seconds + KILL_SECONDS, self._kill)

    def _kill(self) -> None:
        for process in self.running.values():
            process.kill()


def _send(process: Process, order: bytes) -> None:
    """A process that is gone already says so by its end."""
    assert process.stdin is not None
    process.stdin.write(order)


async def _reports(process: Process) -> AsyncIterator[Report]:
    assert process.stdout is not None
    async for line in process.stdout:
        yield Report.model_validate_json(line)


def _ending(code: int) -> str:
    """How a process ended that did not say it itself."""
    return f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"
