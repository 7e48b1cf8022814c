"""The best of a baseline's scores for each shopper, a block of shoppers at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.training.baselines.contract import NEVER, Scores
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.truth import NOTHING

BLOCK_CELLS = 6_000_000
"""Shoppers times items scored at once: 24 MB a matrix."""


class Ranked(NamedTuple):
    """Ranked lists, one row a shopper of a holdout: int32[rows, depth], NOTHING where a list ends early."""

    all: Array
    new: Array
    """Without what the shopper bought before."""


def rank(scores: Scores, holdout: Holdout, rows: Array, depth: int) -> Ranked:
    """For these rows of the holdout (row numbers)."""
    blocks = list(_blocks(scores, holdout, rows, depth))
    empty = np.empty((0, depth), np.int32)
    return Ranked(*(np.concatenate([empty, *parts]) for parts in (zip(*blocks, strict=True) if blocks else ((), ()))))


def _blocks(scores: Scores, holdout: Holdout, rows: Array, depth: int) -> Iterator[Ranked]:
    height = max(1, BLOCK_CELLS // max(len(holdout.known.item_ids), 1))
    for start in range(0, len(rows), height):
        block = rows[start : start + height]
        values = scores(holdout.users[block])
        ranked = best(values, depth)
        for place, row in enumerate(block):
            values[place, holdout.bought(int(row))] = NEVER
        yield Ranked(ranked, best(values, depth))


def best(scores: Array, depth: int) -> Array:
    """int32[rows, depth]: the columns of the highest scores of each row, ties by column; NaN counts as NEVER."""
    found = np.full((len(scores), depth), NOTHING, np.int32)
    for place, row in enumerate(scores):
        columns = _best_of_one(row, depth)
        found[place, : len(columns)] = columns
    return found


def _best_of_one(scores: Array, depth: int) -> Array:
    """One row at a time: most methods have something to say of few items, and a row fits the processor's cache."""
    columns = np.flatnonzero(scores > NEVER)
    values = scores[columns]
    if len(values) > depth:
        least = np.partition(values, len(values) - depth)[len(values) - depth]
        columns, values = columns[values >= least], values[values >= least]
    order = np.argsort(-values, kind="stable")[:depth]
    return columns[order]
