"""A forest scored node by node instead of row by row, exactly as LightGBM scores it.

QuickScorer (Lucchese et al., SIGIR 2015), with rows side by side (V-QuickScorer, SIGIR 2016). A tree's leaves are bits
of one word, from left to right. Each node whose condition fails for a row clears the leaves of its left side; the
lowest bit that stays is the row's leaf. Nodes are visited by column and rising threshold, so that many are never looked
at, and the compiler turns the loop over a block of rows into vector instructions, of whatever width the machine has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import compiled
from endcap.strategies.score.forest import NAN_IS_MISSING, ZERO, ZERO_IS_MISSING, Forest

BLOCK = 64
"""Rows side by side. With few, LLVM unrolls the loop over them instead of vectorising it."""
MOST_LEAVES = 64
ALL = np.uint64(2**64 - 1)
PLAIN, NAN_LEFT, NAN_RIGHT, ZERO_LEFT, ZERO_RIGHT = range(5)
"""What a node takes a missing value for: the number 0, or a value that always goes left, or right."""


@dataclass(frozen=True)
class QuickScorer:
    """Nodes sorted by (view, threshold). A view is a column as the nodes of one kind of missing values see it."""

    columns: Array  # int32[views]
    kinds: Array  # int8[views]
    starts: Array  # int32[views + 1], into the nodes
    thresholds: Array  # float32[nodes], rounded down: for float32 values the comparison stays the same
    trees: Array  # int32[nodes]
    masks: Array  # uint64[nodes]: all but the leaves of the left subtree
    leaf_starts: Array  # int32[trees]
    leaves: Array  # float64[leaves], from left to right

    @classmethod
    def of(cls, forest: Forest) -> Self | None:
        """None where a tree has more leaves than a word has bits."""
        nodes, trees, masks, leaf_starts, leaves = _laid_out(forest)
        if np.diff(np.append(leaf_starts, len(leaves))).max(initial=0) > MOST_LEAVES:
            return None
        thresholds = _rounded_down(forest.threshold[nodes])
        views = forest.feature[nodes].astype(np.int64) * 8 + _kinds(forest)[nodes]
        order = np.lexsort((thresholds, views))
        distinct, first = np.unique(views[order], return_index=True)
        made = cls(
            columns=(distinct // 8).astype(np.int32),
            kinds=(distinct % 8).astype(np.int8),
            starts=np.append(first, len(order)).astype(np.int32),
            thresholds=thresholds[order],
            trees=trees[order],
            masks=masks[order],
            leaf_starts=leaf_starts,
            leaves=leaves,
        )
        made.scores(np.zeros((1, int(forest.feature.max(initial=0)) + 1), np.float32))  # compiles, before any request
        return made

    def scores(self, rows: Array) -> Array:
        """float64[n] from float32[n, features]: the sums of the leaves' values, added in the order of the trees."""
        found = np.empty(-(-len(rows) // BLOCK) * BLOCK)
        views = self._views(rows, len(found))
        _sum_leaves(
            views, self.starts, self.thresholds, self.trees, self.masks, self.leaf_starts, self.leaves, BITS, found
        )
        return found[: len(rows)]

    def _views(self, rows: Array, size: int) -> Array:
        """float32[views, size]. NaN fails every condition, which is to the right; -inf meets every one."""
        views = np.zeros((len(self.columns), size), np.float32)
        values = np.ascontiguousarray(rows.T)[self.columns]
        missing = np.isnan(values)
        by_zero = self.kinds >= ZERO_LEFT
        missing[by_zero] |= np.abs(values[by_zero]) <= np.float32(ZERO)
        taken_for = np.array([0.0, -np.inf, np.nan, -np.inf, np.nan], np.float32)[self.kinds]
        views[:, : len(rows)] = np.where(missing, taken_for[:, None], values)
        return views


def _kinds(forest: Forest) -> Array:
    """int64[nodes]: PLAIN to ZERO_RIGHT."""
    right = (~forest.default_left).astype(np.int64)
    kinds = np.where(forest.missing == NAN_IS_MISSING, NAN_LEFT + right, PLAIN)
    return np.where(forest.missing == ZERO_IS_MISSING, ZERO_LEFT + right, kinds)


def _rounded_down(thresholds: Array) -> Array:
    """float32: the largest that is not above, so that x <= threshold says the same of every float32 x."""
    with np.errstate(over="ignore"):  # what is above all float32 but infinity becomes the largest of them
        nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, below, nearest)


def _laid_out(forest: Forest) -> tuple[Array, Array, Array, Array, Array]:
    """Of every node its number, tree and mask; where each tree's leaves start; and all leaves from left to right."""
    nodes: list[int] = []
    trees: list[int] = []
    masks: list[int] = []
    leaf_starts: list[int] = []
    leaves: list[float] = []
    for tree, root in enumerate(forest.roots.tolist()):
        leaf_starts.append(len(leaves))
        for node, low, high in _spans(forest, root, leaves):
            nodes.append(node)
            trees.append(tree)
            left = ((1 << (high - low)) - 1) << low
            masks.append(~left & int(ALL))
    return (
        np.array(nodes, np.int64),
        np.array(trees, np.int32),
        np.array(masks, np.uint64),
        np.array(leaf_starts, np.int32),
        np.array(leaves, np.float64),
    )


def _spans(forest: Forest, root: int, leaves: list[float]) -> list[tuple[int, int, int]]:
    """(node, low, high) of one tree: the bits of the leaves below a node's left child. Its leaves join ``leaves``."""
    children, values = forest.children, forest.leaf_value
    base, spans = len(leaves), []
    waiting: list[tuple[int, int]] = [(root, -1)]  # a node, and where its left side began once that is done
    while waiting:
        node, low = waiting.pop()
        if node < 0:
            leaves.append(float(values[~node]))
        elif low < 0:
            waiting += [(node, len(leaves) - base), (int(children[node, 0]), -1)]
        else:
            spans.append((node, low, min(len(leaves) - base, MOST_LEAVES)))
            waiting.append((int(children[node, 1]), -1))
    return spans


DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
"""Multiplied by a power of two, its highest six bits name the power: the way to find the lowest bit in vectors."""
BITS = np.zeros(64, np.int32)
for _bit in range(64):
    BITS[(int(DE_BRUIJN) << _bit & int(ALL)) >> 58] = _bit


@compiled
def _sum_leaves(
    views: Array,
    starts: Array,
    thresholds: Array,
    trees: Array,
    masks: Array,
    leaf_starts: Array,
    leaves: Array,
    bit_of: Array,
    found: Array,
) -> None:
    bits = np.empty((len(leaf_starts), BLOCK), np.uint64)
    for start in range(0, len(found), BLOCK):
        bits[:] = ALL
        for view in range(len(views)):
            values = views[view, start : start + BLOCK]
            highest = np.float32(-np.inf)
            for row in range(BLOCK):
                if not values[row] <= highest:  # NaN is above all
                    highest = values[row]
                    if np.isnan(highest):
                        break
            for node in range(starts[view], starts[view + 1]):
                threshold = thresholds[node]
                if highest <= threshold:
                    break
                mask, tree = masks[node], trees[node]
                for row in range(BLOCK):
                    bits[tree, row] &= ALL if values[row] <= threshold else mask
        found[start : start + BLOCK] = 0.0
        for tree in range(len(leaf_starts)):
            first = leaf_starts[tree]
            for row in range(BLOCK):
                word = bits[tree, row]
                lowest = word & (~word + np.uint64(1))
                found[start + row] += leaves[first + bit_of[(lowest * DE_BRUIJN) >> np.uint64(58)]]
