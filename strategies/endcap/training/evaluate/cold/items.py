"""Hidden items among the whole catalog: by the learned map, the nearest texts, chance, and the default strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.contract import Query
from endcap.strategies.recall.text import TextConfig
from endcap.strategies.text.space import TextSpace
from endcap.training.evaluate.bench import Bench
from endcap.training.evaluate.cold.chance import expected, top_group
from endcap.training.evaluate.cold.measures import Values, compared, measured, summary
from endcap.training.evaluate.questions import Translation, for_new, questions
from endcap.training.evaluate.ranking import DEPTH, Opening, rank
from endcap.training.evaluate.truth import NOTHING, Truth

PLACES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the lists' places that the map is asked to give to items that nobody has met."""
MAP, TEXT, CHANCE = "map", "nearest texts", "random of top category"
QUESTIONS = {"all": "the whole catalog", "new": "the whole catalog but for what the shopper bought before"}


def judge_items(bench: Bench, opening: Opening, rows: Array) -> dict[str, Any]:
    """By question: every method's numbers, and what the map is worth against the others. ``rows`` are all shoppers to
    ask about; those who went for no hidden item count for ``warm``, the price that is paid in other items."""
    even, main = even_share(bench), bench.main
    opening = replace(opening, tables={**maps(even), main: opening.tables[main]})
    found: dict[str, Any] = {"even_share": even}
    for question in QUESTIONS:
        slates = lists(bench, opening, rows, question == "new")
        values = cold_values(bench, slates, rows)
        found[question] = {
            "methods": {name: summary(each, bench.seed) for name, each in values.items()},
            "map_against": {
                name: compared(values[MAP], values[name], bench.seed) for name in (TEXT, CHANCE, main) if name in values
            },
        }
        if question == "all":
            warm = _of(slates, bench.holdout.truth.take(rows))
            found["warm"] = {name: summary(each, bench.seed) for name, each in warm.items()}
    return found


def cold_values(bench: Bench, slates: Mapping[str, Array], rows: Array) -> dict[str, Values]:
    """Of these lists, one row each of ``rows``, and of chance: for the shoppers who went for something hidden."""
    asked = rows[bench.holdout.cold.sizes[rows] > 0]
    return _of(slates, bench.holdout.cold.take(rows)) | {CHANCE: _by_chance(bench, asked)}


def even_share(bench: Bench) -> float:
    """The share of the catalog that no event is known of: with as many of the places, no item is better off for
    having been met."""
    known = bench.holdout.known
    met = np.bincount(known.log.items, minlength=len(known.item_ids)) > 0
    return float(np.clip(1.0 - met.mean(), 0.0, 0.5))


def maps(even: float, places: Sequence[float] = PLACES) -> dict[str, Any]:
    """Strategies of the map alone, with these shares of the places."""
    shares = {MAP: even} | {f"{MAP}, {share:.0%} of the places": share for share in places}
    return {
        name: {
            "recall": [{"use": "als", "limit": DEPTH, "newcomers": share}],
            "score": "by_source",
            "select": "top_k",
        }
        for name, share in shares.items()
    }


def lists(bench: Bench, opening: Opening, rows: Array, new: bool) -> dict[str, Array]:
    """int32[rows, DEPTH] by method, in the shop's numbers: the opening's strategies, and the nearest texts."""
    translation = Translation.between(bench.holdout.known, bench.bundle)
    asked = questions(bench.holdout, translation, rows)
    found = rank(bench.pool, opening, asked, new).slates
    if bench.bundle.has("text"):
        size = len(bench.bundle.catalog)
        found[TEXT] = nearest_texts(bench, [for_new(each, size) if new else each for each in asked])
    return {name: translation.slates(each) for name, each in found.items()}


def _of(slates: Mapping[str, Array], truth: Truth) -> dict[str, Values]:
    rows = np.flatnonzero(truth.sizes > 0)
    return {name: measured(each[rows], truth.take(rows)) for name, each in slates.items()}


def nearest_texts(bench: Bench, queries: list[Query]) -> Array:
    """int32[queries, DEPTH]: the items whose texts are nearest to the shopper's, as the source ``text`` sees them.

    Items of one text are as near as each other: lots decide between them, once for all shoppers.
    """
    space, settings = TextSpace(bench.bundle), TextConfig.model_validate({})
    lots = np.random.default_rng([bench.seed, 8]).permutation(len(space.text_of))
    found = np.full((len(queries), DEPTH), NOTHING, np.int32)
    for row, query in enumerate(queries):
        vector = space.profile(query, settings.half_life_days, settings.most_anchors)
        if vector is not None:
            cosines = (space.vectors @ vector)[space.text_of]
            if query.allowed is not None:
                cosines[~query.allowed] = -2.0
            depth = min(DEPTH, len(cosines))
            near = np.flatnonzero(cosines >= max(np.partition(cosines, -depth)[-depth], -1.5))
            best = near[np.lexsort((lots[near], -cosines[near]))[:depth]]
            found[row, : len(best)] = best
    return found


def _by_chance(bench: Bench, rows: Array) -> Values:
    """Drawn from the category in which the shopper has most, the finest level of it."""
    holdout = bench.holdout
    groups, truth = holdout.known.groups["category"], holdout.cold.take(rows)
    tops = np.array([top_group(holdout.history(int(row)), groups) for row in rows])
    sizes = np.append(np.bincount(groups[groups >= 0], minlength=int(groups.max(initial=-1)) + 1), 0)[tops]
    members = np.array([np.count_nonzero(groups[truth.of(row)] == top) for row, top in enumerate(tops)])
    return expected(sizes, np.where(tops >= 0, members, 0), truth.sizes)
