from __future__ import annotations

import os
from pathlib import Path

import numpy  # noqa: F401  # whose threads are counted
import pytest
from threadpoolctl import threadpool_info

from endcap.training import parallel
from endcap.training.parallel import FEW_EVENTS, PARTS, Last, within_task, workers, workers_for
from endcap.training.progress import silent


def half_then_wait(gate: Path) -> str:
    """Tells that half is done, and goes on when somebody opens the gate, a named pipe."""
    progress = within_task()
    progress("a step", 1, 2)
    gate.read_bytes()
    progress("a step", 2, 2)
    return gate.name


def fail(gate: Path) -> str:
    raise ValueError(f"no way through {gate.name}")


def fail_beside_one_that_waits(gate: Path) -> str:
    return half_then_wait(gate) if gate.exists() else fail(gate)


def test_a_long_task_is_seen_halfway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "LOOKED_EVERY", 0.01)
    gates = [tmp_path / "first", tmp_path / "second"]
    for gate in gates:
        os.mkfifo(gate)
    seen: list[int] = []

    def progress(step: str, done: int = 0, total: int = 0, /) -> None:
        halfway = (step, done, total) == ("waiting", PARTS, 2 * PARTS)
        if halfway and not seen:
            for gate in gates:
                gate.write_bytes(b"")
        seen.extend([done] * halfway)

    with workers(progress, 2) as pool:
        assert pool.map_long("waiting", half_then_wait, gates) == ["first", "second"]
    assert seen


def test_an_error_in_a_long_task_does_not_wait_for_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "LOOKED_EVERY", 0.01)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with workers(silent, 2) as pool:
        with pytest.raises(ValueError, match="no way through nowhere"):
            pool.map_long("failing", fail_beside_one_that_waits, [gate, tmp_path / "nowhere"])
        gate.write_bytes(b"")


def test_progress_outside_of_a_worker_process_goes_nowhere() -> None:
    within_task()("a step", 1, 2)
    assert parallel._told is None


def test_what_was_made_last_is_kept_for_an_equal_key_and_made_anew_for_another() -> None:
    made: list[str] = []

    def make() -> str:
        made.append("once more")
        return f"thing {len(made)}"

    last: Last[str] = Last()
    assert [last.of(key, make) for key in ("a", "a", "b", "a")] == ["thing 1", "thing 1", "thing 2", "thing 3"]


def own_process(_: int) -> tuple[int, set[int]]:
    return os.getpid(), {pool["num_threads"] for pool in threadpool_info()}


def test_a_small_shops_work_is_done_in_this_process_on_one_thread() -> None:
    with workers_for(FEW_EVENTS, silent) as pool:
        assert pool.map("counting", own_process, [0, 1]) == [(os.getpid(), {1})] * 2
        assert pool.map_long("counting", own_process, [0]) == [(os.getpid(), {1})]
        with pytest.raises(ValueError, match="no way through nowhere"):
            pool.map_long("failing", fail, [Path("nowhere")])


def test_a_larger_shops_work_is_done_in_others() -> None:
    with workers_for(FEW_EVENTS + 1, silent) as pool:
        ((pid, threads),) = pool.map("counting", own_process, [0])
    assert (pid != os.getpid(), threads) == (True, {1})
