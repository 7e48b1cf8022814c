"""The native libraries of the text half, each of which comes in a CPU and a GPU package of the same module name."""

from __future__ import annotations

import importlib
import os
from types import ModuleType


class MissingLibrary(ImportError):
    """A native library that an extra brings is not installed."""


def onnxruntime() -> ModuleType:
    """The module ``onnxruntime``. Raises MissingLibrary where neither of its packages is installed.

    Release 1.31 keeps a device's id below the home folder and can report to its maker, unless told not to before it is
    imported: what a shop ranks is nobody else's business.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise MissingLibrary(
            "found neither onnxruntime nor onnxruntime-gpu, of which the text half needs one: install endcap[cpu], or "
            "endcap[gpu] where there is an NVIDIA GPU (never both: they install the same module)",
            name="onnxruntime",
        ) from error


def faiss() -> ModuleType | None:
    """The module ``faiss``, or None where neither of its packages is installed: only a GPU is searched by it."""
    try:
        return importlib.import_module("faiss")
    except ModuleNotFoundError:
        return None
