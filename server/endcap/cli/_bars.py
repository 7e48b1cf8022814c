"""Progress of long work: a line a step, with a bar where the amount of work is known."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Display
from rich.text import Text


class Bars:
    """A Progress that draws on a terminal, and elsewhere prints each step once, when it first begins.

    A step that comes again (training does the same for every window) goes on in its line; its time adds up.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.start = time.monotonic()
        self._lines: dict[str, TaskID] = {}
        self._step = ""
        self._began = self.start
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), BarColumn(24), _Spent())
        self._display = Display(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end_step()
        self._display.stop()

    def __call__(self, step: str, done: int = 0, total: int = 0, /) -> None:
        if step != self._step:
            self._end_step()
            self._begin(step)
        if total:
            self._display.update(self._lines[step], completed=done, total=total)

    def _begin(self, step: str) -> None:
        self._step, self._began = step, time.monotonic()
        if step in self._lines:
            line = self._lines[step]
            self._display.update(line, completed=0, total=None, since=self._began)
        else:
            self._lines[step] = self._display.add_task(step, total=None, spent=0.0, since=self._began)
            self._print_plainly(step)

    def _end_step(self) -> None:
        if self._step:
            line = self._lines[self._step]
            task = next(task for task in self._display.tasks if task.id == line)
            spent = task.fields["spent"] + time.monotonic() - self._began
            self._display.update(line, completed=1, total=1, spent=spent, since=None)
            self._step = ""

    def _print_plainly(self, step: str) -> None:
        if not self.console.is_terminal:
            self.console.print(f"{time.monotonic() - self.start:6.1f} s  {step}", markup=False)


class _Spent(ProgressColumn):
    """Seconds that went into a step so far."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        since = task.fields["since"]
        running = time.monotonic() - since if since is not None else 0.0
        count = f"  {task.completed:.0f}/{task.total:.0f}" if since is not None and task.total else ""
        return Text(f"{task.fields['spent'] + running:5.1f} s{count}")
