"""The environment of a worker process, fixed before it imports anything native."""

from __future__ import annotations

import importlib
import os
import sys
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


def lean_import(name: str, without: tuple[str, ...]) -> None:
    """Import ``name``, where it is installed, as if the optional modules that it would bring along were not.

    A serving install has none of them. Where training is installed too, LightGBM's import of pandas and scikit-learn,
    which ranking never uses, would cost each worker a second and a hundred megabytes.
    """
    hidden = [module for module in without if module not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an import of it fails
    try:
        importlib.import_module(name)
    except ImportError:
        pass
    finally:
        for module in hidden:
            del sys.modules[module]
