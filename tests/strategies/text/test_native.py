from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = "from endcap.strategies.text import native; native.onnxruntime()"


def test_onnxruntime_leaves_no_trace_of_the_machine_in_the_home_folder(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", CODE], env={**environment, "HOME": str(tmp_path)}, check=True, timeout=120)
    assert not list(tmp_path.rglob("*"))
