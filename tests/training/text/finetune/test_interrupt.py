"""Ctrl-C in the middle of `endcap train` costs what came after the last checkpoint, no more."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ....support import small_bert
from ....support.live import endcap, wait_for
from ....support.small_shop import write_small_shop

SETTINGS = "windows = 1\n\n[text]\nmodel = {model!r}\nfinetune = true\nsteps = {steps}\npatience = 999\n"


@pytest.mark.slow
def test_training_keeps_a_checkpoint_goes_on_from_it_and_clears_it_away(tmp_path: Path) -> None:
    small_bert.write_model(tmp_path / "bert")
    config = write_small_shop(tmp_path, SETTINGS.format(model=str(tmp_path / "bert"), steps=20_000))
    out = tmp_path / "bundles"
    kept = out / ".learning" / "text"
    with started(config, out) as first:
        wait_for(lambda: kept.is_dir() and any(kept.glob("*.safetensors")), "a checkpoint", 120)
        first.send_signal(signal.SIGINT)
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 130, errors
    assert [path.name for path in out.iterdir()] == [".learning"]

    config.write_text(config.read_text() + "minutes = 0.00001\n")  # of which more than that is spent already
    with started(config, out) as second:
        told, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    bundle = Path(told.splitlines()[-1])
    assert [path.name for path in out.iterdir()] == [bundle.name]
    learned = (bundle / "text" / "learning.json").read_text()
    assert '"ended": "minutes"' in learned
    assert '"steps": 1,' not in learned  # it did not begin anew


def started(config: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        endcap("train", "--config", str(config), "--out", str(out)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
