"""A failure inside a stream, where no status can carry it."""

from __future__ import annotations

from endcap.server.errors import CallFailed, canonical_code, to_duration
from endcap.v1 import common_pb2 as pb


def write_error(failure: CallFailed) -> pb.CallError:
    return pb.CallError(
        code=canonical_code(failure),
        message=failure.message,
        reason=failure.reason,
        violations=[pb.FieldViolation(field=field, description=text) for field, text in failure.violations],
        retry_delay=None if failure.retry_seconds is None else to_duration(failure.retry_seconds),
    )
