"""Progress of long work: a line a step, with a bar where the amount of work is known."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Display
from rich.text import Text

TELL_SECONDS = 30
"""Where nothing is drawn, long work says this often where it is."""
LEAST_SECONDS = 2
"""What is left is not guessed before."""


class Bars:
    """A Progress that draws on a terminal, and elsewhere prints each step once, when it first begins, and now and then
    where long work is.

    A step that comes again (training does the same for every window) goes on in its line; its time adds up.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.start = time.monotonic()
        self._lines: dict[str, TaskID] = {}
        self._step = ""
        self._began = self._told = self.start
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
            self._show(self._lines[step], done, total)

    def _begin(self, step: str) -> None:
        self._step, self._began = step, time.monotonic()
        if step in self._lines:
            line = self._lines[step]
            self._display.update(line, completed=0, total=None, since=self._began, first=None)
        else:
            self._lines[step] = self._display.add_task(step, total=None, spent=0.0, since=self._began, first=None)
            self._print_plainly(step)

    def _end_step(self) -> None:
        if self._step:
            line = self._lines[self._step]
            task = next(task for task in self._display.tasks if task.id == line)
            spent = task.fields["spent"] + time.monotonic() - self._began
            self._display.update(line, completed=1, total=1, spent=spent, since=None)
            self._step = ""

    def _show(self, line: TaskID, done: int, total: int) -> None:
        task = next(task for task in self._display.tasks if task.id == line)
        first = task.fields["first"]
        first = (time.monotonic(), done) if first is None else first
        self._display.update(line, completed=done, total=total, first=first)
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS and done < total:
            left = seconds_left(first, done, total, now)
            self._print_plainly(f"{task.description}: {done} of {total}{f', {left}' if left else ''}")

    def _print_plainly(self, step: str) -> None:
        self._told = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{self._told - self.start:6.1f} s  {step}", markup=False)


class _Spent(ProgressColumn):
    """Seconds that went into a step so far, and those that it will take yet."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        since = task.fields["since"]
        spent = f"{task.fields['spent'] + (time.monotonic() - since if since is not None else 0.0):5.1f} s"
        if since is None or not task.total:
            return Text(spent)
        left = seconds_left(task.fields["first"], int(task.completed), int(task.total), time.monotonic())
        return Text(f"{spent}  {task.completed:.0f}/{task.total:.0f}  {left}".rstrip())


def seconds_left(first: tuple[float, int] | None, done: int, total: int, now: float) -> str:
    """``"about 40 s left"`` at the pace since ``first`` (when, and how much was done then); empty where that says
    little. Work that goes on after an interrupt doesn't begin at nothing."""
    if first is None or done <= first[1] or now - first[0] < LEAST_SECONDS or done >= total:
        return ""
    left = (now - first[0]) / (done - first[1]) * (total - done)
    return f"about {left:.0f} s left" if left < 120 else f"about {left / 60:.0f} min left"
