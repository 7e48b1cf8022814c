"""RankingService: Rank and BatchRank."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

import grpc

from endcap.server.calls import Call, Desk, abort, deadline_of
from endcap.server.codec.asked import Asked
from endcap.server.codec.cached import slate_key, slate_tags
from endcap.server.codec.failure import write_error
from endcap.server.codec.request import Ask, parse
from endcap.server.codec.response import ResponseWriter, write_one_of_batch
from endcap.server.errors import CallFailed, Overloaded
from endcap.server.serving import Serving
from endcap.server.shown import Shown
from endcap.server.slates import Kept, Key, SlateCache
from endcap.strategies.pipeline import Slate, Timing, execute
from endcap.strategies.text.space import text_space
from endcap.v1 import ranking_pb2 as pb

BATCH_WINDOW: Final = 4
"""Requests of one stream that are queued or in compute at a time."""
LOOKED_AT: Final = 4
"""So many requests that wait are looked at, and read, by one that is begun and has words to be encoded."""
MAX_STREAMS: Final = 64
"""Streams that one worker keeps open at a time."""


class Ranking:
    """Every method takes bytes and gives bytes: codec and pipeline run on compute threads, beside the event loop."""

    def __init__(self, serving: Serving, desk: Desk, slates: SlateCache) -> None:
        self.serving = serving
        self.desk = desk
        self.slates = slates
        self.writer = ResponseWriter(serving)
        self.streams = 0

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        return {
            "Rank": self.desk.unary("Rank", self.rank, asked=self.asked),
            "BatchRank": grpc.stream_stream_rpc_method_handler(self.batch_rank),
        }

    def asked(self, raw: bytes) -> Asked:
        return Asked(lambda: parse(raw, pb.RankRequest), self.serving)

    def rank(self, raw: bytes, call: Call) -> bytes:
        return self._answer(call.asked or self.asked(raw), call)

    def answer(self, request: pb.RankRequest, call: Call) -> bytes:
        """Rank for a request within its limits, on this thread. Returns a RankResponse. Raises CallFailed."""
        return self._answer(Asked(lambda: request, self.serving), call)

    def _answer(self, asked: Asked, call: Call) -> bytes:
        try:
            request, ask, seconds = asked.begin()
        finally:
            call.request_id = asked.request_id
        call.request_id, call.strategy = ask.request_id, ask.strategy.name
        call.timings.append(Timing("decode", "", seconds))
        if ask.validate_only:
            return self.writer.write_valid(ask)
        if call.computing and (waiting := self.desk.admission.waiting(LOOKED_AT)):
            self._encode_ahead(ask, call, waiting)
        key = slate_key(request, ask, self.serving)
        return self._ranked(ask, call) if key is None else self._cached(key, request, ask, call)

    def _encode_ahead(self, ask: Ask, call: Call, waiting: Sequence[Call]) -> None:
        """Have this request's words, and those of some that wait, encoded together. What fails here fails once more
        where a component asks for the vector, and is told of there."""
        start = time.perf_counter()
        with suppress(Exception):
            if words := ask.strategy.words_to_encode(ask.query):
                encoder = text_space(self.serving.bundle).encoder
                call.encoded_together = encoder.encode_ahead(chain(words, _words_of(waiting)))
        if call.encoded_together:
            call.timings.append(Timing("encode_ahead", "", time.perf_counter() - start))

    def _ranked(self, ask: Ask, call: Call) -> bytes:
        slate = self._execute(ask, call)
        start = time.perf_counter()
        body = self.writer.write(ask, slate)
        timings = (*slate.run.timings, Timing("total", "", call.seconds))
        own = self.writer.sign(ask, slate, ask.query.now, timings)
        call.timings.append(Timing("encode", "", time.perf_counter() - start))
        return body + own

    def _execute(self, ask: Ask, call: Call) -> Slate:
        slate = execute(ask.strategy, ask.query, every_column=ask.explain)
        call.run, call.shown = slate.run, Shown(ask.query, slate, ask.offset)
        return slate

    def _cached(self, key: Key, request: pb.RankRequest, ask: Ask, call: Call) -> bytes:
        """A slate of the cache, or else one for it, and what belongs to this request behind it."""

        def make() -> Kept:
            slate = self._execute(ask, call)
            tags = slate_tags(request, self.serving.bundle.catalog.ids.ids.take(slate.items), ask)
            return Kept(self.writer.write(ask, slate), slate, ask.query.now, tags)

        start = time.perf_counter()
        kept, found = self.slates.answer(key, ask.strategy.cache.seconds, make, call.deadline)
        call.cache = "hit" if found else "miss"
        timings = [Timing("cache", "", time.perf_counter() - start)] if found else kept.slate.run.timings
        call.timings += timings if found else ()
        call.shown = Shown(ask.query, kept.slate, ask.offset)
        own = self.writer.sign(ask, kept.slate, kept.now, (*timings, Timing("total", "", call.seconds)))
        return kept.body + own

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
        asked = Asked(lambda: parse(raw, pb.BatchRankRequest).request, self.serving, "request")
        call = Call("BatchRank", deadline, asked=asked)

        def answer() -> bytes:
            return write_one_of_batch(index, self._answer(asked, call), call.request_id)

        try:
            return await self.desk.attend(call, answer, patient=True)
        except CallFailed as failure:
            error = write_error(failure)
            return pb.BatchRankResponse(index=index, request_id=call.request_id, error=error).SerializeToString()


def _words_of(calls: Sequence[Call]) -> Iterator[str]:
    """The words that calls which wait will have encoded; each is read only once it is asked for."""
    return chain.from_iterable(call.asked.words_ahead() for call in calls if call.asked is not None)


def _cancel_all(reader: asyncio.Task[None], answers: asyncio.Queue[asyncio.Task[bytes] | None]) -> None:
    reader.cancel()
    while not answers.empty():
        if waiting := answers.get_nowait():
            waiting.cancel()
