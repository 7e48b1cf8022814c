"""What a call can raise, and how a gRPC status becomes it.

EndcapError
├── InvalidRequest          the request is wrong; `fields` says where
├── NotFound                the strategy, item or bundle that it names is not there
├── Denied                  the caller may not do this
├── NotServed               this server does not offer the method
├── ServerError             the server failed
└── TemporaryError          trying again may help; `retry_delay` says when, where the server knows
    ├── Overloaded          it has too much to do
    ├── Unavailable         it cannot be reached, or is starting or stopping
    └── DeadlineExceeded    no answer came in time
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from endcap.v1.common_pb2 import CallError


@dataclass(eq=False)
class EndcapError(Exception):
    """A call that failed."""

    code: grpc.StatusCode
    """The gRPC status code."""
    message: str
    """What was wrong, for people."""
    reason: str = ""
    """What was wrong, for programs: an UPPER_SNAKE word such as UNKNOWN_STRATEGY; empty when the server gave none."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The request fields at fault, as "override.recall[0].limit", and what is wrong with each."""
    retry_delay: timedelta | None = None
    """How long to wait before trying again; None when the server does not say."""
    domain: str = ""
    """Whose word the reason is: "endcap", or that of a proxy on the way."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What else the server says of the reason."""
    hint: str = ""
    """What may be behind it, where the server could not be reached at all."""

    def __str__(self) -> str:
        lines = [f"{self.code.name}{f' ({self.reason})' if self.reason else ''}: {self.message}"]
        lines += [f"{name}: {text}" for name, text in self.fields.items() if text not in self.message]
        return "\n  ".join(filter(None, [*lines, self.hint]))

    def __reduce__(self) -> tuple[type[EndcapError], tuple[object, ...]]:
        # An exception pickles its `args`, which a dataclass leaves empty; process pools need them.
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)


class InvalidRequest(EndcapError):
    """The request is wrong; `fields` says where."""


class NotFound(EndcapError):
    """The strategy, item or bundle that the request names is not there."""


class Denied(EndcapError):
    """The caller may not do this."""


class NotServed(EndcapError):
    """This server does not offer the method."""


class ServerError(EndcapError):
    """The server failed; its log says why."""


class TemporaryError(EndcapError):
    """Trying again may help."""


class Overloaded(TemporaryError):
    """The server has too much to do."""


class Unavailable(TemporaryError):
    """The server cannot be reached, or is starting or stopping."""


class DeadlineExceeded(TemporaryError):
    """No answer came in time."""


_KINDS: Mapping[grpc.StatusCode, type[EndcapError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNIMPLEMENTED: NotServed,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}
_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def from_rpc_error(error: grpc.RpcError) -> EndcapError:
    """Translate what grpc raises, of a synchronous or an asyncio call."""
    call = cast(grpc.Call, error)
    code = call.code()
    details = _details(call)
    kind = _KINDS.get(code, ServerError)
    message = call.details() or code.name
    return kind(
        code,
        message,
        details.reason,
        details.fields,
        details.retry_delay,
        details.domain,
        details.metadata,
        _hint(message) if kind is Unavailable else "",
    )


def from_call_error(error: CallError) -> EndcapError:
    """Translate the error of one call inside a stream."""
    code = _CODES.get(error.code, grpc.StatusCode.UNKNOWN)
    fields = {violation.field: violation.description for violation in error.violations}
    delay = error.retry_delay.ToTimedelta() if error.HasField("retry_delay") else None
    return _KINDS.get(code, ServerError)(code, error.message, error.reason, fields, delay)


@dataclass
class _Details:
    reason: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    retry_delay: timedelta | None = None
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def _details(call: grpc.Call) -> _Details:
    """Read google.rpc's standard details; a proxy's status has none, and one that cannot be read counts as none."""
    found = _Details()
    try:
        for packed in (rpc_status.from_call(call) or Status()).details:
            info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
            if packed.Unpack(info):
                found.reason, found.domain, found.metadata = info.reason, info.domain, dict(info.metadata)
            elif packed.Unpack(bad_request):
                found.fields = {violation.field: violation.description for violation in bad_request.field_violations}
            elif packed.Unpack(retry):
                found.retry_delay = retry.retry_delay.ToTimedelta()
    except (ValueError, DecodeError):
        return found
    return found


_STRANGER = "the server's certificate is not signed by the CA that the client trusts, or is not valid today"
_HUNG_UP = "something listens, and hung up at once: it may want TLS, or a certificate of the client"
_HINTS: Mapping[str, str] = {
    "CERTIFICATE_VERIFY_FAILED": _STRANGER,
    "certificate signature failure": _STRANGER,  # a CA of the same name
    "Hostname Verification Check failed": "the server's certificate is for another name than the one that was called: "
    "call it by that name, or give it as the server name",
    "WRONG_VERSION_NUMBER": "the server speaks no TLS at this address: call it without",
    "Socket closed": _HUNG_UP,
    "Connection reset": _HUNG_UP,
    "not found": "nobody knows a host of this name",
}


def _hint(message: str) -> str:
    """What grpc's words mean where it could not connect. A call that broke halfway can be a "Socket closed" too, but
    without the words that stand before the error of a connection."""
    if not any(words in message for words in ("last error:", "errors resolving", "DNS resolution failed")):
        return ""
    return next((hint for words, hint in _HINTS.items() if words in message), "")
