"""An exported encoder of a thin random BERT, in fp32 so that results can be compared closely."""

from __future__ import annotations

from pathlib import Path

import pytest

from endcap.strategies.text.encoder import Encoder
from endcap.training.text.export import export_encoder

from ...support import small_bert


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, folder = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("encoder")
    small_bert.write_model(model)
    export_encoder(model, folder, quantise=False)
    return folder


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> Encoder:
    return Encoder.open(encoder_folder)
