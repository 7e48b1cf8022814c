"""Every message of the contract survives, and the client runs, without a warning; `make matrix` asks more versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("round_trip.py")


def run(kept: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), str(kept)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_messages_and_calls_survive_and_bytes_stay_the_same(tmp_path: Path) -> None:
    kept = tmp_path / "messages.json"
    for _ in range(2):
        ended = run(kept)
        assert ended.returncode == 0, ended.stderr
        assert "messages and a call are fine" in ended.stdout


def test_bytes_that_another_version_wrote_otherwise_are_told(tmp_path: Path) -> None:
    kept = tmp_path / "messages.json"
    kept.write_text('{"endcap.v1.Event": "00"}')
    ended = run(kept)
    assert ended.returncode == 1
    assert "endcap.v1.Event" in ended.stderr
