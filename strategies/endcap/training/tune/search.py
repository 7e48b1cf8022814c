"""The search itself: try settings on a window before the days held back, keep every trial in a file, go on from there.

The best of many trials looks better than it is. That is why the days that `endcap evaluate` asks for are never read
here, and why the result says how far the best is ahead of what the shop has, with an interval over shoppers.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.bundle.events import Array
from endcap.bundle.writer import BundleWriter
from endcap.strategies.registry import check_tables
from endcap.training.config import ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.given import check_events
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.plain import plain
from endcap.training.evaluate.protocol import in_window, temporal
from endcap.training.evaluate.school import School, Trial, lessons_of
from endcap.training.evaluate.verdict import Asked
from endcap.training.fit.fitter import Context
from endcap.training.parallel import workers_for
from endcap.training.progress import Progress, silent
from endcap.training.ranker.trees import PARAMETERS
from endcap.training.ranker.windows import Window, cut
from endcap.training.ready import check_text_model
from endcap.training.shop import Shop
from endcap.training.snapshot import write_snapshot
from endcap.training.train import Stopwatch, strategy_table
from endcap.training.tune.space import Settings, as_it_is, suggest, with_limits
from endcap.training.tune.toml import settings_toml

METRIC = "ndcg@10"


@dataclass(frozen=True)
class Options:
    what: str = "both"
    """``limits``, ``ranker`` or ``both``."""
    trials: int = 30
    """In all, those of earlier runs among them; the first is the shop as it is."""
    holdout_days: float = 28.0
    """The last days, left for `endcap evaluate`; 0 to use them too."""
    study: Path = Path("endcap-tune.log")
    """Where trials are kept."""


def tune(config: ShopConfig, options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Raises TrainingInputError or StrategyError for what the shop has to put right, ImportError without optuna."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    check_tables(config.strategies, config.default_strategy)
    check_events(config, "a search")
    check_text_model(config)
    shop = searched(read_shop(config, progress), options)
    study = _study(config, shop, options)
    done = _finished(study)
    with ExitStack() as stack:
        trials = Trials(stack, shop, config, progress)
        for number in range(done, options.trials):
            progress("trying settings", number, options.trials)
            trial = study.ask()
            study.tell(trial, float(trials.values(suggest(trial, trials.table, options.what)).mean()))
        best = suggest(optuna.trial.FixedTrial(study.best_params), trials.table, options.what)
        return plain(_result(config, trials, best, _finished(study)))  # type: ignore[no-any-return]


def searched(shop: Shop, options: Options) -> Shop:
    """What the search may read: everything but the days that `endcap evaluate` will ask for."""
    return temporal(shop, options.holdout_days, seed=0).known if options.holdout_days else shop


class Trials:
    """What all trials share: the window that they are judged by, and the snapshots that rankers learn from."""

    def __init__(self, stack: ExitStack, shop: Shop, config: ShopConfig, progress: Progress) -> None:
        self.table = strategy_table(config)
        window, *earlier = cut(shop, config.training.horizon_days, config.training.windows + 1)
        self.bench = _bench(stack, shop, window, config, progress)
        self.school = School(self.bench, config, self.table["hydrate"], lessons_of(stack, self.bench, config, earlier))
        self.asked = Asked.of(self.bench.holdout, "all")

    def values(self, settings: Settings) -> Array:
        """float64[shoppers]: NDCG@10 of all items."""
        ((lists, _),) = self.school.lists([Trial(with_limits(self.table, settings.limits), settings.ranker)])
        return self.asked.values(lists.all)[METRIC]


def _bench(stack: ExitStack, shop: Shop, window: Window, config: ShopConfig, progress: Progress) -> Bench:
    holdout = in_window(shop, window.cutoff, window.end, config.training.seed)
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="endcap-tune-")))
    writer = stack.enter_context(BundleWriter(scratch))
    bundle = writer.preview(write_snapshot(writer, holdout.known, Context(config, progress)))
    pool = stack.enter_context(workers_for(len(shop.log), progress))
    main, seed = config.default_strategy, config.training.seed
    return Bench(holdout, bundle, main, pool, scratch, progress, Stopwatch(), seed)


def _study(config: ShopConfig, shop: Shop, options: Options) -> Any:
    """The study of this very question in the file, or a new one whose first trial is the shop as it is."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(options.study)))
    study = optuna.create_study(
        storage=storage, study_name=_name(config, shop, options), direction="maximize", load_if_exists=True
    )
    study.sampler = optuna.samplers.TPESampler(seed=config.training.seed + len(study.trials))
    if not study.trials:
        study.enqueue_trial(as_it_is(strategy_table(config), {**PARAMETERS, **config.training.ranker.given}))
    return study


def _name(config: ShopConfig, shop: Shop, options: Options) -> str:
    """Another configuration, other events or another question make another study."""
    asked = f"{config.model_dump_json()} {len(shop.log)} {shop.data_end} {options.what} {options.holdout_days}"
    return f"{config.name}-{options.what}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def _finished(study: Any) -> int:
    return sum(trial.value is not None for trial in study.trials)


def _result(config: ShopConfig, trials: Trials, best: Settings, count: int) -> dict[str, Any]:
    ours, theirs = trials.values(Settings({}, {})), trials.values(best)
    low, high = interval(bootstrap_means((theirs - ours)[:, None], config.training.seed))[:, 0]
    table = with_limits(trials.table, best.limits) if best.limits else None
    return {
        "trials": count,
        "shoppers": len(trials.asked.rows),
        "metric": METRIC,
        "as_it_is": float(ours.mean()),
        "best": float(theirs.mean()),
        "ahead": {"difference": float((theirs - ours).mean()), "interval": [float(low), float(high)]},
        "limits": dict(best.limits),
        "ranker": dict(best.ranker),
        "toml": settings_toml(best.ranker, config.default_strategy, table),
    }
