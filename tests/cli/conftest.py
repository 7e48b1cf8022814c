"""Commands run in this process, and a live server of the small shop's bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from threadpoolctl import threadpool_limits

from endcap.cli import main

from ..support.live import Live


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    errors: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `endcap` with the given arguments."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended, threadpool_limits(1):
            main([str(argument) for argument in arguments])
        code = ended.value.code or 0
        return Ended(code if isinstance(code, int) else 1, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def server(trained_bundle: Path) -> Iterator[Live]:
    with Live(trained_bundle) as live:
        yield live
