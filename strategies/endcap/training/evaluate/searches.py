"""`endcap evaluate --judgments`: how well searches are answered, by what people rated.

Two questions. *Judged*: the rated items of a search, and nothing else, are put in order. *Catalog*: the whole catalog
is searched, and what nobody rated counts as no answer. Needs a catalog and judgments, no events.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, open_bundle
from endcap.bundle.ids import IdIndex
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import check_tables
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Strategy
from endcap.training.config import SearchConfig, ShopConfig
from endcap.training.data.read import read_shop
from endcap.training.errors import ConfigError
from endcap.training.evaluate.intervals import bootstrap_means, interval
from endcap.training.evaluate.metrics import graded, mrr, ndcg, recall
from endcap.training.fit.fitter import Context, fitters
from endcap.training.progress import Progress, silent
from endcap.training.ready import check_text_model
from endcap.training.search.judgments import Judged, Judgments, read_judgments
from endcap.training.search.neighbours import write_neighbours
from endcap.training.search.teach import search_table, write_judged
from endcap.training.shop import Shop
from endcap.training.snapshot import manifest_of

LEAST_RATED = 5
"""Fewer rated items are no list to put in order."""
DEEP = 100
LISTED = 20
NEEDED = ("catalog", "histories", "items", "lexical", "text", "users")
"""The parts that searches read."""

DEFINITIONS = {
    "judged": f"the rated items alone are ranked, of searches with at least {LEAST_RATED} of them and mixed ratings",
    "catalog": "the whole catalog is searched; an item that nobody rated counts as no answer",
    "gain": "2^rating - 1",
    "relevant": "an item with the highest rating of the file, for mrr and recall",
    "recall": "relevant items among the first k, over min(k, relevant items)",
    "intervals": "95 %, by resampling searches",
}


@dataclass(frozen=True)
class SearchOptions:
    judgments: Path
    train_judgments: Path | None = None
    """What the ranker may learn from; None: what shop.toml names, if anything. A search that both files have is asked,
    not learned from."""
    bundle: Path | None = None
    """A trained bundle; None: the parts that searches read are fitted."""


def evaluate_searches(config: ShopConfig, options: SearchOptions, progress: Progress = silent) -> dict[str, Any]:
    """Plain data, ready for JSON. Raises TrainingInputError, StrategyError or BundleError for what the caller has to
    put right."""
    check_tables(config.strategies, config.default_strategy)
    if options.bundle is not None and options.train_judgments is not None:
        raise ConfigError("--train-judgments does not go with --bundle, whose ranker has learned already")
    if options.bundle is not None:
        bundle = open_bundle(options.bundle)
        return _found(bundle, config, read_judgments(options.judgments, bundle.catalog.ids), [], progress)
    check_text_model(config)
    shop = read_shop(config, progress)
    catalog = IdIndex.of(shop.item_ids)
    asked = read_judgments(options.judgments, catalog)
    lessons, both = lessons_beside(asked, options.train_judgments or config.search.judgments, catalog)
    with tempfile.TemporaryDirectory(prefix="endcap-evaluate-") as scratch, BundleWriter(Path(scratch)) as writer:
        manifest = write_parts(writer, shop, config, progress)
        if lessons is not None:
            write_neighbours(writer, progress)
            manifest = write_judged(writer, manifest, search_table(config), lessons, config.training.seed)
        return _found(writer.preview(manifest), config, asked, both, progress)


def write_parts(writer: BundleWriter, shop: Shop, config: ShopConfig, progress: Progress) -> Manifest:
    known, context = fitters(), Context(_unjudged(config), progress)
    for name in NEEDED:
        progress(f"fitting {name}")
        known[name].fit(shop, writer.part(name), context)
    return manifest_of(shop, config)


def _unjudged(config: ShopConfig) -> ShopConfig:
    """Without the judgments that fine-tuning could read, among which may be those that are asked later."""
    text = config.text.model_copy(update={"finetune": config.text.finetune and config.events is not None})
    return config.model_copy(update={"search": SearchConfig(), "text": text})


def lessons_beside(asked: Judgments, path: Path | None, catalog: IdIndex) -> tuple[Judgments | None, list[str]]:
    """What the ranker learns from, if anything, and the searches that were left out of it because they are asked."""
    if path is None:
        return None, []
    lessons = read_judgments(path, catalog)
    kept = lessons.without({pool.query for pool in asked.pools})
    both = sorted({pool.query for pool in lessons.pools} - {pool.query for pool in kept.pools})
    if not any(pool.mixed for pool in kept.pools):
        raise ConfigError(
            f"{path}: found no search with items of different ratings beside the {len(both)} that are asked; expected "
            "judgments of other searches to learn from"
        )
    return kept, both


def _found(
    bundle: Bundle, config: ShopConfig, asked: Judgments, both: Sequence[str], progress: Progress
) -> dict[str, Any]:
    strategies = strategies_asked(bundle, config)
    found = {}
    for done, (name, strategy) in enumerate(strategies.items()):
        progress("asking the searches", done, len(strategies))
        found[name] = judge(bundle, strategy, asked, config.training.seed)
    return {
        "shop": config.name,
        "bundle": bundle.manifest.version,
        "seed": config.training.seed,
        "definitions": DEFINITIONS,
        "judgments": {
            "rows": asked.rows,
            "searches": len(asked.pools),
            "unknown_items": len(asked.unknown),
            "unknown_rows": asked.unknown_rows,
            "unknown": list(asked.unknown),
        },
        "ranker": bundle.manifest.metrics.get("search"),
        "left_out_of_training": list(both),
        "strategies": found,
    }


def strategies_asked(bundle: Bundle, config: ShopConfig) -> dict[str, Strategy]:
    """The shop's ``search``, and what it is made of: ``bm25`` over words alone, ``dense`` over meaning alone. Lists are
    not collapsed by title, because every item was rated for itself."""
    own = {**search_table(config), **bundle.manifest.strategies.get("search", {}), "select": "top_k"}
    tables: Mapping[str, Any] = {
        "search": own,
        "bm25": {
            "recall": [{"use": "lexical", "limit": 2 * DEEP}],
            "hydrate": ["query_match"],
            "score": {"use": "linear", "weights": {"query.bm25": 1.0}},
        },
        "dense": {
            "recall": [{"use": "text", "limit": 2 * DEEP, "per_text": DEEP}],
            "hydrate": ["text_similarity"],
            "score": {"use": "linear", "weights": {"text.query_cosine": 1.0}},
        },
    }
    shelf = Shelf(bundle)
    return {name: shelf.strategy(name, table) for name, table in tables.items()}


def judge(bundle: Bundle, strategy: Strategy, asked: Judgments, seed: int) -> dict[str, Any]:
    listed = [pool for pool in asked.pools if len(pool.items) >= LEAST_RATED and pool.mixed]
    pools = [ranked(bundle, strategy, pool, among_rated=True) for pool in listed]
    relevant = [pool for pool in asked.pools if (pool.ratings == asked.highest).any() and asked.highest > 0]
    lists = [ranked(bundle, strategy, pool) for pool in relevant]
    return {
        "judged": _summed(_values(pools, listed, asked.highest, (10,)), len(listed), seed),
        "catalog": _summed(_values(lists, relevant, asked.highest, (10, 20, DEEP)), len(relevant), seed),
    }


def ranked(bundle: Bundle, strategy: Strategy, pool: Judged, among_rated: bool = False) -> Array:
    """int32[k]: the rated items in the strategy's order, those that it drops last; or the first DEEP of the catalog."""
    query = Query(now=bundle.manifest.data_end, text=pool.query, size=DEEP, request_id=pool.query)
    if not among_rated:
        return execute(strategy, query).items
    found = execute(strategy, replace(query, given=pool.items, size=len(pool.items))).items
    order: Array = np.concatenate([found, np.setdiff1d(pool.items, found)])
    return order


def _values(lists: Sequence[Array], pools: Sequence[Judged], highest: float, cuts: Sequence[int]) -> dict[str, Array]:
    """float64[searches] by metric; NaN where a search has no item that counts."""
    rows = [_of_one(items, pool, highest, cuts) for items, pool in zip(lists, pools, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _of_one(items: Array, pool: Judged, highest: float, cuts: Sequence[int]) -> dict[str, float]:
    places = np.minimum(np.searchsorted(pool.items, items), len(pool.items) - 1)
    ratings = np.where(pool.items[places] == items, pool.ratings[places], 0.0)[None, :]
    hits, relevant = ratings == highest, np.array([np.count_nonzero(pool.ratings == highest)])
    ideal = np.sort(graded(pool.ratings))[::-1][None, :]
    found = {"ndcg@10": float(ndcg(graded(ratings), ideal, 10)[0])}
    if not relevant[0]:
        return found | dict.fromkeys(["mrr", *(f"recall@{k}" for k in cuts)], np.nan)
    found["mrr"] = float(mrr(hits, max(hits.shape[1], 1))[0])
    return found | {f"recall@{k}": float(recall(hits, relevant, k)[0]) for k in cuts}


def _summed(values: dict[str, Array], searches: int, seed: int) -> dict[str, Any]:
    """Means over the searches that a metric can be told of, with their intervals."""
    found: dict[str, Any] = {"queries": searches}
    intervals = {}
    for name, column in values.items():
        known = column[~np.isnan(column)]
        found[name] = round(float(known.mean()), 4) if len(known) else None
        if len(known):
            ends = interval(bootstrap_means(known[:, None], seed))[:, 0]
            intervals[name] = [round(float(end), 4) for end in ends]
    return {**found, "intervals": intervals}
