"""A live `endcap serve` process, and waiting for things to become true."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

READY = re.compile(r"serving (\S+) on (\S+:\d+), metrics on (\S+), (\d+) workers?(?:.*, health on (\S+))?")
PATIENCE_SECONDS = 20.0
START_SECONDS = 120.0
"""A first start compiles machine code, on a machine that may be busy with other tests."""


def wait_for(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Returns as soon as ``true()`` is; fails the test when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.005)


def endcap(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from endcap.cli import main; main()", *arguments]


class Live:
    """A context: a server process that serves inside it and is gone after it."""

    def __init__(self, bundle: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            endcap("serve", "--bundle", str(bundle), "--port", "0", "--metrics-port", "0", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        timer = Timer(START_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        match = READY.match(line)
        if match is None:
            self.process.kill()
            raise AssertionError(f"not ready: {line!r} {self.process.communicate()}")
        self.version, self.address, self.metrics_url = match[1], match[2], match[3]
        self.health_address = match[5] or ""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end. Returns exit code and stderr."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        try:
            _, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, errors

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def metrics(self) -> dict[str, float]:
        """All samples by name and labels, as the text format writes them."""
        with urllib.request.urlopen(self.metrics_url, timeout=PATIENCE_SECONDS) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if name[:1] != "#"}


def send(channel: grpc.Channel, method: str, raw: bytes) -> bytes:
    """A call of bytes: no message class stands between the test and the wire."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/endcap.v1.{method}")
    return call(raw)


@dataclass
class Failure:
    """An error as a client sees it."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    fields: dict[str, str]
    retry_seconds: float | None
    trailers: dict[str, str | bytes]


def failure_of(error: grpc.RpcError) -> Failure:
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert isinstance(status, status_pb2.Status)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    found = [each.TypeName() for each in status.details if any(each.Unpack(into) for into in (info, bad, retry))]
    return Failure(
        code=error.code(),
        message=status.message,
        reason=info.reason,
        domain=info.domain,
        fields={violation.field: violation.description for violation in bad.field_violations},
        retry_seconds=retry.retry_delay.ToMilliseconds() / 1000 if "google.rpc.RetryInfo" in found else None,
        trailers=dict(error.trailing_metadata() or ()),
    )
