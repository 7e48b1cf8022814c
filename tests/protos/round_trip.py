#!/usr/bin/env python3
"""The generated code and the client, under whatever protobuf and grpcio are installed: `make matrix` says which.

round_trip.py FILE fills every field of every message of the contract, and writes their bytes to FILE or, where FILE is
there already, compares: every version must write the same. It needs nothing but the client.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import duration_pb2, json_format, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from endcap.client import Client, NotFound
from endcap.v1 import admin_pb2, catalog_pb2, common_pb2, events_pb2, ranking_pb2
from endcap.v1.ranking_pb2 import RankRequest, RankResponse

FILES = (admin_pb2, catalog_pb2, common_pb2, events_pb2, ranking_pb2)
VALUES: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_STRING: "größe ☕",
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_INT32: -7,
    FieldDescriptor.CPPTYPE_INT64: 2**53 + 1,
    FieldDescriptor.CPPTYPE_FLOAT: 0.1,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.1,
    FieldDescriptor.CPPTYPE_ENUM: 1,
}
# Whose numbers cannot be any.
TIMES: dict[str, Message] = {
    "google.protobuf.Timestamp": timestamp_pb2.Timestamp(seconds=1_700_000_000, nanos=5_000_000),
    "google.protobuf.Duration": duration_pb2.Duration(seconds=2, nanos=5_000_000),
}


def descriptors() -> Iterator[Descriptor]:
    for file in FILES:
        yield from file.DESCRIPTOR.message_types_by_name.values()


def filled(kind: Descriptor) -> Message:
    """A message with every field set; of a oneof, the last."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        _fill(message, field)
    return message


def _fill(message: Message, field: FieldDescriptor) -> None:
    held, kind = getattr(message, field.name), field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        value = kind.fields_by_name["value"]
        if value.message_type is None:
            held["key"] = VALUES[value.cpp_type]
        else:
            held["key"].CopyFrom(filled(value.message_type))
    elif field.is_repeated:
        held.append(VALUES[field.cpp_type] if kind is None else filled(kind))
    elif kind is not None:
        held.CopyFrom(TIMES.get(kind.full_name) or filled(kind))
    else:
        setattr(message, field.name, VALUES[field.cpp_type])


def round_trip(message: Message) -> str:
    """The message's bytes, in hexadecimal, after both forms were read back."""
    raw = message.SerializeToString(deterministic=True)
    assert type(message).FromString(raw) == message, message
    assert json_format.Parse(json_format.MessageToJson(message), type(message)()) == message, message
    return raw.hex()


def compare(path: Path, found: dict[str, str]) -> None:
    if not path.exists():
        path.write_text(json.dumps(found))
        return
    others = json.loads(path.read_text())
    different = [name for name in {**found, **others} if found.get(name) != others.get(name)]
    assert not different, f"bytes of another version differ: {different}"


def rank(request: RankRequest, context: Any) -> RankResponse:
    """Answers who is known and refuses who is not, with details."""
    if request.user_id == "nobody":
        status = Status(code=grpc.StatusCode.NOT_FOUND.value[0], message="no")
        status.details.add().Pack(ErrorInfo(reason="NOBODY", domain="endcap"))
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(grpc.StatusCode.NOT_FOUND, "no")
    return RankResponse(strategy=f"for {request.user_id}")


SERVED = {"Rank": grpc.unary_unary_rpc_method_handler(rank, RankRequest.FromString, RankResponse.SerializeToString)}


def call() -> None:
    """The client against a server, once well and once not."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("endcap.v1.RankingService", SERVED),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with Client(f"127.0.0.1:{port}", timeout_s=20) as client:
            assert client.rank(user_id="1").strategy == "for 1"
            refused: list[tuple[str, str]] = []
            try:
                client.rank(user_id="nobody")
            except NotFound as error:
                refused.append((error.reason, error.domain))
            assert refused == [("NOBODY", "endcap")], refused
        server.stop(None).wait()


def main(path: Path) -> None:
    found = {kind.full_name: round_trip(filled(kind)) for kind in descriptors()}
    compare(path, found)
    call()
    print(f"protobuf {version('protobuf')}, grpcio {version('grpcio')}: {len(found)} messages and a call are fine")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
