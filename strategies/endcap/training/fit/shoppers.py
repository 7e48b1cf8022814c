"""From what a shopper says of themselves to a factor: for those who have not done anything yet.

A ridge regression of the factors of known shoppers on their attributes: each value of an attribute moves the mean
shopper, the less the fewer have it. The penalty is chosen by shoppers held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from endcap.bundle.columns import BoolColumn, Column, NumberColumn, StringColumn
from endcap.bundle.events import Array

PENALTIES = (10.0, 30.0, 100.0, 300.0, 1000.0)
FOLDS = 5
MOST_VALUES = 50
"""A text attribute with more values than this is a name or a code, and no group of shoppers."""


class ShopperMap(NamedTuple):
    rows: Array
    """float32[p + 1, f]: the mean shopper, and what each attribute's value adds."""
    columns: dict[str, dict[str, Any]]
    """By attribute: ``values``, the row of each; or ``row``, ``mean`` and ``spread`` of a number."""
    spread: Array
    """float64[f, f]: how far, and in which directions together, shoppers are from what their attributes say."""


class _Inputs(NamedTuple):
    matrix: Array  # float64[u, p]
    columns: dict[str, dict[str, Any]]


def learn_shoppers(columns: Mapping[str, Column], factors: Array, seed: int) -> ShopperMap:
    """From the attributes (u rows) and factors (float[u, f]) of all shoppers; those without any factor are left out."""
    inputs = _inputs(columns, len(factors))
    known = np.flatnonzero(factors.any(axis=1))
    if not len(known):
        size = factors.shape[1]
        return ShopperMap(
            np.zeros((1 + inputs.matrix.shape[1], size), np.float32), inputs.columns, np.zeros((size, size))
        )
    matrix, targets = inputs.matrix[known], factors[known].astype(np.float64)
    mean = targets.mean(axis=0)
    added = _added(matrix, targets - mean, _best_penalty(matrix, targets - mean, seed))
    rest = targets - mean - matrix @ added
    return ShopperMap(np.vstack([mean, added]).astype(np.float32), inputs.columns, rest.T @ rest / len(rest))


def _inputs(columns: Mapping[str, Column], count: int) -> _Inputs:
    parts, told, row = [np.empty((count, 0))], dict[str, dict[str, Any]](), 1
    for name, column in sorted(columns.items()):
        if isinstance(column, NumberColumn):
            values, about = _number(column.values)
            told[name] = {"row": row, **about}
        else:
            values, names = _one_hot(column)
            told[name] = {"values": {each: row + place for place, each in enumerate(names)}}
        parts.append(values)
        row += values.shape[1]
    return _Inputs(np.concatenate(parts, axis=1), told)


def _number(values: Array) -> tuple[Array, dict[str, float]]:
    known = values[np.isfinite(values)]
    mean, spread = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
    return np.nan_to_num((values - mean) / spread)[:, None], {"mean": mean, "spread": spread}


def _one_hot(column: Column) -> tuple[Array, list[str]]:
    """Values as a request would write them: see ``str(column.value(row))``."""
    if isinstance(column, StringColumn) and len(column.vocabulary) <= MOST_VALUES:
        names = [column.vocabulary[code] for code in range(len(column.vocabulary))]
        return (column.codes[:, None] == np.arange(len(names))).astype(np.float64), names
    if isinstance(column, BoolColumn):
        return (column.values[:, None] == np.array([0, 1])).astype(np.float64), ["False", "True"]
    return np.empty((len(column), 0)), []


def _added(matrix: Array, targets: Array, penalty: float) -> Array:
    """float64[p, f]."""
    left = matrix.T @ matrix + penalty * np.eye(matrix.shape[1])
    added: Array = np.linalg.solve(left, matrix.T @ targets)
    return added


def _best_penalty(matrix: Array, targets: Array, seed: int) -> float:
    """That of the least squared error on held-out shoppers; of equals the strongest."""
    fold = np.random.default_rng([seed, 5]).permutation(len(matrix)) % FOLDS
    errors = dict.fromkeys(reversed(PENALTIES), 0.0)
    for held in range(FOLDS):
        rest, asked = fold != held, fold == held
        for penalty in errors:
            guess = matrix[asked] @ _added(matrix[rest], targets[rest], penalty)
            errors[penalty] += float(np.square(targets[asked] - guess).sum())
    return min(errors, key=lambda penalty: errors[penalty])
