"""A small shop, trained once a session by the real training, for tests that need a whole bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from endcap.training.train import Trained


settings.register_profile("endcap", deadline=None)  # a busy machine is no defect of what is tested
settings.load_profile("endcap")


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop's shop.toml; its text model is a thin BERT of random weights."""
    from .support import small_bert, small_shop

    folder = tmp_path_factory.mktemp("small-shop")
    small_bert.write_model(folder / "bert")
    return small_shop.write_small_shop(folder, '\n[text]\nmodel = "' + str(folder / "bert") + '"\n')


@pytest.fixture(scope="session")
def trained(small_shop: Path) -> Trained:
    from threadpoolctl import threadpool_limits

    from endcap.training.config import load_config
    from endcap.training.train import train

    with threadpool_limits(1):  # so few rows that threads would mostly wait for each other
        return train(load_config(small_shop), small_shop.parent / "bundles")


@pytest.fixture(scope="session")
def trained_bundle(trained: Trained) -> Path:
    """The folder of a bundle that the real training made."""
    return trained.folder
