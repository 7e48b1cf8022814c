"""Admission on an event loop of its own, without a server around it."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from endcap.server import admission as module
from endcap.server.admission import MOST_IN_LINE, RETRY_SECONDS, Admission
from endcap.server.errors import OutOfTime, Overloaded


async def test_no_more_tasks_run_or_wait_than_the_limit() -> None:
    admission, gate, held = await full(limit=2)
    with pytest.raises(Overloaded):
        await admission.run(gate.wait)
    gate.set()
    assert await held == [True, True]
    assert await admission.run(lambda: 3) == 3
    admission.close()


async def test_a_place_is_free_again_when_its_task_raises() -> None:
    admission = Admission(threads=1, limit=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await admission.run(lambda: 1 // 0)
        await until(lambda: admission.in_flight == 0)
    admission.close()


async def test_a_deadline_that_has_passed_keeps_a_task_from_running() -> None:
    admission, ran = Admission(threads=1, limit=1), list[int]()
    with pytest.raises(OutOfTime):
        await admission.run(lambda: ran.append(1), deadline=time.monotonic())
    assert not ran
    admission.close()


async def test_who_finds_no_place_gets_the_next_that_is_left_in_the_order_of_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 60.0)  # on the busiest machine
    (admission, gate, held), ran = await full(), list[int]()
    waiting = [asyncio.create_task(admission.run(partial(ran.append, n))) for n in range(3)]
    await asyncio.sleep(0)
    gate.set()
    late = asyncio.create_task(admission.run(partial(ran.append, 3)))
    await asyncio.gather(held, *waiting, late)
    assert ran == [0, 1, 2, 3]
    assert admission.in_flight == 0
    admission.close()


async def test_a_refusal_takes_a_while_and_leaves_every_place_as_it_was() -> None:
    admission, gate, held = await full()
    begun = time.monotonic()
    refused = await asyncio.gather(*(admission.run(lambda: 1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, Overloaded) for each in refused)
    assert time.monotonic() - begun >= 0.9 * RETRY_SECONDS
    gate.set()
    assert await held == [True]
    assert await admission.run(lambda: 2) == 2
    assert admission.in_flight == 0
    admission.close()


async def test_the_line_has_an_end_behind_which_callers_are_refused_at_once() -> None:
    admission, gate, held = await full()
    in_line = [asyncio.create_task(admission.run(lambda: 1, patient=True)) for _ in range(MOST_IN_LINE)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        admission.run(lambda: 2).send(None)  # up to where it would wait for anything
    gate.set()
    assert await asyncio.gather(held, *in_line) == [[True], *[1] * MOST_IN_LINE]
    admission.close()


async def test_who_was_refused_or_left_stands_in_nobodys_way() -> None:
    admission, gate, held = await full()
    gone = [asyncio.create_task(admission.run(lambda: 1)) for _ in range(MOST_IN_LINE)]
    await asyncio.sleep(0)
    for task in gone[::2]:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    waits = admission.run(lambda: 2)
    assert isinstance(waits.send(None), asyncio.Future)
    waits.close()
    gate.set()
    assert await held == [True]
    admission.close()


async def test_patient_tasks_wait_for_room_and_one_that_leaves_passes_its_turn_on() -> None:
    admission, gate, held = await full()
    leaving, staying = (asyncio.create_task(admission.run(lambda: 7, patient=True)) for _ in range(2))
    await asyncio.sleep(0)
    gate.set()
    leaving.cancel()
    assert await staying == 7
    assert await held == [True]
    admission.close()


async def test_what_waits_is_told_in_its_order_but_not_what_is_begun_given_up_or_late() -> None:
    admission, gate, ran = Admission(threads=1, limit=9), threading.Event(), list[str]()
    begun = asyncio.create_task(admission.run(gate.wait, about="begun"))
    await asyncio.sleep(0)
    await until(lambda: not admission.waiting(9))

    def task(name: str, deadline: float | None = None) -> asyncio.Task[None]:
        return asyncio.create_task(admission.run(lambda: ran.append(name), deadline, about=name))

    first, gone, late, *last = task("a"), task("gone"), task("late", time.monotonic()), task("b"), task("c")
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert (admission.waiting(9), admission.waiting(4)) == (["a", "b", "c"], ["a", "b"])
    gate.set()
    await asyncio.gather(begun, first, *last)
    with pytest.raises(OutOfTime):
        await late
    assert (ran, admission.waiting(9)) == (["a", "b", "c"], [])
    admission.close()


async def full(limit: int = 1) -> tuple[Admission, threading.Event, asyncio.Future[list[bool]]]:
    """An admission whose every place is taken until the event is set, and the tasks that take them."""
    admission, gate = Admission(threads=1, limit=limit), threading.Event()
    held = asyncio.gather(*(admission.run(gate.wait) for _ in range(limit)))
    await asyncio.sleep(0)
    return admission, gate, held


async def until(true: object) -> None:
    deadline = time.monotonic() + 5
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
