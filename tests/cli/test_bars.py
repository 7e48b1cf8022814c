from __future__ import annotations

import io
import subprocess
import sys

from rich.console import Console

from endcap.cli._bars import Bars
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
