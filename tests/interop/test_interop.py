"""Every language's client does the same: the table of cases, and a server that dies in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.live import Live, wait_for
from .checks import check, comparable
from .driver import Driver
from .scripted import Script
from .servers import Servers, plain_channel
from .table import Case, read_cases

Record = Callable[[str, object], None]
CALLS, KILLED_AT = 200, 20


def test_build(driver: Driver, record_property: Record) -> None:
    record_property("ms", driver.build_ms)


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.id)
def test_case(
    driver: Driver, case: Case, served: Servers, agreed: dict[str, tuple[str, object]], record_property: Record
) -> None:
    key = case.request_id(driver.language)
    if case.script:
        served.scripts.scripts[key] = Script(**case.script)
    channel = {"target": served.target(case.server), "tls": served.tls_of(case.client)}
    answer = driver.ask(case.id, channel, case.method, case.asked_by(driver.language), case.timeout_ms)
    record_property("ms", answer.elapsed_ms)
    check(answer, case.expect, served.scripts.attempts[key] if case.script else ())
    first, theirs = agreed.setdefault(case.id, (driver.language, comparable(answer)))
    assert comparable(answer) == theirs, f"{driver.language} was answered other than {first}"


def test_killed_worker_then_dead_server(driver: Driver, served: Servers, record_property: Record) -> None:
    """No call fails for a worker that is killed between and during calls; all fail at once when the server is gone."""
    with served.two_workers() as live:
        channel = plain_channel(live.address)
        state = driver.ask("state", channel, "GetServingState", [{}])
        victim = worker(live, state.responses[0].worker_index)
        for number in range(CALLS):
            driver.send(f"call-{number}", channel, "Rank", [{"userId": "u1", "pageSize": 3}])
        for number in range(CALLS):
            if number == KILLED_AT:
                os.kill(victim, signal.SIGKILL)
            answer = driver.receive(f"call-{number}", "Rank")
            check(answer, {"items": 3})
        wait_for(lambda: not Path(f"/proc/{victim}").exists(), "the worker to be gone")
        check(driver.ask("after", channel, "Rank", [{"userId": "u1", "pageSize": 3}]), {"items": 3})
    answer = driver.ask("dead", channel, "Rank", [{"userId": "u1"}])
    record_property("ms", answer.elapsed_ms)
    check(answer, {"code": "UNAVAILABLE", "message": "*", "most_ms": 10000})


def worker(live: Live, index: int) -> int:
    """The process id of a worker by its place."""
    charges = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in live.workers()}
    return next(pid for pid, charge in charges.items() if f'"worker":{index}' in charge)
