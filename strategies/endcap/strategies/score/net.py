"""A small neural network beside the trees: another kind of model over the same columns, which errs in other places.

Two hidden layers, cut off at zero: a request costs three matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.strategies.compiled import INT32S, NOTHING, SINGLE_ROWS, SINGLES, TO_SINGLE_ROWS, kernel

LIMIT = 4.0
"""Inputs are cut off at so many standard deviations: a shop's largest number must not drown all others."""


PATTERNS = 10_000
"""Rows by which columns are told to be absent together."""


@dataclass(frozen=True)
class Encoding:
    """From a row's columns to inputs around zero. A missing value becomes the mean, and a flag says so."""

    means: Array  # float32[k], of log1p(|x|) with the sign of x
    scales: Array  # float32[k], one over its standard deviation
    flags: Array  # int32[f]: columns whose absence is an input too; one for all columns absent together

    @classmethod
    def of(cls, rows: Array) -> Self:
        """rows: float32[n, k], n > 0."""
        values = squashed(rows)
        missing = np.isnan(values)
        known = np.maximum((~missing).sum(0), 1)
        means = np.nansum(values, 0, dtype=np.float64) / known
        spread = np.sqrt(np.nansum((values - means) ** 2, 0) / known)
        scales = np.where(spread > 1e-6, 1.0 / np.maximum(spread, 1e-6), 0.0)
        _, first = np.unique(missing[:PATTERNS], axis=1, return_index=True)
        share = missing[:, first].mean(0)
        flags = np.sort(first[(share > 0) & (share < 1)])
        return cls(means.astype(np.float32), scales.astype(np.float32), flags.astype(np.int32))

    def __call__(self, rows: Array) -> Array:
        """float32[n, k + f]"""
        rows = np.ascontiguousarray(rows, np.float32)
        sizes = np.empty_like(rows)
        _sizes(rows, sizes)
        found = np.empty((len(rows), len(self.means) + len(self.flags)), np.float32)
        _encode(rows, np.log1p(sizes, out=sizes), self.means, self.scales, self.flags, found)
        return found


@kernel(NOTHING(SINGLE_ROWS, TO_SINGLE_ROWS))
def _sizes(rows: Array, sizes: Array) -> None:
    """Without sign, and 0 for NaN, which NumPy's logarithm takes twice the time for."""
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            size = abs(rows[row, column])
            sizes[row, column] = size if size == size else np.float32(0.0)


@kernel(NOTHING(SINGLE_ROWS, SINGLE_ROWS, SINGLES, SINGLES, INT32S, TO_SINGLE_ROWS))
def _encode(rows: Array, logs: Array, means: Array, scales: Array, flags: Array, found: Array) -> None:
    """``logs`` is log1p of the rows' sizes. Choices instead of branches, which LLVM turns into vectors."""
    width, limit = len(means), np.float32(LIMIT)
    for row in range(len(rows)):
        for column in range(width):
            value = rows[row, column]
            squashed = -logs[row, column] if value < 0 else logs[row, column]
            scaled = (squashed - means[column]) * scales[column]
            scaled = limit if scaled > limit else scaled
            scaled = -limit if scaled < -limit else scaled
            found[row, column] = scaled if value == value else np.float32(0.0)
        for flag in range(len(flags)):
            value = rows[row, flags[flag]]
            found[row, width + flag] = np.float32(1.0) if value != value else np.float32(0.0)


def squashed(rows: Array) -> Array:
    """Counts, days and prices spread over orders of magnitude; the signs stay."""
    found: Array = np.copysign(np.log1p(np.abs(rows)), rows)
    return found


@dataclass(frozen=True)
class Net:
    """k columns and f flags, then h and g hidden units."""

    means: Array
    scales: Array
    flags: Array
    first: Array  # float32[k + f, h]
    first_bias: Array  # float32[h]
    second: Array  # float32[h, g]
    second_bias: Array  # float32[g]
    last: Array  # float32[g]
    last_bias: Array  # float32[1]

    @classmethod
    def open(cls, part: Part) -> Self:
        return cls(**{field.name: part.array(f"net.{field.name}") for field in fields(cls)})

    @property
    def encoding(self) -> Encoding:
        return Encoding(self.means, self.scales, self.flags)

    def scores(self, rows: Array) -> Array:
        """float32[n], log-odds, from float32[n, k]."""
        *_, upper = self._layers(rows)
        found: Array = upper @ self.last + self.last_bias
        return found

    def contributions(self, rows: Array) -> Array:
        """float32[n, k]: gradient times input (Shrikumar et al., 2016). An input of zero is the mean over all rows of
        training, so this is how far a column moved the score away from what is usual."""
        inputs, lower, upper = self._layers(rows)
        back = np.where(upper > 0, self.last, 0.0) @ self.second.T
        moved = inputs * (np.where(lower > 0, back, 0.0) @ self.first.T)
        found: Array = moved[:, : len(self.means)].astype(np.float32)
        found[:, self.flags] += moved[:, len(self.means) :]
        return found

    def _layers(self, rows: Array) -> tuple[Array, Array, Array]:
        """Inputs, and both hidden layers, cut off at zero: float32[n, k + f], [n, h] and [n, g]."""
        inputs = self.encoding(rows)
        lower, upper = inputs @ self.first, np.empty((len(rows), len(self.last)), np.float32)
        _cut_off(lower, self.first_bias)
        _cut_off(np.matmul(lower, self.second, out=upper), self.second_bias)
        return inputs, lower, upper


@kernel(NOTHING(TO_SINGLE_ROWS, SINGLES))
def _cut_off(products: Array, bias: Array) -> None:
    """In place: a layer's output from its inputs' products."""
    for row in range(len(products)):
        for unit in range(len(bias)):
            value = products[row, unit] + bias[unit]
            products[row, unit] = value if value > 0 else np.float32(0.0)
