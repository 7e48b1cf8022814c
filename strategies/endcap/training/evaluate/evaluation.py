"""`endcap evaluate`: hold something back, train on the rest or open a bundle that never saw it, rank, and judge.

The result is plain data, ready for JSON; the HTML report is drawn from it and from nothing else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.folder import Bundle, open_bundle
from endcap.strategies.registry import check_tables
from endcap.training.baselines import BASELINES
from endcap.training.baselines.rank import Ranked
from endcap.training.baselines.search import Chosen, rank_tuned, search
from endcap.training.config import ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.errors import DataError
from endcap.training.evaluate.ablation import ablate
from endcap.training.evaluate.bench import Bench, strategy_lists
from endcap.training.evaluate.beyond import CatalogFacts
from endcap.training.evaluate.given import Options, check_bundle, given_bundle
from endcap.training.evaluate.importance import importance
from endcap.training.evaluate.judged import described, strategies_to_judge
from endcap.training.evaluate.plain import moment, plain
from endcap.training.evaluate.protocol import LEAST_EVENTS, Holdout, leave_one_out, temporal
from endcap.training.evaluate.questions import Translation
from endcap.training.evaluate.ranking import DEPTH, Opening
from endcap.training.evaluate.scorer import judge_recall, judge_scorer
from endcap.training.evaluate.verdict import Asked, comparisons, verdict
from endcap.training.parallel import workers_for
from endcap.training.progress import Progress, silent
from endcap.training.shop import Shop
from endcap.training.train import Stopwatch, train_on

DEFINITIONS = {
    "gain": "binary: an item that the shopper went for counts 1, any other 0 (of graded judgments it is 2^rating - 1)",
    "recall": "found among the first k, over min(k, true items)",
    "map": "precision at each hit among the first k, summed, over all true items",
    "all": f"true items: what the shopper went for in the window, of items with at least {LEAST_EVENTS} earlier events",
    "new": "true items that the shopper never went for before; what they went for is masked before recall",
    "candidates": "all items of the catalog compete, never a sample",
}


def evaluate(config: ShopConfig, options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Raises TrainingInputError, StrategyError or BundleError for what the caller has to put right."""
    check_tables(config.strategies, config.default_strategy)
    given = given_bundle(config, options)
    clock = Stopwatch()
    with clock.lap("read"):
        holdout = held_out(read_shop(config, progress), options, config.training.seed)
    with tempfile.TemporaryDirectory(prefix="endcap-evaluate-") as scratch:
        with clock.lap("train"):
            bundle = given or bundle_for(holdout, config, Path(scratch), progress)
        check_bundle(bundle, holdout)
        with workers_for(len(holdout.known.log), progress) as pool:
            main, seed = bundle.manifest.default_strategy, config.training.seed
            bench = Bench(holdout, bundle, main, pool, Path(scratch), progress, clock, seed)
            found = about(bench, options) | judged(bench, config if options.ablate else None)
    return {**plain(found), "seconds": clock.seconds}


def held_out(shop: Shop, options: Options, seed: int) -> Holdout:
    if options.protocol == "leave_one_out":
        return leave_one_out(shop, seed)
    return temporal(shop, options.holdout_days, seed)


def bundle_for(holdout: Holdout, config: ShopConfig, scratch: Path, progress: Progress) -> Bundle:
    """One trained on what the holdout knows."""
    return open_bundle(train_on(holdout.known, config, scratch, progress, Stopwatch()).folder, verify=False)


def about(bench: Bench, options: Options) -> dict[str, Any]:
    holdout = bench.holdout
    temporal_protocol = holdout.protocol == "temporal"
    regulars = np.count_nonzero(holdout.regulars)
    return {
        "protocol": holdout.protocol,
        "cutoff": moment(holdout.known.clock, holdout.cutoff) if temporal_protocol else None,
        "holdout_days": options.holdout_days if temporal_protocol else None,
        "shop": holdout.known.name,
        "bundle": bench.bundle.manifest.version,
        "seed": bench.seed,
        "definitions": DEFINITIONS,
        "counts": {
            "items": len(holdout.known.item_ids),
            "events_before": len(holdout.known.log),
            "shoppers_all": len(Asked.of(holdout, "all").rows),
            "shoppers_new": len(Asked.of(holdout, "new").rows),
            "cold_shoppers": len(holdout.users) - int(regulars),
            "true_items_all": len(holdout.truth.items),
            "true_items_new": len(holdout.new.items),
        },
    }


def judged(bench: Bench, ablated: ShopConfig | None = None) -> dict[str, Any]:
    """Everything that is measured; with the ablation where there is a configuration to teach rankers by."""
    if not len(Asked.of(bench.holdout, "all").rows):
        raise DataError(
            f"no shopper with earlier events went for an item with at least {LEAST_EVENTS} earlier events in the test "
            "window; there is nothing to judge by"
        )
    tables, main = strategies_to_judge(bench.bundle), bench.main
    opening = Opening(bench.bundle.folder, bench.bundle.manifest, tables)
    rivals, tuned = rank_baselines(bench)
    with bench.clock.lap("rank strategies"):
        own, served = strategy_lists(bench, opening)
    reference = _named(main, rivals)
    ranked = {reference: own.pop(main)} | rivals | {_named(name, rivals): lists for name, lists in own.items()}
    with bench.clock.lap("judge"):
        found: dict[str, Any] = {
            "reference": reference,
            "descriptions": descriptions(bench.bundle, tables, rivals),
            "strategies": verdict(bench.holdout, ranked, facts_of(bench), bench.seed),
            "comparisons": comparisons(bench.holdout, ranked, reference, bench.seed),
            "baselines": tuned,
            "served": {**served, "p50_ms": {_named(name, rivals): ms for name, ms in served["p50_ms"].items()}},
            "features": importance(bench.bundle, tables[main]),
        }
    with bench.clock.lap("candidates"):
        found["scorer"] = judge_scorer(bench.pool, bench.holdout, opening, main, bench.seed)
        found["recall_ceiling"] = judge_recall(bench.pool, bench.holdout, opening, main, bench.seed)
    if ablated:
        with bench.clock.lap("ablate"):
            found["ablation"] = ablate(bench, ablated, tables[main], ranked[reference])
    return found


def rank_baselines(bench: Bench) -> tuple[dict[str, Ranked], dict[str, Any]]:
    """Their lists, and the settings that the search chose on what lies before the test window."""
    with bench.clock.lap("tune baselines"):
        chosen = search(BASELINES, validation_of(bench.holdout, bench.seed), bench.seed, bench.progress)
    ranked = dict(rank_tuned(BASELINES, chosen, bench.holdout, DEPTH, bench.seed, bench.progress, bench.clock))
    return ranked, {baseline.name: _told(baseline.description, chosen[baseline.name]) for baseline in BASELINES}


def validation_of(holdout: Holdout, seed: int) -> Holdout:
    """The same question asked of what is known: a window as long, right before the test window."""
    if holdout.protocol == "leave_one_out":
        return leave_one_out(holdout.known, seed)
    return temporal(holdout.known, holdout.days, seed)


def facts_of(bench: Bench) -> CatalogFacts:
    """Text distance is that of the bundle's text model, where it has one."""
    known, bundle = bench.holdout.known, bench.bundle
    if not bundle.has("text"):
        return CatalogFacts.of(known)
    items = Translation.between(known, bundle).items
    numbers = np.where(items >= 0, bundle.catalog.texts[np.maximum(items, 0)], -1)
    return CatalogFacts.of(known, bundle.part("text").array("vectors"), numbers)


def _told(description: str, chosen: Chosen) -> dict[str, Any]:
    return {"description": description, "settings": {"all": dict(chosen.all), "new": dict(chosen.new)}}


def descriptions(bundle: Bundle, tables: Mapping[str, Any], rivals: Collection[str]) -> dict[str, str]:
    baselines = {baseline.name: f"baseline: {baseline.description}" for baseline in BASELINES}
    return baselines | {_named(name, rivals): words for name, words in described(bundle, tables).items()}


def _named(name: str, rivals: Collection[str]) -> str:
    """A strategy that has a baseline's name is told apart from it."""
    return f"strategy.{name}" if name in rivals else name
