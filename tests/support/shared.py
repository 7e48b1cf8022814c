"""What several test processes of one run share: made once, by whichever comes first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""Of this run, which share the machine's cores."""


@contextmanager
def alone(folder: Path, what: str) -> Iterator[Path]:
    """Only one process of those that come with the same ``folder`` and ``what`` is inside at a time; a file to write
    then, for those that come later to find."""
    with (folder / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / what
