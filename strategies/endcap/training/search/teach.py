"""The search ranker as a part of the bundle: from judgments where there are any, else from clicks, else none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.score.search import PART
from endcap.strategies.shelf import Shelf
from endcap.strategies.strategy import Strategy
from endcap.strategies.tables import ready_made
from endcap.strategies.text.space import NEAR_PART
from endcap.training.config import ShopConfig
from endcap.training.errors import DataError
from endcap.training.progress import Progress, silent
from endcap.training.ranker.lessons import Snapshot
from endcap.training.search.clicks import from_clicks, searches_in
from endcap.training.search.judgments import Judgments, read_judgments
from endcap.training.search.lessons import from_judgments, stacked
from endcap.training.search.model import LEAST_SEARCHES, Choice, choose
from endcap.training.search.neighbours import write_neighbours
from endcap.training.shop import Shop

JUDGED_COLUMNS = ("text.query_cosine", "query.")
"""Beginnings of the columns that judgments teach about: raters knew the search and the item, not sales or shoppers."""


def search_table(config: ShopConfig) -> dict[str, Any]:
    table: dict[str, Any] = {**ready_made(), **config.strategies}["search"]
    return table


def gathering(bundle: Bundle, table: dict[str, Any]) -> Strategy:
    """The strategy as far as its columns go."""
    return Shelf(bundle).strategy("search", {**table, "score": "by_source", "select": "top_k"})


def offered(strategy: Strategy) -> list[str]:
    """Columns that do not depend on how an item was recalled, so that a caller's own list gets the same order."""
    return [feature.name for hydrator in strategy.hydrate for feature in hydrator.component.provides]


def judged_columns(strategy: Strategy) -> list[str]:
    return [name for name in offered(strategy) if name.startswith(JUDGED_COLUMNS)]


def teach_by_judgments(bundle: Bundle, table: dict[str, Any], judgments: Judgments, seed: int) -> Choice:
    """Raises DataError where no search has items of different ratings."""
    strategy = gathering(bundle, table)
    lessons = from_judgments(bundle, strategy, judgments.pools, judged_columns(strategy))
    if not len(lessons.telling):
        raise DataError("the judgments hold no search with items of different ratings; there is nothing to learn from")
    return choose(lessons, seed)


def teach_by_clicks(snapshots: Iterable[Snapshot], shop: Shop, table: dict[str, Any], seed: int) -> Choice | None:
    """From the searches of each snapshot's window; None where too few of them led anywhere."""
    parts = []
    for snapshot in snapshots:
        if searches := searches_in(shop, snapshot.window):
            strategy = gathering(snapshot.bundle, table)
            parts.append(from_clicks(snapshot.bundle, strategy, searches, offered(strategy), seed))
    if not parts or len((lessons := stacked(parts)).telling) < LEAST_SEARCHES:
        return None
    return choose(lessons, seed)


def taught(
    writer: BundleWriter,
    manifest: Manifest,
    shop: Shop,
    config: ShopConfig,
    snapshots: Sequence[Snapshot] = (),
    progress: Progress = silent,
) -> Manifest:
    """Write the part where there is anything to learn from, and note it in the manifest. Raises DataError or
    ConfigError for judgments that cannot be used."""
    table, seed = search_table(config), config.training.seed
    if config.search.judgments is None and shop.searches is None:
        return manifest
    write_neighbours(writer, progress)
    if config.search.judgments is not None:
        judgments = read_judgments(config.search.judgments, writer.preview(manifest).catalog.ids)
        return write_judged(writer, manifest, table, judgments, seed)
    for snapshot in snapshots:
        snapshot.writer.share(NEAR_PART, writer.folder)
    choice = teach_by_clicks(snapshots, shop, table, seed)
    return manifest if choice is None else write_choice(writer, manifest, choice, {"learned_from": "clicks"})


def write_judged(
    writer: BundleWriter, manifest: Manifest, table: dict[str, Any], judgments: Judgments, seed: int
) -> Manifest:
    choice = teach_by_judgments(writer.preview(manifest), table, judgments, seed)
    told = {"learned_from": "judgments", "searches": len(judgments.pools), "unknown_items": len(judgments.unknown)}
    return write_choice(writer, manifest, choice, told)


def write_choice(writer: BundleWriter, manifest: Manifest, choice: Choice, told: dict[str, Any]) -> Manifest:
    """The part, and what the manifest says of it."""
    choice.ranker.write(writer.part(PART), among_recalled=told["learned_from"] == "clicks")
    told = {**told, "way": choice.way, "cross_validated_ndcg@10": choice.validated}
    return manifest.model_copy(update={"metrics": {**manifest.metrics, "search": told}})
