"""The synchronous and the asyncio client. What they share is in the modules beside this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Self, TypeVar, Unpack

import grpc
import grpc.aio
from google.protobuf.message import Message

from endcap.client.batch import BatchAnswer, BatchRequests, batch_answer
from endcap.client.channel import Option, channel_options
from endcap.client.errors import from_rpc_error
from endcap.client.requests import RankArgs, rank_request
from endcap.client.tls import Tls
from endcap.v1.admin_pb2 import (
    GetServingStateRequest,
    GetServingStateResponse,
    ListStrategiesRequest,
    ListStrategiesResponse,
)
from endcap.v1.admin_pb2_grpc import AdminServiceStub
from endcap.v1.ranking_pb2 import RankResponse
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

DEFAULT_TARGET = "localhost:50051"
DEFAULT_TIMEOUT_S = 2.0
"""How long one call may take, retries included."""
BATCH_TIMEOUT_S = 60.0
"""How long one batch may take."""

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)


class Client:
    """Calls a server and waits for its answers. Safe to share between threads; make one and keep it.

    `timeout_s` is the default deadline of each call in seconds. `tls` turns TLS on; ValueError where its files are no
    good. `credentials` are grpc's own, for what `tls` cannot say. `options` are grpc channel options, and win over the
    client's own. Every call can raise EndcapError.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tls: Tls | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[Option] = (),
    ) -> None:
        self._timeout_s = timeout_s
        chosen = channel_options(options, tls)
        trusted = tls.credentials() if tls else credentials
        self._channel = (
            grpc.insecure_channel(target, options=chosen)
            if trusted is None
            else grpc.secure_channel(target, trusted, options=chosen)
        )
        self._ranking = RankingServiceStub(self._channel)
        self._admin = AdminServiceStub(self._channel)

    def rank(self, *, timeout_s: float | None = None, **args: Unpack[RankArgs]) -> RankResponse:
        """Return the slate for a request; RankArgs says what it can hold."""
        return self._call(self._ranking.Rank, rank_request(**args), timeout_s)

    def batch_rank(self, requests: Iterable[RankArgs], *, timeout_s: float = BATCH_TIMEOUT_S) -> Iterator[BatchAnswer]:
        """Yield an answer to each request, in the order in which they come; `timeout_s` is for the batch as a whole.

        The requests are taken as the server is ready for them, in another thread. One that is wrong for the server has
        an answer with an error. One that cannot even be built ends the batch: its exception is raised last.
        """
        messages = BatchRequests(requests)
        call = self._ranking.BatchRank(messages, timeout=timeout_s)
        try:
            for message in call:
                yield batch_answer(message)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()
        messages.raise_failure()

    def list_strategies(self, *, timeout_s: float | None = None) -> ListStrategiesResponse:
        """Return the strategies that a request can name."""
        return self._call(self._admin.ListStrategies, ListStrategiesRequest(), timeout_s)

    def serving_state(self, *, timeout_s: float | None = None) -> GetServingStateResponse:
        """Return what the server has loaded and how it is."""
        return self._call(self._admin.GetServingState, GetServingStateRequest(), timeout_s)

    def close(self) -> None:
        """Close the connection; calls that are under way are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(
        self, method: grpc.UnaryUnaryMultiCallable[Request, Answer], request: Request, timeout_s: float | None
    ) -> Answer:
        try:
            return method(request, timeout=self._timeout_s if timeout_s is None else timeout_s)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error


class AsyncClient:
    """Calls a server from asyncio. Make it inside the running loop, and keep it.

    The arguments are those of Client. Every call can raise EndcapError.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tls: Tls | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[Option] = (),
    ) -> None:
        self._timeout_s = timeout_s
        chosen = channel_options(options, tls)
        trusted = tls.credentials() if tls else credentials
        self._channel = (
            grpc.aio.insecure_channel(target, options=chosen)
            if trusted is None
            else grpc.aio.secure_channel(target, trusted, options=chosen)
        )
        self._ranking = RankingServiceStub(self._channel)
        self._admin = AdminServiceStub(self._channel)

    async def rank(self, *, timeout_s: float | None = None, **args: Unpack[RankArgs]) -> RankResponse:
        """Return the slate for a request; RankArgs says what it can hold."""
        return await self._call(self._ranking.Rank, rank_request(**args), timeout_s)

    async def batch_rank(
        self, requests: Iterable[RankArgs], *, timeout_s: float = BATCH_TIMEOUT_S
    ) -> AsyncIterator[BatchAnswer]:
        """Yield an answer to each request, as Client.batch_rank does."""
        messages = BatchRequests(requests)
        call = self._ranking.BatchRank(messages, timeout=timeout_s)
        try:
            async for message in call:
                yield batch_answer(message)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()
        messages.raise_failure()

    async def list_strategies(self, *, timeout_s: float | None = None) -> ListStrategiesResponse:
        """Return the strategies that a request can name."""
        return await self._call(self._admin.ListStrategies, ListStrategiesRequest(), timeout_s)

    async def serving_state(self, *, timeout_s: float | None = None) -> GetServingStateResponse:
        """Return what the server has loaded and how it is."""
        return await self._call(self._admin.GetServingState, GetServingStateRequest(), timeout_s)

    async def close(self) -> None:
        """Close the connection; calls that are under way are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Answer], request: Request, timeout_s: float | None
    ) -> Answer:
        try:
            return await method(request, timeout=self._timeout_s if timeout_s is None else timeout_s)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
