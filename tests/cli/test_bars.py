from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from endcap.cli._bars import Bars, seconds_left
from endcap.cli._memory import PeakMemory, family, field_kib


def _drawn(terminal: bool) -> str:
    file = io.StringIO()
    with Bars(Console(file=file, width=100, force_terminal=terminal)) as progress:
        progress("fitting als")
        progress("item to item", 0, 80)
        progress("item to item", 40, 80)
        progress("fitting als")
    return file.getvalue()


def test_in_a_file_each_step_is_one_line_however_often_it_comes() -> None:
    lines = _drawn(terminal=False).splitlines()
    assert [line.split("s  ")[1] for line in lines] == ["fitting als", "item to item"]


def test_on_a_terminal_all_steps_end_ticked() -> None:
    last = _drawn(terminal=True).splitlines()[-3:-1]  # then the cursor comes back
    assert all("✓" in line for line in last)


def test_what_is_left_follows_the_pace_since_the_first_count() -> None:
    assert seconds_left((100.0, 25), 50, 100, 110.0) == "about 20 s left"  # 25 in 10 s; those before an interrupt not
    assert seconds_left((100.0, 0), 10, 100, 160.0) == "about 9 min left"


def test_nothing_is_guessed_too_early_or_when_all_is_done() -> None:
    assert seconds_left((100.0, 0), 1, 100, 100.5) == ""
    assert seconds_left((100.0, 5), 5, 100, 200.0) == ""
    assert seconds_left((100.0, 0), 100, 100, 200.0) == ""
    assert seconds_left(None, 1, 2, 1.0) == ""


def test_in_a_file_long_work_says_now_and_then_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endcap.cli._bars.TELL_SECONDS", 0)
    lines = _drawn(terminal=False).splitlines()
    assert any(line.endswith("item to item: 40 of 80") for line in lines)


def test_peak_memory_counts_child_processes() -> None:
    with PeakMemory() as memory:
        held = 40 * 1024 * 1024
        code = f"import sys; held = b'x' * {held}; print(flush=True); sys.stdin.read()"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(memory.pid)
        alone = field_kib(child.pid, "Pss") / 1024
        memory.look()
        child.communicate()
    assert alone > 40
    assert memory.mib > alone


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert field_kib(2**22 + 1, "Pss") == 0
