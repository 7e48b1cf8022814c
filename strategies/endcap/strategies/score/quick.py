"""A forest scored node by node instead of row by row, exactly as LightGBM scores it.

QuickScorer (Lucchese et al., SIGIR 2015), with rows side by side (V-QuickScorer, SIGIR 2016). A tree's leaves are bits,
from left to right. Each node whose condition fails for a row clears the leaves of its left side; the first bit that
stays is the row's leaf. A tree is cut into pieces of 32 leaves, so that a word is as wide as a value and a tree may be
of any size: a node stands in each piece that it can clear leaves of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.score import native
from endcap.strategies.score.forest import Forest
from endcap.strategies.score.native import LEAVES, ROWS
from endcap.strategies.tiles import tiled


@dataclass(frozen=True)
class QuickScorer:
    """Nodes piece by piece. A view is a column as the nodes of one kind of missing values, or of one set, see it."""

    columns: Array  # int32[views]
    kinds: Array  # int8[views]
    set_starts: Array  # int64[views + 1], into the words; empty spans but for sets of categories
    set_words: Array  # uint32[words]
    trees: Array  # int32[trees + 1], into the pieces
    firsts: Array  # int32[pieces]: the number of a piece's leftmost leaf
    starts: Array  # int32[pieces + 1], into the nodes; those that send NaN to the right come first
    splits: Array  # int32[pieces]: where those begin that send it to the left
    places: Array  # int32[nodes]: ROWS times the view
    thresholds: Array  # float32[nodes], rounded down: for float32 values the comparison stays the same
    masks: Array  # uint32[nodes]: all but the leaves of the left subtree
    leaves: Array  # float64[leaves], from left to right, tree by tree
    paths: Array  # int32[leaves + 1], into the steps from the root to each leaf
    path_columns: Array  # int16[steps]
    path_moves: Array  # float64[steps]: what a step adds to the mean of the leaves below

    @classmethod
    def of(cls, forest: Forest) -> Self:
        spans, leaves = _spans(forest)
        paths = [_path(forest, leaf) for leaf in leaves]
        views, view_of = _views(forest)
        pieces = _pieces(spans, _nan_left(forest))
        node, piece = pieces.nodes, pieces.of
        made = cls(
            columns=views.columns,
            kinds=views.kinds,
            set_starts=views.set_starts,
            set_words=views.set_words,
            trees=pieces.trees,
            firsts=pieces.firsts,
            starts=np.searchsorted(piece, np.arange(len(pieces.firsts) + 1)).astype(np.int32),
            splits=pieces.splits,
            places=(view_of[node] * ROWS).astype(np.int32),
            thresholds=_rounded_down(np.where(forest.categorical, 0.5, forest.threshold))[node],
            masks=pieces.masks,
            leaves=np.array([leaf.value for leaf in leaves], np.float64),
            paths=np.concatenate([[0], np.cumsum([len(path) for path in paths])]).astype(np.int32),
            path_columns=np.array([column for path in paths for column, _ in path], np.int16),
            path_moves=np.array([moved for path in paths for _, moved in path], np.float64),
        )
        width = int(forest.feature.max(initial=0)) + 1
        made.contributions(np.zeros((1, width), np.float32))  # compiles, before any request
        return made

    def scores(self, rows: Array) -> Array:
        """float64[n] from float32[n, features]: the sums of the leaves' values, added in the order of the trees."""
        return self.of_tiles(tiled(rows), len(rows))

    def of_tiles(self, tiles: Array, count: int) -> Array:
        """As ``scores``, of so many rows, which stand in tiles: see endcap.strategies.tiles."""
        return self._scored(tiles, np.empty((0, 0), np.uint32))[:count]

    def contributions(self, rows: Array) -> Array:
        """float64[n, features]: what each feature's splits added along each row's paths (float32[n, features]).

        Summed over the features this is the score less the trees' means. The method is Saabas' path attribution,
        https://blog.datadive.net/interpreting-random-forests (2014).
        """
        return self.parts_of_tiles(tiled(rows), len(rows))

    def parts_of_tiles(self, tiles: Array, count: int) -> Array:
        """As ``contributions``, of so many rows, which stand in tiles."""
        reached = np.empty((len(self.trees) - 1, len(tiles) * ROWS), np.uint32)
        total = np.zeros((count, tiles.shape[1]))
        self._scored(tiles, reached)
        native.add_paths(reached, self.paths, self.path_columns, self.path_moves, total)
        return total

    def _scored(self, tiles: Array, reached: Array) -> Array:
        """Of all rows that stand in the tiles."""
        total = np.zeros(len(tiles) * ROWS)
        native.add_leaves(
            tiles,
            self.columns,
            self.kinds,
            self.set_starts,
            self.set_words,
            self.trees,
            self.firsts,
            self.starts,
            self.splits,
            self.places,
            self.thresholds,
            self.masks,
            self.leaves,
            total,
            reached,
        )
        return total


class _Views(NamedTuple):
    columns: Array
    kinds: Array
    set_starts: Array
    set_words: Array


def _views(forest: Forest) -> tuple[_Views, Array]:
    """All views, and of each node its own (int64[nodes])."""
    sets = np.where(forest.categorical, forest.threshold, -1).astype(np.int64)
    kinds = np.where(forest.categorical, native.CATEGORY, forest.missing)
    distinct, view_of = np.unique(np.stack([forest.feature, kinds, sets]), axis=1, return_inverse=True)
    columns, kinds, sets = distinct
    known = np.flatnonzero(sets >= 0)
    sizes = np.zeros(len(sets), np.int64)
    sizes[known] = np.diff(forest.set_starts)[sets[known]]
    words = [forest.set_words[forest.set_starts[each] : forest.set_starts[each + 1]] for each in sets[known]]
    return _Views(
        columns.astype(np.int32),
        kinds.astype(np.int8),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([forest.set_words[:0], *words]),
    ), view_of.ravel()


def _nan_left(forest: Forest) -> Array:
    """bool[nodes]: whether NaN, as it still stands in the node's view, goes left."""
    goes: Array = forest.default_left & (forest.missing != native.NONE) & ~forest.categorical
    return goes


def _rounded_down(thresholds: Array) -> Array:
    """float32: the largest that is not above, so that x <= threshold says the same of every float32 x."""
    with np.errstate(over="ignore"):  # what is above all float32 but infinity becomes the largest of them
        nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, below, nearest)


class _Span(NamedTuple):
    """The leaves below a node's left child, counted from the left of its tree."""

    node: int
    low: int
    high: int


class _Tree(NamedTuple):
    first: int
    """The number of its leftmost leaf."""
    size: int
    spans: list[_Span]


class _Pieces(NamedTuple):
    trees: Array
    firsts: Array
    splits: Array
    of: Array
    nodes: Array
    masks: Array


def _pieces(trees: list[_Tree], nan_left: Array) -> _Pieces:
    """Every node that clears leaves of a piece, by piece and by where NaN goes."""
    rows: list[tuple[int, bool, int, int]] = []
    firsts: list[int] = []
    bounds = [0]
    for tree in trees:
        for low in range(0, tree.size, LEAVES):
            masks = [(node, _bits(left - low, right - low)) for node, left, right in tree.spans]
            rows += [(len(firsts), bool(nan_left[node]), node, mask) for node, mask in masks if mask]
            firsts.append(tree.first + low)
        bounds.append(len(firsts))
    table = np.array(sorted(rows), np.int64).reshape(-1, 4)
    return _Pieces(
        trees=np.array(bounds, np.int32),
        firsts=np.array(firsts, np.int32),
        splits=np.searchsorted(table[:, 0] * 2 + table[:, 1], np.arange(len(firsts)) * 2 + 1).astype(np.int32),
        of=table[:, 0],
        nodes=table[:, 2],
        masks=(2**LEAVES - 1 - table[:, 3]).astype(np.uint32),
    )


def _bits(low: int, high: int) -> int:
    """A word with the bits of leaves ``low`` to ``high`` of a piece; the leftmost leaf is the highest bit.

    >>> bin(_bits(-5, 2))
    '0b11000000000000000000000000000000'
    """
    low, high = max(low, 0), min(high, LEAVES)
    return ((1 << (high - low)) - 1) << (LEAVES - high) if low < high else 0


class _Leaf(NamedTuple):
    value: float
    above: list[int]
    """The nodes on the way to it, from the root."""


def _spans(forest: Forest) -> tuple[list[_Tree], list[_Leaf]]:
    """The trees, and all their leaves from left to right."""
    leaves: list[_Leaf] = []
    trees = []
    for root in forest.roots.tolist():
        first = len(leaves)
        spans = _walk(forest, root, leaves)
        trees.append(_Tree(first, len(leaves) - first, spans))
    return trees, leaves


def _walk(forest: Forest, root: int, leaves: list[_Leaf]) -> list[_Span]:
    """The spans of one tree's nodes; its leaves join ``leaves``."""
    children, values = forest.children, forest.leaf_value
    base, spans = len(leaves), []
    waiting: list[tuple[int, int, list[int]]] = [(root, -1, [])]  # and where its left side began once that is done
    while waiting:
        node, low, above = waiting.pop()
        if node < 0:
            leaves.append(_Leaf(float(values[~node]), above))
        elif low < 0:
            waiting += [(node, len(leaves) - base, above), (int(children[node, 0]), -1, [*above, node])]
        else:
            spans.append(_Span(node, low, len(leaves) - base))
            waiting.append((int(children[node, 1]), -1, [*above, node]))
    return spans


def _path(forest: Forest, leaf: _Leaf) -> list[tuple[int, float]]:
    """From the root on, each split's feature, and what its step adds to the mean of the leaves below."""
    means = [*forest.node_value[leaf.above].tolist(), leaf.value]
    return [
        (int(forest.feature[node]), after - before)
        for node, (before, after) in zip(leaf.above, pairwise(means), strict=True)
    ]
