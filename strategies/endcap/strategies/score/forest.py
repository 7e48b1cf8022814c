"""A LightGBM model as arrays.

The model text is read after the bundle's hashes were checked, so its shape is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from endcap.bundle.events import Array

_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2


@dataclass(frozen=True)
class Forest:
    """All trees' nodes in one row: inner nodes first by tree, a leaf as the negative number ``~leaf``."""

    roots: Array  # int32[trees]
    feature: Array  # int32[nodes]
    threshold: Array  # float64[nodes]; of a categorical node the number of its set
    categorical: Array  # bool[nodes]
    default_left: Array  # bool[nodes]
    missing: Array  # int8[nodes]: NONE, ZERO_OR_NAN or NAN
    children: Array  # int32[nodes, 2], left and right
    node_value: Array  # float64[nodes]: mean of the leaves below, by training rows
    leaf_value: Array  # float64[leaves]
    set_starts: Array  # int64[sets + 1], into the words
    set_words: Array  # uint32[words]: bit c of a set's words is on where category c goes left

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for a model of several scores a row, or with linear leaves; Endcap trains none."""
        trees = list(_trees(text))
        inner = np.array([int(tree["num_leaves"]) - 1 for tree in trees], np.int64)
        node_starts = np.concatenate([[0], np.cumsum(inner)])
        leaf_starts = np.concatenate([[0], np.cumsum(inner + 1)])
        kinds = _joined(trees, "decision_type", np.int32)
        categorical = (kinds & _CATEGORICAL) != 0
        children = np.stack(
            [_linked(trees, side, node_starts, leaf_starts) for side in ("left_child", "right_child")], 1
        )
        leaf_value, leaf_count = _joined(trees, "leaf_value", np.float64), _joined(trees, "leaf_count", np.float64)
        sets = np.array([int(tree.get("num_cat", "0")) for tree in trees], np.int64)
        first_set = np.repeat(np.cumsum(sets) - sets, inner)
        return cls(
            roots=np.where(inner, node_starts[:-1], ~leaf_starts[:-1]).astype(np.int32),
            feature=_joined(trees, "split_feature", np.int32),
            threshold=_joined(trees, "threshold", np.float64) + np.where(categorical, first_set, 0),
            categorical=categorical,
            default_left=(kinds & _DEFAULT_LEFT) != 0,
            missing=((kinds >> _MISSING_SHIFT) & 3).astype(np.int8),
            children=children,
            node_value=_means(children, leaf_value, leaf_count),
            leaf_value=leaf_value,
            set_starts=_set_starts(trees),
            set_words=_joined(trees, "cat_threshold", np.uint32),
        )


def _trees(text: str) -> Iterator[dict[str, str]]:
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("Tree=")]
    end = lines.index("end of trees") if "end of trees" in lines else len(lines)
    _check_header(lines[: starts[0] if starts else end])
    for start, stop in pairwise([*starts, end]):
        tree = dict(line.split("=", 1) for line in lines[start:stop] if "=" in line)
        if tree.get("is_linear", "0") != "0":
            raise ValueError("the model has linear leaves, expected constant ones: train it without linear_tree")
        yield tree


def _check_header(lines: list[str]) -> None:
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    if (scores := told.get("num_tree_per_iteration", "1")) != "1":
        raise ValueError(
            f"the model gives {scores} scores a row, expected 1: train it for an objective with one, such as lambdarank"
        )


def _numbers(tree: dict[str, str], key: str, dtype: type) -> Array:
    return np.array(tree.get(key, "").split(), dtype)


def _joined(trees: list[dict[str, str]], key: str, dtype: type) -> Array:
    return np.concatenate([np.empty(0, dtype), *(_numbers(tree, key, dtype) for tree in trees)])


def _set_starts(trees: list[dict[str, str]]) -> Array:
    """int64[sets + 1]: where each set of categories starts among the words of all trees."""
    sizes = [np.diff(_numbers(tree, "cat_boundaries", np.int64)) for tree in trees]
    return np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *sizes]))]).astype(np.int64)


def _linked(trees: list[dict[str, str]], side: str, node_starts: Array, leaf_starts: Array) -> Array:
    """A tree's own child numbers as numbers in the whole forest."""
    parts = [np.empty(0, np.int32)]
    for tree, nodes, leaves in zip(trees, node_starts, leaf_starts, strict=False):
        own = _numbers(tree, side, np.int32)
        parts.append(np.where(own >= 0, own + nodes, ~(~own + leaves)).astype(np.int32))
    return np.concatenate(parts)


def _means(children: Array, leaf_value: Array, leaf_count: Array) -> Array:
    """float64[nodes]; a child's number is above its parent's, so one pass from the end sees children first."""
    value, count = np.zeros(len(children)), np.zeros(len(children))
    for node in range(len(children) - 1, -1, -1):
        for child in children[node]:
            weight = leaf_count[~child] if child < 0 else count[child]
            count[node] += weight
            value[node] += weight * (leaf_value[~child] if child < 0 else value[child])
        value[node] /= max(count[node], 1.0)
    return value
