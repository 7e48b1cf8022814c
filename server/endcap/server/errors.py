"""What a call can fail with, and how it travels: google.rpc.Status with an ErrorInfo, a BadRequest, a RetryInfo.

CallFailed
├── InvalidRequest      INVALID_ARGUMENT     the caller must change the request; names the fields
├── UnknownStrategy     NOT_FOUND            lists the strategies that there are
├── Overloaded          RESOURCE_EXHAUSTED   worth another try, after the delay that it names
├── OutOfTime           DEADLINE_EXCEEDED    the caller's deadline passed before the work began
├── NotServed           UNIMPLEMENTED        the contract has the method, this server not yet
└── Broken              INTERNAL             a defect; the log has it under the reference
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final, NamedTuple

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from endcap.server.limits import Violation

DOMAIN: Final = "endcap"
DETAILS_KEY: Final = "grpc-status-details-bin"
PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
# Statuses travel in HTTP/2 headers, which peers cap at 8 KiB: the message as text, where a byte beyond ASCII takes
# three, and once more in the details, in base64.
MESSAGE_BYTES: Final = 800
VIOLATIONS_BYTES: Final = 3_000  # of all together


class CallFailed(Exception):
    """Ends a call, or one request of a stream, with a status. The message is for people, the reason for programs."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(
        self, message: str, reason: str, violations: Iterable[Violation] = (), retry_seconds: float | None = None
    ) -> None:
        super().__init__(_shortened(message, MESSAGE_BYTES))
        self.reason = reason
        found = tuple(violations)
        share = VIOLATIONS_BYTES // max(len(found), 1)
        self.violations = tuple(_fitting(violation, share) for violation in found)
        self.retry_seconds = retry_seconds

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidRequest(CallFailed):
    code = grpc.StatusCode.INVALID_ARGUMENT

    @classmethod
    def of(cls, reason: str, *violations: Violation) -> InvalidRequest:
        """The message is made of the violations, each "field: description"."""
        return cls("; ".join(f"{field}: {description}" for field, description in violations), reason, violations)


class UnknownStrategy(CallFailed):
    code = grpc.StatusCode.NOT_FOUND

    def __init__(self, name: str, known: Iterable[str]) -> None:
        text = f"no strategy {_shortened(name, 64)!r} here; there are: {', '.join(sorted(known))}"
        super().__init__(text, "UNKNOWN_STRATEGY", [Violation("strategy", text)])


class Overloaded(CallFailed):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message, "OVERLOADED", retry_seconds=retry_seconds)


class OutOfTime(CallFailed):
    code = grpc.StatusCode.DEADLINE_EXCEEDED

    def __init__(self) -> None:
        super().__init__("the caller's deadline passed before the work could begin", "DEADLINE_PASSED")


class NotServed(CallFailed):
    code = grpc.StatusCode.UNIMPLEMENTED

    def __init__(self, method: str) -> None:
        super().__init__(f"{method} is in the contract, but this version of Endcap does not serve it yet", "NOT_SERVED")


class Broken(CallFailed):
    code = grpc.StatusCode.INTERNAL

    def __init__(self, reference: str) -> None:
        text = f"an unexpected error on the server, not of the caller's making; its log has the details at {reference}"
        super().__init__(text, "INTERNAL")


class Trailer(NamedTuple):
    """One entry of a call's trailing metadata."""

    key: str
    value: str | bytes


def to_status(failure: CallFailed) -> status_pb2.Status:
    """The failure as its google.rpc.Status."""
    status = status_pb2.Status(code=canonical_code(failure), message=failure.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN))
    if failure.violations:
        fields = [error_details_pb2.BadRequest.FieldViolation(field=f, description=d) for f, d in failure.violations]
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=fields))
    if failure.retry_seconds is not None:
        delay = to_duration(failure.retry_seconds)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def trailers(failure: CallFailed) -> tuple[Trailer, ...]:
    """What goes beside the code and the message, as grpcio-status reads it; with a pushback where a retry helps."""
    details = Trailer(DETAILS_KEY, to_status(failure).SerializeToString())
    if failure.retry_seconds is None:
        return (details,)
    return details, Trailer(PUSHBACK_KEY, str(round(failure.retry_seconds * 1000)))


@contextmanager
def fields_below(parent: str) -> Iterator[None]:
    """Violations in a message that is itself a field say so: "request.page_size"."""
    try:
        yield
    except CallFailed as failure:
        failure.violations = tuple(Violation(f"{parent}.{v.field}", v.description) for v in failure.violations)
        raise


def canonical_code(failure: CallFailed) -> int:
    return int(code_pb2.Code.Value(failure.code.name))


def to_duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def _fitting(violation: Violation, byte_count: int) -> Violation:
    field, description = violation
    return Violation(field, _shortened(description, byte_count - len(field.encode(errors="replace"))))


def _shortened(text: str, byte_count: int) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= byte_count:
        return text
    return encoded[: byte_count - 3].decode(errors="ignore") + "…"
