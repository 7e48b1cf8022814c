"""A LightGBM model as arrays, to say which feature moved a score and by how much.

The model text is read after the bundle's hashes were checked, so its shape is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import compiled

_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2
ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold


@dataclass(frozen=True)
class Forest:
    """All trees' nodes in one row: inner nodes first by tree, a leaf as the negative number ``~leaf``."""

    roots: Array  # int32[trees]
    feature: Array  # int32[nodes]
    threshold: Array  # float64[nodes]
    default_left: Array  # bool[nodes]
    missing: Array  # int8[nodes]: 0 none, 1 zero, 2 NaN
    children: Array  # int32[nodes, 2], left and right
    node_value: Array  # float64[nodes]: mean of the leaves below, by training rows
    leaf_value: Array  # float64[leaves]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for a model with categorical or linear splits, which Endcap's training does not make."""
        trees = list(_trees(text))
        inner = np.array([int(tree["num_leaves"]) - 1 for tree in trees], np.int64)
        node_starts = np.concatenate([[0], np.cumsum(inner)])
        leaf_starts = np.concatenate([[0], np.cumsum(inner + 1)])
        kinds = _joined(trees, "decision_type", np.int32)
        if (kinds & _CATEGORICAL).any():
            raise ValueError("the model has categorical splits; expected numerical ones only")
        children = np.stack(
            [_linked(trees, side, node_starts, leaf_starts) for side in ("left_child", "right_child")], 1
        )
        leaf_value, leaf_count = _joined(trees, "leaf_value", np.float64), _joined(trees, "leaf_count", np.float64)
        return cls(
            roots=np.where(inner, node_starts[:-1], ~leaf_starts[:-1]).astype(np.int32),
            feature=_joined(trees, "split_feature", np.int32),
            threshold=_joined(trees, "threshold", np.float64),
            default_left=(kinds & _DEFAULT_LEFT) != 0,
            missing=((kinds >> _MISSING_SHIFT) & 3).astype(np.int8),
            children=children,
            node_value=_means(children, leaf_value, leaf_count),
            leaf_value=leaf_value,
        )

    def contributions(self, rows: Array) -> Array:
        """float64[n, features]: what each feature's splits added along each row's paths (float32[n, features]).

        Summed over the features this is the score less the trees' means. The method is Saabas' path attribution,
        https://blog.datadive.net/interpreting-random-forests (2014).
        """
        total = np.zeros(rows.shape)
        _walk(
            np.ascontiguousarray(rows, np.float32),
            self.roots,
            self.feature,
            self.threshold,
            self.default_left,
            self.missing,
            self.children,
            self.node_value,
            self.leaf_value,
            total,
        )
        return total


@compiled
def _walk(
    rows: Array,
    roots: Array,
    feature: Array,
    threshold: Array,
    default_left: Array,
    missing: Array,
    children: Array,
    node_value: Array,
    leaf_value: Array,
    total: Array,
) -> None:
    for row in range(len(rows)):
        for root in roots:
            node = root
            while node >= 0:
                column = feature[node]
                value = np.float64(rows[row, column])
                nothing = np.isnan(value)
                if missing[node] == NAN_IS_MISSING:
                    unknown = nothing
                else:
                    unknown = missing[node] == ZERO_IS_MISSING and (nothing or abs(value) <= ZERO)
                if unknown:
                    left = default_left[node]
                else:
                    left = threshold[node] >= 0.0 if nothing else value <= threshold[node]
                below = children[node, 0] if left else children[node, 1]
                after = node_value[below] if below >= 0 else leaf_value[~below]
                total[row, column] += after - node_value[node]
                node = below


def _trees(text: str) -> Iterator[dict[str, str]]:
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("Tree=")]
    end = lines.index("end of trees") if "end of trees" in lines else len(lines)
    for start, stop in pairwise([*starts, end]):
        tree = dict(line.split("=", 1) for line in lines[start:stop] if "=" in line)
        if tree.get("is_linear", "0") != "0":
            raise ValueError("the model has linear leaves; expected constant ones")
        yield tree


def _numbers(tree: dict[str, str], key: str, dtype: type) -> Array:
    return np.array(tree.get(key, "").split(), dtype)


def _joined(trees: list[dict[str, str]], key: str, dtype: type) -> Array:
    return np.concatenate([np.empty(0, dtype), *(_numbers(tree, key, dtype) for tree in trees)])


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
