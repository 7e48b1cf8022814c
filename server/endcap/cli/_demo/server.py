"""A server of the demo's own, as a child process."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from endcap.cli._errors import refuse

READY = re.compile(r"serving \S+ on (?P<address>\S+), metrics on (?P<metrics>\S+),")
"""The line that `endcap serve` prints when it serves."""
GRACE_SECONDS = 5
PORT, METRICS_PORT = 50051, 9464


class Served(NamedTuple):
    process: subprocess.Popen[str]
    address: str
    metrics_url: str
    log: Path


@contextmanager
def served(bundle: Path, port: int | None, metrics_port: int | None, log: Path, *more: str) -> Iterator[Served]:
    """`endcap serve` on the given ports (None: the usual one, or any where that is taken); gone after the block.
    ``more`` are further options."""
    command = [sys.executable, "-c", "from endcap.cli import main; main()", "serve", "--bundle", str(bundle)]
    command += ["--port", str(_port(port, PORT)), "--metrics-port", str(_port(metrics_port, METRICS_PORT))]
    command += ["--grace-seconds", str(GRACE_SECONDS), *more]
    with log.open("w", encoding="utf-8") as errors:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the server in order.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True, start_new_session=True
        )
    try:
        address, metrics_url = _when_ready(process, log)
        yield Served(process, address, metrics_url, log)
    finally:
        _end(process)


def _when_ready(process: subprocess.Popen[str], log: Path) -> tuple[str, str]:
    """Ends the command where the server ends instead of serving, with the server's own words and exit code."""
    assert process.stdout is not None
    ready = next(filter(None, map(READY.search, process.stdout)), None)
    if ready is None:
        code = process.wait()
        said = log.read_text(encoding="utf-8").strip().splitlines() or [f"the server gave up; see {log}"]
        refuse(said[-1].removeprefix("endcap: "), code)
    return ready["address"], ready["metrics"]


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_SECONDS + 10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _port(wanted: int | None, usual: int) -> int:
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual
