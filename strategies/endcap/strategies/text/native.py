"""The two native libraries of the text half, each of which comes in a CPU and a GPU package of the same module name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class MissingLibrary(ImportError):
    """A native library that an extra brings is not installed."""


def onnxruntime() -> ModuleType:
    """The module ``onnxruntime``. Raises MissingLibrary where neither of its packages is installed.

    Release 1.31 keeps a device's id below the home folder and can report to its maker, unless told not to before it is
    imported: what a shop ranks is nobody else's business.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return _load("onnxruntime", "onnxruntime", "onnxruntime-gpu")


def faiss() -> ModuleType:
    """The module ``faiss``. Raises MissingLibrary where neither of its packages is installed."""
    return _load("faiss", "faiss-cpu", "faiss-gpu")


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """FAISS computes on the calling thread alone. OpenMP keeps this setting a thread, so others aren't touched."""
    library = faiss()
    before = library.omp_get_max_threads()
    library.omp_set_num_threads(1)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)


def _load(module: str, cpu: str, gpu: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingLibrary(
            f"found neither {cpu} nor {gpu}, of which the text half needs one: install endcap[cpu], or endcap[gpu] "
            "where there is an NVIDIA GPU (never both: they install the same module)",
            name=module,
        ) from error
