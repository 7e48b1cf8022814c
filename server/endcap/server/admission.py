"""How much work a worker takes on, and the threads that do it.

Everything here but the tasks themselves runs on the event loop. A task holds its place from admission until its thread
is done with it, also where its caller has long gone: the place stands for work, not for a caller.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from endcap.server.errors import OutOfTime, Overloaded

T = TypeVar("T")

RETRY_SECONDS: Final = 0.1
"""What a refused caller is told to wait: about what a full queue takes to clear."""


class Admission:
    """At most ``limit`` tasks queued or running on ``threads`` threads; more are refused, or wait where they may."""

    def __init__(self, threads: int, limit: int, changed: Callable[[int], None] = lambda in_flight: None) -> None:
        self.limit = limit
        self.in_flight = 0
        self._changed = changed
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rank")

    async def run(self, task: Callable[[], T], deadline: float | None = None, *, patient: bool = False) -> T:
        """What ``task`` returns, computed on a thread.

        Raises Overloaded at once when there is no room (a ``patient`` task waits for room instead), OutOfTime when
        ``deadline`` (of time.monotonic) passes before a thread takes it up, and what ``task`` raises. When the caller
        is cancelled while the task still waits, the task never runs.
        """
        await self._enter(patient)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work = self._pool.submit(self._compute, task, deadline, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if work.cancel():  # no thread has taken it up, and none will
                self._leave()
            raise

    def _compute(self, task: Callable[[], T], deadline: float | None, answer: asyncio.Future[T]) -> None:
        """On a thread. The loop is told once, of the result and of the free place: to wake it costs more than both."""
        try:
            result = _in_time(task, deadline)
        except BaseException as error:
            _tell(answer.get_loop(), self._done, answer, None, error)
        else:
            _tell(answer.get_loop(), self._done, answer, result, None)

    def _done(self, answer: asyncio.Future[T], result: T, error: BaseException | None) -> None:
        self._leave()
        if answer.cancelled():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    async def _enter(self, patient: bool) -> None:
        while self.in_flight >= self.limit:
            if not patient:
                text = f"all {self.limit} places of this worker are taken; try again, or start more workers"
                raise Overloaded(text, RETRY_SECONDS)
            await self._room()
        self.in_flight += 1
        self._changed(self.in_flight)

    async def _room(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn came just as its owner left: pass it on
            raise

    def _leave(self) -> None:
        self.in_flight -= 1
        self._changed(self.in_flight)
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def close(self) -> None:
        """Let go of the threads, without waiting for what they still do."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _in_time(task: Callable[[], T], deadline: float | None) -> T:
    if deadline is not None and time.monotonic() >= deadline:
        raise OutOfTime
    return task()


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> None:
    """From any thread; after the loop's end there is nobody left to tell."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback, *arguments)
