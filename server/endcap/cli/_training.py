"""Training as commands run it: with bars, a watch on memory, and every mistake of the shop's told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from endcap.cli._bars import Bars
from endcap.cli._console import notices
from endcap.cli._errors import refuse
from endcap.cli._memory import PeakMemory
from endcap.cli._signals import Stopped, stoppable

if TYPE_CHECKING:
    from endcap.training.config import ShopConfig
    from endcap.training.progress import Progress
    from endcap.training.train import Trained

NEEDED = {
    "endcap[train]": ("polars", "bm25s", "implicit", "torch", "transformers", "onnx"),
    "endcap[cpu]": ("faiss", "onnxruntime"),
}
"""What training imports, by the extra that brings it; [gpu] has what [cpu] has. A serving install lacks the former."""


class Outcome(NamedTuple):
    trained: Trained
    seconds: float
    peak_mib: float


def require_training() -> None:
    """Ends the command where something that training imports is not installed."""
    lacking = {extra: [name for name in names if find_spec(name) is None] for extra, names in NEEDED.items()}
    missing = [name for names in lacking.values() for name in names]
    if missing:
        extras = " ".join(f"'{extra}'" for extra, names in lacking.items() if names)
        refuse(f"training needs {', '.join(missing)}, not installed here: pip install {extras}")


def run_training(config: Path, out: Path) -> Outcome:
    """Train on ``config`` into ``out``. Ends the command on anything that the shop has to put right, and on Ctrl-C."""
    with mistakes_told(out, "no bundle was written"), stoppable(), PeakMemory() as memory, Bars(notices()) as bars:
        trained = _train(config, out, bars)
        return Outcome(trained, sum(trained.seconds.values()), memory.mib)


@contextmanager
def mistakes_told(out: Path, without: str) -> Iterator[None]:
    """Ends the command on what the shop has to put right, in one line; on Ctrl-C it says what was left undone.

    ``out`` is what a failed write is blamed on where the system names no file.
    """
    require_training()
    from concurrent.futures.process import BrokenProcessPool

    from endcap.bundle.folder import BundleError
    from endcap.strategies.tables import StrategyError
    from endcap.training.errors import TrainingInputError

    try:
        yield
    except (TrainingInputError, StrategyError, BundleError, ImportError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or out}: {error.strerror or error}")
    except BrokenProcessPool:
        refuse("the system ended one of the processes at work, most likely for want of memory; free some and try again")
    except Stopped as stopped:
        typer.echo(f"endcap: stopped; {without}", err=True)
        raise typer.Exit(stopped.exit_code) from None


def _train(config: Path, out: Path, progress: Progress) -> Trained:
    loaded = read_config(config)  # before the imports that take seconds: a slip of the pen shows at once
    from endcap.training.train import train

    return train(loaded, out, progress)


def read_config(path: Path) -> ShopConfig:
    """The shop's TOML. Raises ConfigError or StrategyError, which name the file, also for a strategy of its own that
    names a component that is not installed."""
    from endcap.strategies.registry import check_tables
    from endcap.strategies.tables import StrategyError
    from endcap.training.config import load_config

    config = load_config(path)
    try:
        check_tables(config.strategies, config.default_strategy)
    except StrategyError as error:
        raise StrategyError(f"{path}: {error}") from error
    return config
