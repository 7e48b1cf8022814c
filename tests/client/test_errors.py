"""A gRPC status becomes the exception that it means, with all it carries."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import NoReturn

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from endcap.client import Client, DeadlineExceeded, EndcapError, InvalidRequest, NotFound, Overloaded, errors
from endcap.v1.common_pb2 import CallError, FieldViolation
from endcap.v1.ranking_pb2 import RankRequest

from .conftest import Running

NO_RETRIES = [("grpc.enable_retries", 0)]


def fail(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, *details: Message) -> NoReturn:
    packed = []
    for detail in details:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)
    context.abort_with_status(rpc_status.to_status(Status(code=code.value[0], message=message, details=packed)))
    raise AssertionError("abort_with_status raises")


def failure_of(server: Running) -> EndcapError:
    with Client(server.target, options=NO_RETRIES) as client, pytest.raises(EndcapError) as caught:
        client.rank(user_id="1")
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequest),
        (grpc.StatusCode.NOT_FOUND, errors.NotFound),
        (grpc.StatusCode.PERMISSION_DENIED, errors.Denied),
        (grpc.StatusCode.UNIMPLEMENTED, errors.NotServed),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.Overloaded),
        (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (grpc.StatusCode.INTERNAL, errors.ServerError),
    ],
)
def test_each_status_code_has_its_exception(server: Running, code: grpc.StatusCode, kind: type[EndcapError]) -> None:
    server.ranking.rank = lambda request, context: fail(context, code, "no")
    error = failure_of(server)
    assert type(error) is kind
    assert (error.code, error.message) == (code, "no")


def test_an_exception_carries_reason_fields_and_retry_delay(server: Running) -> None:
    details = (
        ErrorInfo(reason="OUT_OF_LIMITS", domain="endcap"),
        BadRequest(field_violations=[BadRequest.FieldViolation(field="page_size", description="is 201")]),
        RetryInfo(retry_delay=Duration(nanos=250_000_000)),
    )
    server.ranking.rank = lambda request, context: fail(context, grpc.StatusCode.INVALID_ARGUMENT, "no", *details)
    error = failure_of(server)
    assert (error.reason, error.fields, error.retry_delay) == (
        "OUT_OF_LIMITS",
        {"page_size": "is 201"},
        timedelta(milliseconds=250),
    )
    assert str(error) == "INVALID_ARGUMENT (OUT_OF_LIMITS): no\n  page_size: is 201"


def test_a_status_without_details_still_has_its_exception(server: Running) -> None:
    server.ranking.rank = lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")
    error = failure_of(server)
    assert type(error) is NotFound
    assert (error.reason, error.fields, error.retry_delay) == ("", {}, None)


def test_details_that_are_not_a_message_are_passed_over(server: Running) -> None:
    def rank(request: RankRequest, context: grpc.ServicerContext) -> NoReturn:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff\xff"),))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        raise AssertionError("abort raises")

    server.ranking.rank = rank
    assert type(failure_of(server)) is InvalidRequest


def test_an_error_inside_a_stream_carries_the_same() -> None:
    error = errors.from_call_error(
        CallError(
            code=8,
            message="busy",
            reason="TOO_MANY_IN_FLIGHT",
            violations=[FieldViolation(field="query", description="long")],
            retry_delay=Duration(seconds=1),
        )
    )
    assert type(error) is Overloaded
    assert (error.code, error.message, error.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "busy",
        "TOO_MANY_IN_FLIGHT",
    )
    assert (error.fields, error.retry_delay) == ({"query": "long"}, timedelta(seconds=1))


def test_an_error_code_from_the_future_is_a_server_error() -> None:
    assert type(errors.from_call_error(CallError(code=99))) is errors.ServerError


def test_an_exception_survives_pickling() -> None:
    error = DeadlineExceeded(grpc.StatusCode.DEADLINE_EXCEEDED, "late", retry_delay=timedelta(seconds=1))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), again.message, again.retry_delay) == (DeadlineExceeded, "late", timedelta(seconds=1))
