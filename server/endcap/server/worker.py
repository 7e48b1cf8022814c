"""A worker process: `python -m endcap.server.worker CHARGE`, started by the supervisor and spoken to over pipes.

Standard input brings "go" once the bundle's hashes are checked; its end means that the supervisor is gone. Standard
output carries Reports back, a line of JSON each.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from importlib.metadata import entry_points
from typing import IO, Final, Literal

import structlog
import uvloop
from pydantic import BaseModel

from endcap.bundle.folder import BundleError
from endcap.server import heap, logs
from endcap.server.options import ServeOptions
from endcap.server.serving import load
from endcap.server.tls import TlsError
from endcap.strategies.shelf import STAGES
from endcap.strategies.tables import StrategyError
from endcap.strategies.text.runtime import TextRuntime

GO: Final = b"go\n"


class Charge(BaseModel):
    """What a worker is to do."""

    options: ServeOptions
    worker: int


class Report(BaseModel):
    """What a worker says of itself: it serves, or why it never will."""

    state: Literal["serving", "refused", "failed"]
    message: str = ""


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    heap.share_one_arena()
    charge = Charge.model_validate_json(sys.argv[1])
    logs.configure(charge.options.json_logs, worker=charge.worker)
    reports = _reports()
    try:
        _import_components()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(charge, reports))
    except (BundleError, StrategyError, TlsError) as refusal:
        _say(reports, Report(state="refused", message=str(refusal)))
        return 1
    except Exception as error:
        structlog.get_logger("endcap.server").error("worker failed", exc_info=error)
        _say(reports, Report(state="failed", message=f"{type(error).__name__}: {error}"))
        return 1
    return 0


async def _serve(charge: Charge, reports: IO[bytes]) -> None:
    # Here and not above: the supervisor knows Charge and Report, and should not carry grpc for it.
    from endcap.server.metrics import worker_metrics
    from endcap.server.servicers.admin import Place
    from endcap.server.servicers.app import App
    from endcap.server.servicers.warmup import warm_up

    options = charge.options
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    orders = await _orders()
    if await orders.readline() != GO:
        return
    serving = load(options.bundle, options.strategies, TextRuntime(options.device, options.cache_folder))
    app = App(serving, options, worker_metrics(charge.worker, serving), Place(charge.worker, options.workers))
    await app.desk.admission.run(lambda: warm_up(app.ranking))
    gc.collect()
    gc.freeze()  # what is loaded stays: no collection need ever look at it again
    heap.give_back()
    await app.start()
    _say(reports, Report(state="serving"))
    supervisor_gone = asyncio.create_task(orders.read())
    await asyncio.wait([supervisor_gone, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    await app.drain(options.grace_seconds)


def _import_components() -> None:
    """Load the code of all components while the supervisor still hashes. What fails says so when it is built."""
    for stage in STAGES:
        for point in entry_points(group=f"endcap.{stage}"):
            try:
                point.load()
            except Exception:
                continue


def _reports() -> IO[bytes]:
    """The pipe that standard output is. From now on what native code prints goes to stderr."""
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return reports


def _say(reports: IO[bytes], report: Report) -> None:
    reports.write(report.model_dump_json().encode() + b"\n")


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # not sys.exit: that would wait for threads whose callers, after the grace, are gone
