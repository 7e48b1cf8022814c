"""The gRPC server of one worker: every service of the contract, health and reflection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from endcap.server.admission import Admission
from endcap.server.calls import Desk
from endcap.server.metrics import Metrics
from endcap.server.options import ServeOptions
from endcap.server.servicers.admin import Admin, Place
from endcap.server.servicers.credentials import credentials
from endcap.server.servicers.ranking import Ranking
from endcap.server.servicers.unserved import SERVICES, service_handlers
from endcap.server.serving import Serving
from endcap.server.slates import SlateCache

OVERALL: Final = ""  # health's name for the server as a whole


class App:
    """Owns the server, its threads and its health. Built, started and stopped on one event loop."""

    def __init__(self, serving: Serving, options: ServeOptions, metrics: Metrics, place: Place) -> None:
        admission = Admission(options.threads, options.in_flight_limit, metrics.took)
        self.options = options
        self.desk = Desk(admission, metrics)
        self.ranking = Ranking(serving, self.desk, SlateCache(options.slate_cache_mib << 20))
        admin = Admin(serving, self.desk, place)
        self.served = {"RankingService": self.ranking.handlers(), "AdminService": admin.handlers()}
        self.health = health.aio.HealthServicer()
        self.server = grpc.aio.server(options=_OPTIONS + _ages(options))
        self.server.add_generic_rpc_handlers(tuple(service_handlers(self.desk, self.served)))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        names = [service.full_name for service in SERVICES]
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self.server)
        self.probed = grpc.aio.server(options=_OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.probed)

    async def start(self) -> None:
        """Listen, and call every service that is served SERVING.

        Nothing listens before: a worker that restarts must not be handed connections that it cannot serve yet.
        Raises RuntimeError where a port cannot be had, TlsError where the certificate is not good.
        """
        if self.options.tls:
            self.server.add_secure_port(self.options.address, credentials(self.options.tls))
        else:
            self.server.add_insecure_port(self.options.address)
        await self.server.start()
        await self.health.set(OVERALL, health_pb2.HealthCheckResponse.SERVING)
        for service in SERVICES:
            await self.health.set(service.full_name, _state(service.name in self.served))
        if self.options.health_address:
            self.probed.add_insecure_port(self.options.health_address)
            await self.probed.start()

    async def drain(self, grace_seconds: float) -> None:
        """Take no new calls, let those in flight end for at most ``grace_seconds``, then end the rest."""
        await self.health.enter_graceful_shutdown()
        stopping = asyncio.create_task(self.server.stop(grace_seconds))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.desk.idle.wait(), grace_seconds)
        await self.server.stop(None)  # what is left are health watches and reflection, which never end by themselves
        await stopping
        await self.probed.stop(None)
        self.desk.close()


# Workers share the port: the kernel spreads the connections over all that listen.
_OPTIONS: Final = [("grpc.so_reuseport", 1)]


def _ages(options: ServeOptions) -> list[tuple[str, int]]:
    """gRPC itself ends each connection up to a tenth earlier or later, so that they do not all come back at once."""
    if not options.connection_age_seconds:
        return []
    age, grace = options.connection_age_seconds, options.connection_grace_seconds
    return [
        ("grpc.max_connection_age_ms", round(age * 1000)),
        ("grpc.max_connection_age_grace_ms", round(grace * 1000)),
    ]


def _state(served: bool) -> int:
    return health_pb2.HealthCheckResponse.SERVING if served else health_pb2.HealthCheckResponse.NOT_SERVING
