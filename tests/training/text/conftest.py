"""A thin random BERT, which exports in well under a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...support import small_bert


@pytest.fixture(scope="session")
def saved_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared and not to be changed; `bert` is a copy for one test."""
    folder = tmp_path_factory.mktemp("saved") / "thin-bert"
    small_bert.write_model(folder)
    return folder


@pytest.fixture
def bert(saved_bert: Path, tmp_path: Path) -> Path:
    return small_bert.copy_of(saved_bert, tmp_path / "models")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
