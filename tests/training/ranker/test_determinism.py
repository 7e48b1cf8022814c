"""The same tables, config and seed make the same bundle, byte by byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from endcap.training.train import Trained

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_trainings_with_one_seed_differ_in_nothing_but_their_time(
    trained: Trained, small_shop: Path, tmp_path: Path
) -> None:
    from threadpoolctl import threadpool_limits

    from endcap.training.config import load_config
    from endcap.training.train import train

    with threadpool_limits(1):  # so few rows that threads would mostly wait for each other
        again = train(load_config(small_shop), tmp_path / "again")
    assert again.folder.name == trained.folder.name
    one, other = contents(trained.folder), contents(again.folder)
    manifests = [json.loads(each.pop("bundle.json")) for each in (one, other)]
    assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == set()
    for manifest in manifests:
        assert manifest.pop("created")
    assert manifests[0] == manifests[1]
    assert {path.name for path in (tmp_path / "again").iterdir()} == {again.folder.name}
