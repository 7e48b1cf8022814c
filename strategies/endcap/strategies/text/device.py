"""Which device computes a graph and searches an index: a GPU where one can be used, else the CPU, and why.

Of the code for GPUs only the choice between devices has been run, on machines without one.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import structlog

from endcap.bundle.folder import BundleError
from endcap.strategies.text import native

Device = Literal["auto", "cpu"]
CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
TENSORRT: Final = "TensorrtExecutionProvider"
GPU_LIMIT: Final = 2_048
"""FAISS finds no more than this on a GPU."""
log = structlog.get_logger("endcap.text")


class ProviderError(RuntimeError):
    """A device was asked for and ONNX Runtime would have computed elsewhere without a word."""


class Choice(NamedTuple):
    providers: list[str]
    """In order of preference; the CPU is always among them, for what a GPU has no operator for."""
    why: str = ""
    """Why it is the CPU though there seems to be a GPU."""


def choose(device: Device, available: Collection[str], *, quantised: bool, tensorrt: bool) -> Choice:
    """The providers for a graph, of those that this onnxruntime was built with.

    ``tensorrt`` says whether its library is installed, too, which the build cannot know.
    """
    if device == "cpu" or CUDA not in available:
        return Choice([CPU])
    if quantised:
        return Choice([CPU], "its int8 graph is made for CPUs: CUDA has no DynamicQuantizeLinear; train with fp32")
    return Choice([TENSORRT] * (tensorrt and TENSORRT in available) + [CUDA, CPU])


def open_fitting(path: Path, device: Device, *, quantised: bool, threads: int = 1) -> Any:
    """A graph ready to run on the best device that it can be opened on. Says in the log why it is not the GPU.

    Raises BundleError where it cannot be read even on the CPU, MissingLibrary without onnxruntime.
    """
    available = native.onnxruntime().get_available_providers()
    choice = choose(device, available, quantised=quantised, tensorrt=find_spec("tensorrt") is not None)
    if choice.providers != [CPU]:
        try:
            return open_session(path, choice.providers, threads)
        except (ProviderError, BundleError) as error:
            choice = Choice([CPU], str(error))
    if choice.why:
        log.warning("on the CPU and not on the GPU", file=path.name, reason=choice.why)
    return open_session(path, choice.providers, threads)


def open_session(path: Path, providers: list[str], threads: int) -> Any:
    """A graph ready to run. Raises BundleError where it cannot be read, ProviderError where a provider is not to be
    had."""
    library = native.onnxruntime()
    _check_providers(providers, library.get_available_providers(), "this onnxruntime offers")
    if CUDA in providers:
        library.preload_dlls()  # CUDA and cuDNN as pip brings them, which the system's loader does not find
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = library.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # the library's own types share no base
        raise BundleError(f"{path} is not a graph that onnxruntime {library.__version__} runs: {error}") from error
    _check_providers(providers, session.get_providers(), "the session runs on")
    return session


def _check_providers(wanted: list[str], found: list[str], where: str) -> None:
    """Raises ProviderError unless every wanted provider is there: ONNX Runtime itself only warns and takes the CPU."""
    if missing := [name for name in wanted if name not in found]:
        raise ProviderError(
            f"{', '.join(missing)} was asked for, but {where} {', '.join(found)} only: install endcap[gpu] instead of "
            "endcap[cpu] and check the GPU's driver, or ask for the CPU"
        )


class GpuVectors:
    """A copy of vectors in the memory of the first GPU, searched exactly. Safe to share between threads."""

    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        """Raises RuntimeError where the GPU has no room, or another fault."""
        faiss: Any = native.faiss()
        self._resources = faiss.StandardGpuResources()
        self._index = faiss.GpuIndexFlatIP(self._resources, vectors.shape[1])
        self._index.add(vectors)
        self._lock = Lock()  # FAISS bears one search at a time on a GPU's resources

    def search(
        self, vector: npt.NDArray[np.float32], limit: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """(numbers int32[limit], inner products float32[limit]) of the nearest, products falling, equal ones by
        number."""
        with self._lock:
            cosines, numbers = self._index.search(np.ascontiguousarray(vector[None], np.float32), limit)
        order = np.lexsort((numbers[0], -cosines[0]))
        return numbers[0][order].astype(np.int32), cosines[0][order].astype(np.float32)


def gpu_vectors(vectors: npt.NDArray[np.float32], device: Device) -> GpuVectors | None:
    """None where there is no GPU, no FAISS that was built for one, or the GPU fails: of the last the log says why."""
    faiss: Any = None if device == "cpu" else native.faiss()
    if not hasattr(faiss, "StandardGpuResources"):  # nor has None
        return None
    try:
        return GpuVectors(vectors) if faiss.get_num_gpus() else None
    except RuntimeError as error:
        log.warning("on the CPU and not on the GPU", file="the vectors of texts", reason=str(error))
        return None
