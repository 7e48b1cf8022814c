"""The drivers and the servers, once a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .driver import Driver, Missing, running, wanted
from .servers import Servers, servers


@pytest.fixture(scope="session", params=wanted())
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Each language in turn. One whose toolchain is missing is skipped, but in CI that is a failure."""
    try:
        with running(request.param, tmp_path_factory.mktemp("drivers")) as driver:
            yield driver
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def served(trained_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(trained_bundle, tmp_path_factory.mktemp("servers")) as found:
        yield found


@pytest.fixture(scope="session")
def agreed() -> dict[str, tuple[str, object]]:
    """By case: the language that was first to answer, and what it was answered."""
    return {}
