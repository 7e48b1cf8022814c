"""The handlers of every method of the contract; those not served yet say so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from endcap.server.calls import Call, Desk, abort
from endcap.server.errors import NotServed
from endcap.v1 import admin_pb2, catalog_pb2, events_pb2, ranking_pb2

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(
    service
    for file in (ranking_pb2, events_pb2, catalog_pb2, admin_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
)


def service_handlers(
    desk: Desk, served: Mapping[str, Mapping[str, grpc.RpcMethodHandler[bytes, bytes]]]
) -> list[grpc.GenericRpcHandler]:
    """Handlers for all services of the contract. ``served`` is by service, then by method, both without the package."""
    return [
        grpc.method_handlers_generic_handler(
            service.full_name,
            {
                method.name: served.get(service.name, {}).get(method.name) or unserved(method, desk)
                for method in service.methods
            },
        )
        for service in SERVICES
    ]


def unserved(method: MethodDescriptor, desk: Desk) -> grpc.RpcMethodHandler[bytes, bytes]:
    name = f"{method.containing_service.name}.{method.name}"

    def refuse(raw: bytes, call: Call) -> bytes:
        raise NotServed(name)

    async def refuse_stream(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        call = Call(method.name, strategy="")
        try:
            await desk.attend(call, lambda: refuse(b"", call), compute=False)
        except NotServed as failure:
            await abort(context, failure)

    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(refuse_stream)
    return desk.unary(method.name, refuse, compute=False)
