"""How tests share the machine; and a small shop, trained once a run, for whoever needs a whole bundle."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .support.shared import PROCESSES, alone

if TYPE_CHECKING:
    from endcap.training.train import Trained

MOST_PROCESSES = 4
"""Each takes a gigabyte, and the tests of a file stay together: more would wait for the longest file."""

if PROCESSES > 1:  # before anything native is loaded; those that are started by a test inherit it
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

settings.register_profile("endcap", deadline=None)  # a busy machine is no defect of what is tested
settings.load_profile("endcap")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One a core that this process may use."""
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where several processes begin at once, one compiles the machine code that is not kept yet; the others read it."""
    if hasattr(session.config, "workerinput"):
        with alone(Path(session.config.option.basetemp).parent, "compiled"):
            for stage in ("recall", "hydrate", "filter", "score", "select", "fit"):
                for component in entry_points(group=f"endcap.{stage}"):
                    component.load()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the work, files with slow tests come first, so that all end at about the same time."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def share_of_the_cores() -> Iterator[None]:
    """What starts a process for each core, as training does, starts one for each that is this test process's own."""
    own = max((os.cpu_count() or 1) // PROCESSES, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: own)
        yield


@pytest.fixture(scope="session")
def common(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def small_shop(common: Path) -> Path:
    """The small shop's shop.toml, not to be changed; its text model is a thin BERT of random weights."""
    from .support import small_bert, small_shop

    with alone(common, "small-shop") as folder:
        if (folder / "shop.toml").exists():
            return folder / "shop.toml"
        small_bert.write_model(folder / "bert")
        return small_shop.write_small_shop(folder, f'windows = 2\n\n[text]\nmodel = "{folder / "bert"}"\n')


@pytest.fixture(scope="session")
def trained(small_shop: Path, common: Path) -> Trained:
    from threadpoolctl import threadpool_limits

    from endcap.training.config import load_config
    from endcap.training.train import train

    with alone(common, "trained.pickle") as kept:
        if not kept.exists():
            with threadpool_limits(1):  # so few rows that threads would mostly wait for each other
                made = train(load_config(small_shop), small_shop.parent / "bundles")
            kept.write_bytes(pickle.dumps(made))
        found: Trained = pickle.loads(kept.read_bytes())  # noqa: S301  # of this run
        return found


@pytest.fixture(scope="session")
def trained_bundle(trained: Trained) -> Path:
    """The folder of a bundle that the real training made."""
    return trained.folder
