"""Which device computes; of a GPU only the choice can be tested without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from endcap.bundle.folder import BundleError
from endcap.strategies.text.device import CPU, CUDA, TENSORRT, Device, choose, gpu_vectors, open_fitting
from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.index import TextIndex
from endcap.strategies.text.info import GRAPH_NAME
from endcap.strategies.text.native import onnxruntime

GPU_BUILD = [TENSORRT, CUDA, CPU]


@pytest.mark.parametrize(
    ("device", "available", "quantised", "tensorrt", "expected"),
    [
        ("auto", [CPU], False, True, [CPU]),
        ("auto", GPU_BUILD, False, False, [CUDA, CPU]),
        ("auto", GPU_BUILD, False, True, [TENSORRT, CUDA, CPU]),
        ("auto", [CUDA, CPU], False, True, [CUDA, CPU]),
        ("auto", GPU_BUILD, True, True, [CPU]),
        ("cpu", GPU_BUILD, False, True, [CPU]),
    ],
)
def test_the_gpu_is_taken_where_it_is_there_and_fits(
    device: Device, available: list[str], quantised: bool, tensorrt: bool, expected: list[str]
) -> None:
    assert choose(device, available, quantised=quantised, tensorrt=tensorrt).providers == expected


def test_only_a_gpu_that_is_there_and_wanted_is_worth_a_warning() -> None:
    def why(device: Device, available: list[str]) -> str:
        return choose(device, available, quantised=True, tensorrt=False).why

    assert "int8" in why("auto", GPU_BUILD)
    assert [why("cpu", GPU_BUILD), why("auto", [CPU])] == ["", ""]


def test_a_graph_opens_on_this_machine_without_a_word(encoder_folder: Path) -> None:
    with capture_logs() as logs:
        session = open_fitting(encoder_folder / GRAPH_NAME, "auto", quantised=False)
    assert session.get_providers() == [CPU]
    assert logs == []


def test_a_gpu_that_is_offered_and_fails_costs_a_warning_and_no_answer(
    encoder_folder: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the GPU build is installed and the driver is not: onnxruntime opens a session on the CPU alone."""
    monkeypatch.setattr(onnxruntime(), "get_available_providers", lambda: GPU_BUILD)
    monkeypatch.setattr(onnxruntime(), "preload_dlls", lambda: None)
    with capture_logs() as logs, pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        found = Encoder.open(encoder_folder, device="auto").encode_one("milk")
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "CUDAExecutionProvider was asked for" in logs[0]["reason"]
    np.testing.assert_array_equal(found, encoder.encode_one("milk"))


def test_a_file_that_is_no_graph_is_refused_on_every_device(tmp_path: Path) -> None:
    (tmp_path / GRAPH_NAME).write_bytes(b"no graph")
    with pytest.raises(BundleError, match="is not a graph"):
        open_fitting(tmp_path / GRAPH_NAME, "auto", quantised=False)


def test_without_a_gpu_an_index_is_searched_on_the_cpu() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert gpu_vectors(vectors, "auto") is None
    numbers, _ = TextIndex(vectors, device="auto").search(vectors[2], 1)
    assert numbers.tolist() == [2]
