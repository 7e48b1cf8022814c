"""RankingService: Rank and BatchRank."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import grpc

from endcap.server.calls import Call, Desk, abort, deadline_of
from endcap.server.codec.failure import write_error
from endcap.server.codec.request import parse, read
from endcap.server.codec.response import write, write_valid
from endcap.server.errors import CallFailed, Overloaded, fields_below
from endcap.server.serving import Serving
from endcap.server.shown import Shown
from endcap.strategies.pipeline import Timing, execute
from endcap.v1 import ranking_pb2 as pb

BATCH_WINDOW: Final = 4
"""Requests of one stream that are queued or in compute at a time."""
MAX_STREAMS: Final = 64
"""Streams that one worker keeps open at a time."""


class Ranking:
    """Every method takes bytes and gives bytes: codec and pipeline run on compute threads, beside the event loop."""

    def __init__(self, serving: Serving, desk: Desk) -> None:
        self.serving = serving
        self.desk = desk
        self.streams = 0

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        return {
            "Rank": self.desk.unary("Rank", self.rank),
            "BatchRank": grpc.stream_stream_rpc_method_handler(self.batch_rank),
        }

    def rank(self, raw: bytes, call: Call) -> bytes:
        return self.slate(parse(raw, pb.RankRequest), call).SerializeToString()

    def slate(self, request: pb.RankRequest, call: Call) -> pb.RankResponse:
        """Rank for a request within its limits, on this thread. Raises CallFailed."""
        start = time.perf_counter()
        call.request_id = request.request_id
        ask = read(request, self.serving)
        call.request_id, call.strategy = ask.request_id, ask.strategy.name
        call.timings.append(Timing("decode", "", time.perf_counter() - start))
        if ask.validate_only:
            return write_valid(ask, self.serving)
        slate = execute(ask.strategy, ask.query)
        call.run, call.shown = slate.run, Shown(ask.query, slate, ask.offset)
        start = time.perf_counter()
        response = write(ask, slate, self.serving, call.seconds)
        call.timings.append(Timing("encode", "", time.perf_counter() - start))
        return response

    async def batch_rank(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        """Answers in the order of the requests, a few of which are under way at a time."""
        self.desk.watch(context)
        if self.streams >= MAX_STREAMS:
            await abort(context, Overloaded(f"all {MAX_STREAMS} streams of this worker are taken; try again", 1.0))
        self.streams += 1
        room = asyncio.Semaphore(BATCH_WINDOW)
        answers: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()
        reader = asyncio.create_task(self._read_batch(requests, deadline_of(context), room, answers))
        try:
            while (answer := await answers.get()) is not None:
                yield await answer
                room.release()
            await reader
        finally:
            self.streams -= 1
            _cancel_all(reader, answers)

    async def _read_batch(
        self,
        requests: AsyncIterator[bytes],
        deadline: float | None,
        room: asyncio.Semaphore,
        answers: asyncio.Queue[asyncio.Task[bytes] | None],
    ) -> None:
        index = 0
        try:
            await room.acquire()
            async for raw in requests:
                answers.put_nowait(asyncio.create_task(self._one_of_batch(raw, index, deadline)))
                index += 1
                await room.acquire()
        finally:
            answers.put_nowait(None)

    async def _one_of_batch(self, raw: bytes, index: int, deadline: float | None) -> bytes:
        """A request that fails is answered by its error; the stream goes on."""
        call = Call("BatchRank", deadline)

        def answer() -> bytes:
            request = parse(raw, pb.BatchRankRequest).request
            call.request_id = request.request_id
            with fields_below("request"):
                response = self.slate(request, call)
            return pb.BatchRankResponse(
                index=index, request_id=response.request_id, response=response
            ).SerializeToString()

        try:
            return await self.desk.attend(call, answer, patient=True)
        except CallFailed as failure:
            error = write_error(failure)
            return pb.BatchRankResponse(index=index, request_id=call.request_id, error=error).SerializeToString()


def _cancel_all(reader: asyncio.Task[None], answers: asyncio.Queue[asyncio.Task[bytes] | None]) -> None:
    reader.cancel()
    while not answers.empty():
        if waiting := answers.get_nowait():
            waiting.cancel()
