"""How much work a worker takes on, and the threads that do it.

Everything here but the tasks themselves runs on the event loop. A task holds its place from admission until its thread
is done with it, also where its caller has long gone: the place stands for work, not for a caller.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, Generic, TypeVar

from endcap.server.errors import OutOfTime, Overloaded

T = TypeVar("T")

RETRY_SECONDS: Final = 0.1
"""What a refused caller is told to wait: about what a full queue takes to clear. It has waited as long for a
place: a refusal costs a tenth of an answer, and callers who come again at once left no time for answers."""
MOST_IN_LINE: Final = 1024
"""So many callers are kept waiting; who comes behind them is refused at once."""


class Admission:
    """At most ``limit`` tasks queued or running on ``threads`` threads; more wait in line for RETRY_SECONDS, and then
    are refused.

    The threads are its own: with the standard library's pool, whose futures have a lock and a condition each, the way
    to a thread and back takes half as much again.
    """

    def __init__(self, threads: int, limit: int, changed: Callable[[int], None] = lambda in_flight: None) -> None:
        self.limit = limit
        self.in_flight = 0
        self._changed = changed
        self._line: deque[asyncio.Future[None]] = deque()
        self._told: deque[tuple[asyncio.Future[Any], object, BaseException | None]] = deque()
        self._telling = False
        self._loop: asyncio.AbstractEventLoop | None = None  # asked for once: to ask costs a call of the system
        self._works: deque[_Work[Any]] = deque()
        self._turns: SimpleQueue[bool] = SimpleQueue()  # one True for each of the works; False ends a thread
        self._threads = [Thread(target=self._work_off, name=f"rank_{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    async def run(
        self, task: Callable[[], T], deadline: float | None = None, *, patient: bool = False, about: object = None
    ) -> T:
        """What ``task`` returns, computed on a thread. ``about`` is what ``waiting`` tells of it meanwhile.

        Raises Overloaded when there is no place for it for RETRY_SECONDS (a ``patient`` task waits for ever), OutOfTime
        when ``deadline`` (of time.monotonic) passes before a thread takes it up, and what ``task`` raises. When the
        caller is cancelled while the task still waits, the task never runs.
        """
        self._loop = self._loop or asyncio.get_running_loop()
        if self.in_flight < self.limit:
            self.in_flight += 1
            self._changed(self.in_flight)
        else:
            await self._place(self._loop, patient)
        work: _Work[T] = _Work(task, deadline, self._loop.create_future(), about)
        self._hand_over(work)
        try:
            return await work.answer
        except asyncio.CancelledError:
            if work.take():  # no thread has taken it up, and none will
                self._leave()
            raise

    def waiting(self, most: int) -> list[Any]:
        """What the next tasks are about that wait for a thread, the next one first, of at most ``most`` that are looked
        at. From any thread: one or the other may be begun, or given up, before this returns."""
        works: list[_Work[Any]] = []
        with suppress(IndexError):  # they grow fewer meanwhile
            works.extend(self._works[place] for place in range(min(most, len(self._works))))
        return [work.about for work in works if work.waits]

    def _hand_over(self, work: _Work[Any]) -> None:
        self._works.append(work)
        self._turns.put(True)

    def _work_off(self) -> None:
        """What a thread does until ``close``."""
        while self._work_one_off():
            pass

    def _work_one_off(self) -> bool:
        turn = self._turns.get()
        if turn and (work := self._works.popleft()).take():
            self._compute(work)
        return turn

    def _compute(self, work: _Work[T]) -> None:
        """On a thread. The loop is told once, of the result and of the free place: to wake it costs more than both."""
        try:
            result = work.result()
        except BaseException as error:
            self._tell(work.answer, None, error)
        else:
            self._tell(work.answer, result, None)

    def _tell(self, answer: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        """From any thread. What is told before the loop has listened is heard together; after the loop's end there is
        nobody left to tell."""
        self._told.append((answer, result, error))
        loop = answer.get_loop()
        if not (self._telling or loop.is_closed()):
            self._telling = True
            loop.call_soon_threadsafe(self._listen)

    def _listen(self) -> None:
        self._telling = False  # first: who tells from now on wakes the loop once more
        while self._told:
            self._done(*self._told.popleft())

    def _done(self, answer: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        self._leave()
        if answer.cancelled():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    async def _place(self, loop: asyncio.AbstractEventLoop, patient: bool) -> None:
        """Returns with a place that somebody left. Raises Overloaded."""
        if not patient and len(self._line) >= MOST_IN_LINE:
            raise self._full()
        turn = loop.create_future()
        self._line.append(turn)
        patience = None if patient else loop.call_later(RETRY_SECONDS, self._refuse, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._out_of_line(turn)
            elif turn.exception() is None:
                self._leave()  # the turn came just as its owner left: pass it on
            raise
        finally:
            if patience is not None:
                patience.cancel()

    def _refuse(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._out_of_line(turn)
            turn.set_exception(self._full())

    def _out_of_line(self, turn: asyncio.Future[None]) -> None:
        with suppress(ValueError):  # who leaves a place may have passed it over already
            self._line.remove(turn)

    def _full(self) -> Overloaded:
        text = f"all {self.limit} places of this worker are taken; try again, or start more workers"
        return Overloaded(text, RETRY_SECONDS)

    def _leave(self) -> None:
        """Give a place up, to who is the next in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.in_flight -= 1
        self._changed(self.in_flight)

    def close(self) -> None:
        """Let go of the threads, without waiting for what they still do. What still waits for one never runs."""
        with suppress(Empty):
            while True:
                self._turns.get_nowait()
        for _ in self._threads:
            self._turns.put(False)


class _Work(Generic[T]):
    """A task on its way to a thread."""

    __slots__ = ("_taken", "about", "answer", "deadline", "task")

    def __init__(self, task: Callable[[], T], deadline: float | None, answer: asyncio.Future[T], about: object) -> None:
        self.task, self.deadline, self.answer, self.about = task, deadline, answer, about
        self._taken = Lock()

    @property
    def waits(self) -> bool:
        """Whether a thread may still compute it: it is neither begun, given up, nor late."""
        return not (self._taken.locked() or self._late())

    def take(self) -> bool:
        """Whether it was free: only one gets it, a thread that computes it or the caller who gives up on it."""
        return self._taken.acquire(blocking=False)

    def result(self) -> T:
        if self._late():
            raise OutOfTime
        return self.task()

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline
