"""A language's driver: built by clients/LANGUAGE/build.sh, then one process that answers lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from endcap.v1.admin_pb2 import GetServingStateResponse, ListStrategiesResponse
from endcap.v1.ranking_pb2 import BatchRankResponse, RankResponse

ROOT = Path(__file__).parents[2]
LANGUAGES = ("python", "typescript", "go", "java", "cpp")
MISSING = 3
"""The exit code by which build.sh says that a toolchain is not there."""
BUILD_SECONDS = 600.0
PATIENCE_SECONDS = 20.0
"""How much longer than its deadline an answer may take before the driver counts as stuck."""
RESPONSES: dict[str, type[Message]] = {
    "Rank": RankResponse,
    "BatchRank": BatchRankResponse,
    "ListStrategies": ListStrategiesResponse,
    "GetServingState": GetServingStateResponse,
}


class Missing(Exception):
    """A language that cannot be tested here. The message names what is not there."""


@dataclass(frozen=True)
class Answer:
    """What came of a call. The fields are those of a driver's line."""

    id: str
    code: str
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    fields: dict[str, str]
    retry_ms: float | None
    responses: list[Any]
    """Messages of the method's response type, which the driver writes as proto3 JSON."""
    elapsed_ms: float


def wanted() -> list[str]:
    """The languages to test: those that INTEROP names, or Python alone, which needs no toolchain."""
    named = os.environ.get("INTEROP", "python").replace(",", " ").split()
    if unknown := set(named) - set(LANGUAGES):
        raise ValueError(f"INTEROP names {', '.join(sorted(unknown))}; expected some of {', '.join(LANGUAGES)}")
    return named


def build(language: str) -> float:
    """Build the driver. Returns the milliseconds that it took; raises Missing, or AssertionError with the output."""
    folder, began = ROOT / "clients" / language, time.perf_counter()
    if not (folder / "driver").exists():
        raise Missing(f"clients/{language}/driver is not there")
    if (folder / "build.sh").exists():
        built = subprocess.run(
            [folder / "build.sh"], cwd=ROOT, text=True, capture_output=True, timeout=BUILD_SECONDS, check=False
        )
        said = f"{built.stdout}{built.stderr}".strip()
        if built.returncode == MISSING:
            raise Missing(said.splitlines()[-1] if said else f"{language}: its toolchain")
        if built.returncode:
            raise AssertionError(
                f"clients/{language}/build.sh ended with exit code {built.returncode}:\n{said[-4000:]}"
            )
    return (time.perf_counter() - began) * 1000


class Driver:
    """A process that lives as long as the session, so that its connections can be warm."""

    def __init__(self, language: str, build_ms: float, process: subprocess.Popen[str], errors: Path) -> None:
        self.language = language
        self.build_ms = build_ms
        self._process = process
        self._errors = errors
        self._lines: Queue[str] = Queue()
        assert process.stdout is not None
        Thread(target=_read, args=(process.stdout, self._lines), daemon=True).start()

    def ask(
        self, id: str, channel: dict[str, Any], method: str, requests: list[Any], timeout_ms: int = 10_000
    ) -> Answer:
        """Make one call and wait for its answer."""
        self.send(id, channel, method, requests, timeout_ms)
        return self.receive(id, method, timeout_ms)

    def send(
        self, id: str, channel: dict[str, Any], method: str, requests: list[Any], timeout_ms: int = 10_000
    ) -> None:
        """Hand in one call; the driver makes them one after another."""
        asked = {"id": id, "channel": channel, "method": method, "requests": requests, "timeout_ms": timeout_ms}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def receive(self, id: str, method: str, timeout_ms: int = 10_000) -> Answer:
        """The next answer, which must be that to ``id``."""
        try:
            line = self._lines.get(timeout=timeout_ms / 1000 + PATIENCE_SECONDS)
        except Empty:
            raise AssertionError(f"the driver is stuck; {self._said()}") from None
        if not line:
            raise AssertionError(f"the driver ended with exit code {self._process.wait()}; {self._said()}")
        told = json.loads(line)
        assert told["id"] == id, f"asked {id}, and was answered {told['id']}"
        responses = [ParseDict(response, RESPONSES[method]()) for response in told.pop("responses")]
        return Answer(**told, responses=responses)

    def _said(self) -> str:
        return f"its stderr ends:\n{self._errors.read_text(errors='replace')[-2000:]}"


@contextmanager
def running(language: str, folder: Path) -> Iterator[Driver]:
    """Build and start a language's driver; it is gone after the block. Raises Missing."""
    build_ms = build(language)
    errors = folder / f"{language}.stderr"
    with errors.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [ROOT / "clients" / language / "driver"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=_environment(),
        )
    try:
        yield Driver(language, build_ms, process, errors)
    finally:
        _end(process)


def _environment() -> dict[str, str]:
    """No proxy between a driver and the loopback; retries for the Go of Debian, where they are an experiment still."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"PYTHON": sys.executable, "GRPC_GO_RETRY": "on"}


def _read(lines: IO[str], into: Queue[str]) -> None:
    for line in lines:
        into.put(line)
    into.put("")


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
