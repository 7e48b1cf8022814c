"""One worker of Endcap's server, whose pipelines' processor time is told apart from all else that a request costs.

`python -m benchmarks.apart_server --bundle B --strategies S --spent FILE` prints its address and serves until SIGTERM.
FILE is two numbers: seconds that pipelines took so far, and how many there were. With ``--one-slate`` there is but one
pipeline run: its slate answers everything, so that what is left is the server alone. With ``--on-loop`` nothing is
computed on a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import mmap
import os
import struct
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.peers import free_ports
from endcap.server.admission import Admission
from endcap.server.environment import METRICS_FOLDER
from endcap.server.metrics import worker_metrics
from endcap.server.options import ServeOptions
from endcap.server.servicers import app, ranking
from endcap.server.servicers.admin import Place
from endcap.server.servicers.warmup import warm_up
from endcap.server.serving import load
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Slate
from endcap.strategies.strategy import Strategy

SPENT = struct.Struct("=dq")


def tell_apart(file: Path) -> None:
    """From now on each pipeline's time on its thread is added up in ``file``."""
    file.write_bytes(bytes(SPENT.size))
    with file.open("r+b") as opened:
        page = mmap.mmap(opened.fileno(), SPENT.size)
    execute, seconds, requests = ranking.execute, 0.0, 0

    def timed(strategy: Strategy, query: Query, *, every_column: bool = False) -> Slate:
        nonlocal seconds, requests
        start = time.thread_time()
        slate = execute(strategy, query, every_column=every_column)
        seconds, requests = seconds + time.thread_time() - start, requests + 1
        SPENT.pack_into(page, 0, seconds, requests)
        return slate

    ranking.execute = timed


def answer_by_one_slate() -> None:
    """From now on the first slate that is full answers every request."""
    execute, full = ranking.execute, list[Slate]()

    def kept(strategy: Strategy, query: Query, *, every_column: bool = False) -> Slate:
        if full and full[0].strategy == strategy.name:
            return full[0]
        slate = execute(strategy, query, every_column=every_column)
        if len(slate.items) == query.size:
            full[:] = [slate]
        return slate

    ranking.execute = kept


class OnLoop(Admission):
    """Computes on the event loop itself, a task a turn: all else that is ready gets its turn between two of them."""

    def __init__(self, threads: int, limit: int, changed: Callable[[int], None]) -> None:
        super().__init__(0, limit, changed)
        self._ready: deque[Any] = deque()

    def _hand_over(self, work: Any) -> None:
        self._ready.append(work)
        if len(self._ready) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        work = self._ready[0]
        if work.take():
            self._compute(work)
        self._ready.popleft()
        if self._ready:
            asyncio.get_running_loop().call_soon(self._turn)

    def _tell(self, *told: Any) -> None:
        self._done(*told)


async def serve(options: ServeOptions) -> None:
    serving = load(options.bundle, options.strategies)
    worker = app.App(serving, options, worker_metrics(0, serving), Place(0, 1))
    await worker.desk.admission.run(lambda: warm_up(worker.ranking))
    gc.collect()
    gc.freeze()
    await worker.start()
    print(f"serving ours on {options.address}, metrics on -, 1 worker", flush=True)
    await worker.server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bundle", "strategies", "spent"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--one-slate", action="store_true")
    parser.add_argument("--on-loop", action="store_true")
    told = parser.parse_args()
    tell_apart(told.spent)
    if told.one_slate:
        answer_by_one_slate()
    if told.on_loop:
        app.Admission = OnLoop
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        os.environ[METRICS_FOLDER] = folder
        runner.run(serve(ServeOptions(bundle=told.bundle, strategies=told.strategies, port=free_ports())))


if __name__ == "__main__":
    main()
