"""A server that fails as a script says, and counts how often it was asked."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from endcap.v1 import ranking_pb2_grpc
from endcap.v1.ranking_pb2 import RankRequest, RankResponse

HOLD_SECONDS = 30.0


@dataclass(frozen=True)
class Script:
    """What happens to one call."""

    failures: int = 0
    """So many attempts fail before one succeeds."""
    held: bool = False
    """No answer, until the caller leaves."""
    code: str = "OK"
    message: str = "not now"
    reason: str = ""
    """With a reason the status carries an ErrorInfo."""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    retry_ms: int | None = None
    """In a RetryInfo, for the program."""
    pushback_ms: int | None = None
    """In the trailers, for gRPC's own retries; below zero forbids them."""

    def status(self) -> Status:
        status = Status(code=getattr(grpc.StatusCode, self.code).value[0], message=self.message)
        if self.reason:
            status.details.add().Pack(ErrorInfo(reason=self.reason, domain=self.domain, metadata=self.metadata))
        if self.fields:
            violations = [BadRequest.FieldViolation(field=f, description=d) for f, d in self.fields.items()]
            status.details.add().Pack(BadRequest(field_violations=violations))
        if self.retry_ms is not None:
            delay = Duration()
            delay.FromMilliseconds(self.retry_ms)
            status.details.add().Pack(RetryInfo(retry_delay=delay))
        return status

    def trailers(self) -> list[tuple[str, str | bytes]]:
        status = self.status()
        found: list[tuple[str, str | bytes]] = []
        if status.details:
            found.append(("grpc-status-details-bin", status.SerializeToString()))
        if self.pushback_ms is not None:
            found.append(("grpc-retry-pushback-ms", str(self.pushback_ms)))
        return found


class Scripted(ranking_pb2_grpc.RankingServiceServicer):
    """Rank alone; by the script of the request's id."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.attempts: dict[str, list[str]] = defaultdict(list)
        """By request id: what each attempt said of those before it, in `grpc-previous-rpc-attempts`."""
        self.target = ""

    def Rank(self, request: RankRequest, context: Any) -> RankResponse:
        script, attempts = self.scripts[request.request_id], self.attempts[request.request_id]
        attempts.append(str(dict(context.invocation_metadata()).get("grpc-previous-rpc-attempts", "")))
        if script.held:
            left = threading.Event()
            context.add_callback(left.set)
            left.wait(HOLD_SECONDS)
        elif len(attempts) <= script.failures:
            _fail(script, context)
        return RankResponse(strategy="scripted")

    def BatchRank(self, request_iterator: Any, context: Any) -> Any:
        raise NotImplementedError

    def RankSession(self, request_iterator: Any, context: Any) -> Any:
        raise NotImplementedError

    def ExplainItem(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


def _fail(script: Script, context: Any) -> NoReturn:
    context.set_trailing_metadata(script.trailers())
    context.abort(getattr(grpc.StatusCode, script.code), script.message)
    raise AssertionError("abort raises")


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    servicer = Scripted()
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool)
        ranking_pb2_grpc.add_RankingServiceServicer_to_server(servicer, server)
        servicer.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield servicer
        server.stop(None).wait()
