"""`endcap evaluate --protocol cold`: hide items and shoppers, train on the rest, and ask for what was hidden."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.registry import check_tables
from endcap.strategies.shelf import Shelf
from endcap.strategies.tables import ready_made
from endcap.training.config import ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.errors import ConfigError, DataError
from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.cold.asked import hidden_shoppers, hide_from
from endcap.training.evaluate.cold.hide import Hidden, draw
from endcap.training.evaluate.cold.items import QUESTIONS, judge_items
from endcap.training.evaluate.cold.shoppers import POPULAR, STRATEGIES, judge_shoppers
from endcap.training.evaluate.evaluation import bundle_for
from endcap.training.evaluate.given import check_events
from endcap.training.evaluate.plain import moment, plain
from endcap.training.evaluate.protocol import Holdout, temporal
from endcap.training.evaluate.ranking import Opening
from endcap.training.parallel import workers_for
from endcap.training.progress import Progress, silent
from endcap.training.ready import check_text_model
from endcap.training.shop import Shop
from endcap.training.train import Stopwatch

DEFINITIONS = {
    **{f"items.{name}": f"true are hidden items; to be ranked is {words}" for name, words in QUESTIONS.items()},
    "shoppers": "true is what a hidden shopper went for in the window, but for the first item and hidden items",
    "map": "ALS, with hidden and never sold items by the learned map, holding the places that are their share of the "
    "catalog (even_share); the others show other shares",
    "nearest texts": "items whose texts are nearest to the mean of what the shopper bought lately; ties by lot",
    "random of top category": "expected of items drawn from the finest category in which the shopper has most",
    "recall@20": "found among the first 20, over min(20, true items)",
    "intervals": "95 %, over shoppers; which items were hidden is one draw",
}


@dataclass(frozen=True)
class ColdOptions:
    items: float = 0.05
    """The share of the catalog's items that is hidden."""
    shoppers: float = 0.1
    holdout_days: float = 28.0

    def check(self) -> None:
        for name, share in (("--cold-items", self.items), ("--cold-shoppers", self.shoppers)):
            if not 0 <= share <= 0.5:
                raise ConfigError(f"{name}: found {share:g}, expected a share from 0 to 0.5")
        if not self.items and not self.shoppers:
            raise ConfigError("--cold-items and --cold-shoppers: found both 0, expected something to hide")


def evaluate_cold(config: ShopConfig, options: ColdOptions, progress: Progress = silent) -> dict[str, Any]:
    """Raises TrainingInputError or StrategyError for what the caller has to put right."""
    check_tables(config.strategies, config.default_strategy)
    check_events(config, "evaluation")
    check_text_model(config)
    options.check()
    clock, seed = Stopwatch(), config.training.seed
    with clock.lap("read"):
        shop = read_shop(config, progress)
    hidden = draw(shop, options.items, options.shoppers, seed)
    holdout = hide_from(temporal(shop, options.holdout_days, seed), hidden)
    with tempfile.TemporaryDirectory(prefix="endcap-evaluate-") as scratch:
        with clock.lap("train"):
            bundle = bundle_for(holdout, config, Path(scratch), progress)
        with workers_for(len(shop.log), progress) as pool, clock.lap("judge"):
            bench = Bench(holdout, bundle, config.default_strategy, pool, Path(scratch), progress, clock, seed)
            found = judged(bench, shop, hidden)
    return {**plain(about(bench, options, hidden) | found), "seconds": clock.seconds}


def judged(bench: Bench, shop: Shop, hidden: Hidden) -> dict[str, Any]:
    """``shop`` knows what came in the window; the bench's holdout does not."""
    holdout = bench.holdout
    asked = hidden_shoppers(shop, holdout, hidden)
    if not len(who_went_for_hidden(holdout, hidden)) and not asked:
        raise DataError("nobody went for a hidden item, and no hidden shopper came; hide more, or ask a longer window")
    opening = Opening(bench.bundle.folder, bench.bundle.manifest, bootable(bench.bundle))
    seen = np.flatnonzero(holdout.regulars & ~hidden.shoppers[holdout.users])
    return {
        "cold": {
            "items": judge_items(bench, opening, seen) if hidden.items.any() else {},
            "shoppers": judge_shoppers(bench, asked, opening) if asked else {},
        }
    }


def bootable(bundle: Bundle) -> dict[str, Any]:
    """The tables of what is asked, as far as the bundle has the parts that they need."""
    tables = {**ready_made(), **bundle.manifest.strategies}
    shelf, found = Shelf(bundle), {}
    for name in {bundle.manifest.default_strategy, POPULAR, *STRATEGIES.values()}:
        with suppress(BundleError):
            shelf.strategy(name, tables[name])
            found[name] = tables[name]
    return found


def who_went_for_hidden(holdout: Holdout, hidden: Hidden) -> Array:
    """Rows of shoppers who are not hidden, and went for something that is."""
    seen = holdout.regulars & ~hidden.shoppers[holdout.users]
    return np.flatnonzero(seen & (holdout.cold.sizes > 0))


def about(bench: Bench, options: ColdOptions, hidden: Hidden) -> dict[str, Any]:
    holdout, known = bench.holdout, bench.holdout.known
    truth = holdout.cold.take(who_went_for_hidden(holdout, hidden))
    return {
        "protocol": "cold",
        "cutoff": moment(known.clock, holdout.cutoff),
        "holdout_days": options.holdout_days,
        "shop": known.name,
        "bundle": bench.bundle.manifest.version,
        "reference": bench.main,
        "seed": bench.seed,
        "definitions": DEFINITIONS,
        "counts": {
            "items": len(known.item_ids),
            "hidden_items": int(hidden.items.sum()),
            "hidden_items_asked_for": len(np.unique(truth.items)),
            "shoppers": len(truth),
            "true_pairs": len(truth.items),
            "most_of_one_item": int(np.bincount(truth.items).max(initial=0)),
            "hidden_shoppers": int(hidden.shoppers.sum()),
            "events_before": len(known.log),
        },
    }
