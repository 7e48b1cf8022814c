from __future__ import annotations

import struct
from pathlib import Path
from threading import Timer

import pytest

from endcap.server import exposition
from endcap.server.exposition import _Files


def test_a_file_that_a_worker_is_just_making_is_read_a_moment_later(tmp_path: Path) -> None:
    made = tmp_path / "counter_0.db"
    made.touch()
    Timer(0.1, made.write_bytes, [struct.pack("i", 8) + bytes(4096)]).start()
    assert _Files(tmp_path).collect() == []


def test_a_file_that_stays_broken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "PAUSE_SECONDS", 0.0)
    (tmp_path / "counter_0.db").touch()
    with pytest.raises(struct.error):
        _Files(tmp_path).collect()
