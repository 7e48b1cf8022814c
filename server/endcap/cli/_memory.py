"""How much memory a piece of work takes, its child processes included."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

PERIOD_SECONDS = 0.5


class PeakMemory:
    """Watches this process and its descendants; ``mib`` is the most they held at once, in MiB.

    Proportional set size: a page that several of them share counts once in all. 0 where /proc does not tell.
    """

    def __init__(self) -> None:
        self.mib = 0.0
        self.pid = os.getpid()
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._watcher.join()

    def look(self) -> None:
        """Measure now; the watcher does so every half second."""
        self.mib = max(self.mib, sum(field_kib(pid, "Pss") for pid in family(self.pid)) / 1024)

    def _watch(self) -> None:
        while not self._end.wait(PERIOD_SECONDS):
            self.look()


def family(pid: int) -> list[int]:
    """``pid`` and all its descendants that are there now."""
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        children += map(int, _read(path).split())
    return [pid, *(member for child in children for member in family(child))]


def field_kib(pid: int, field: str) -> int:
    """A field of /proc/PID/smaps_rollup, such as Pss or Private_Dirty; 0 for a process that is gone."""
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
