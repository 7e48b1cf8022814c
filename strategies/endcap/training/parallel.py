"""The same work on every core, in processes of their own, each of which computes on one thread.

A small shop's work is done in this process, on one thread as well: it takes less time than starting others.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from threadpoolctl import threadpool_limits

from endcap.training.progress import Progress

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

LOOKED_EVERY = 0.5
"""Seconds between two looks at how far long tasks are."""
PARTS = 100
"""What each tells of itself, in all."""
FEW_EVENTS = 20_000
"""Of a shop whose work is done in this process."""
Told: TypeAlias = "Synchronized[int]"
A = TypeVar("A")
B = TypeVar("B")


class Workers:
    """Processes started once and used by several steps: each costs a second of imports."""

    def __init__(self, pool: Executor, count: int, progress: Progress, told: Told) -> None:
        self._pool = pool
        self.count = count
        """Of processes."""
        self._progress = progress
        self._told = told

    def map(self, step: str, work: Callable[[A], B], tasks: Sequence[A]) -> list[B]:
        """``work`` on every task, in the order of ``tasks``. The first error is raised here."""
        results = []
        self._progress(step, 0, len(tasks))
        for done, result in enumerate(self.begin(work, tasks), 1):
            results.append(result)
            self._progress(step, done, len(tasks))
        return results

    def map_long(self, step: str, work: Callable[[A], B], tasks: Sequence[A]) -> list[B]:
        """``map`` for tasks that are few and long, and tell ``within_task`` how far they are."""
        self._told.value = 0
        with _interrupts_held():
            futures = [self._pool.submit(work, task) for task in tasks]
        while (seen := wait(futures, LOOKED_EVERY, FIRST_EXCEPTION)).not_done:
            for future in seen.done:
                future.result()  # an error is raised here, not after the others
            self._progress(step, self._told.value, PARTS * len(tasks))
        return [future.result() for future in futures]

    def begin(self, work: Callable[[A], B], tasks: Sequence[A]) -> Iterator[B]:
        """The same without waiting: whoever reads the results does, and gets the first error."""
        with _interrupts_held():
            return self._pool.map(work, tasks)  # starts what processes are still missing


class Last(Generic[A]):
    """What the last call made, for the next with an equal key: most tasks of a process open the bundle of the one
    before, and opening one with all that it serves takes as long as dozens of requests."""

    def __init__(self) -> None:
        self._kept: tuple[Hashable, A] | None = None

    def of(self, key: Hashable, make: Callable[[], A]) -> A:
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # not two of them in memory at a time
            self._kept = key, make()
        return self._kept[1]


class _Here(Executor):
    """This process, one task after the other."""

    def submit(self, work: Callable[..., B], /, *arguments: Any, **named: Any) -> Future[B]:
        future: Future[B] = Future()
        with threadpool_limits(1):
            try:
                future.set_result(work(*arguments, **named))
            except Exception as error:
                future.set_exception(error)
        return future


def workers_for(events: int, progress: Progress) -> AbstractContextManager[Workers]:
    """Workers for a shop of so many events."""
    return workers(progress, 0 if events <= FEW_EVENTS else None)


@contextmanager
def workers(progress: Progress, count: int | None = None) -> Iterator[Workers]:
    """``count`` processes, by default one a core; spawned, since native thread pools do not survive a fork. 0: none but
    this one."""
    context = multiprocessing.get_context("spawn")
    told = context.Value("q", 0)
    if count is None:
        count = os.cpu_count() or 1
    pool = ProcessPoolExecutor(count, context, _begin, (told,)) if count else _Here()
    try:
        yield Workers(pool, max(count, 1), progress, told)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started inside are deaf to Ctrl-C, which a terminal sends to all of them: it is for this process to end
    them, without a traceback from each."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_told: Told | None = None
"""In a worker process: what all of them tell how far they are by."""


def within_task() -> Progress:
    """For a task of ``map_long``: a Progress of the whole task, which its caller shows."""
    before = 0

    def progress(step: str, done: int = 0, total: int = 0, /) -> None:
        nonlocal before
        if _told is not None and total:
            now = PARTS * done // total
            with _told.get_lock():
                _told.value += now - before
            before = now

    return progress


def _begin(told: Told) -> None:
    global _told
    _told = told
    _one_thread()


def _one_thread() -> None:
    """For libraries yet to be loaded by their environment, for numpy's, loaded here, by a call."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    import numpy  # noqa: F401

    threadpool_limits(1)
