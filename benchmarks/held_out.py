"""The bundle that `make quality` judges, kept for the benchmarks: the demo's shop without its last 28 days."""

from __future__ import annotations

from benchmarks.common import DAYS, WORK
from endcap.cli._bars import Bars
from endcap.cli._console import notices
from endcap.cli._demo.preparation import write_tables
from endcap.training.config import load_config
from endcap.training.data.read import read_shop
from endcap.training.evaluate.evaluation import held_out
from endcap.training.evaluate.given import Options
from endcap.training.train import Stopwatch, train_on


def main() -> None:
    config = load_config(write_tables(WORK / "tables"))
    with Bars(notices()) as bars:
        holdout = held_out(read_shop(config, bars), Options(holdout_days=DAYS), config.training.seed)
        trained = train_on(holdout.known, config, WORK / "bundles", bars, Stopwatch())
    print(trained.folder)


if __name__ == "__main__":
    main()
