"""The environment of a worker process, fixed before it imports anything native."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
# A request is one thread's work, and there are as many workers as the operator wants cores used: a native pool that
# takes all cores for each request only makes them wait for one another.
_ONE_THREAD: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def worker_environment(metrics_folder: Path) -> dict[str, str]:
    fixed = dict.fromkeys(_ONE_THREAD, "1") | {"TOKENIZERS_PARALLELISM": "false", METRICS_FOLDER: str(metrics_folder)}
    return {**os.environ, **fixed}
