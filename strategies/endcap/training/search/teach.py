"""The search ranker as a part of the bundle: from judgments where there are any, else from clicks, else none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from endcap.bundle.folder import Bundle
from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.strategies.registry import Shelf, ready_made
from endcap.strategies.score.search import PART
from endcap.strategies.strategy import Strategy
from endcap.training.config import ShopConfig
from endcap.training.errors import DataError
from endcap.training.search.judgments import Judgments
from endcap.training.search.lessons import from_judgments
from endcap.training.search.model import Choice, choose

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


def teach_by_judgments(bundle: Bundle, table: dict[str, Any], judgments: Judgments, seed: int) -> Choice:
    """Raises DataError where no search has items of different ratings."""
    strategy = gathering(bundle, table)
    columns = [name for name in offered(strategy) if name.startswith(JUDGED_COLUMNS)]
    lessons = from_judgments(bundle, strategy, judgments.pools, columns)
    if not len(lessons.telling):
        raise DataError("the judgments hold no search with items of different ratings; there is nothing to learn from")
    return choose(lessons, seed)


def write_choice(writer: BundleWriter, manifest: Manifest, choice: Choice, source: str) -> Manifest:
    """The part, and what the manifest says of it."""
    choice.ranker.write(writer.part(PART))
    told = {"learned_from": source, "way": choice.way, "cross_validated_ndcg@10": choice.validated}
    return manifest.model_copy(update={"metrics": {**manifest.metrics, "search": told}})


def names(judgments: Judgments, most: int = 20) -> Sequence[str]:
    return judgments.unknown[:most]
