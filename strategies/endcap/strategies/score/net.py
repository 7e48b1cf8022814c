"""A small neural network beside the trees: another kind of model over the same columns, which errs in other places.

Two hidden layers, cut off at zero: a request costs three matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.strategies.score import dense
from endcap.strategies.tiles import room, tiled, untiled

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
        tiles = tiled(rows)
        inputs = room(len(rows), len(self.means) + len(self.flags))
        dense.encode(tiles, self.means, self.scales, self.flags, inputs)
        return untiled(inputs, len(rows))


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

    @property
    def _layers(self) -> tuple[Array, ...]:
        own = (self.means, self.scales, self.flags, self.first, self.first_bias, self.second, self.second_bias)
        return (*own, self.last)

    def scores(self, rows: Array) -> Array:
        """float32[n], log-odds, from float32[n, k]."""
        return self.of_tiles(tiled(rows), len(rows))

    def of_tiles(self, tiles: Array, count: int) -> Array:
        """As ``scores``, of so many rows, which stand in tiles: see endcap.strategies.tiles."""
        found = np.empty(count, np.float32)
        dense.score(tiles, *self._layers, self.last_bias, found)
        return found

    def contributions(self, rows: Array) -> Array:
        """float32[n, k]: gradient times input (Shrikumar et al., 2016). An input of zero is the mean over all rows of
        training, so this is how far a column moved the score away from what is usual."""
        return self.parts_of_tiles(tiled(rows), len(rows))

    def parts_of_tiles(self, tiles: Array, count: int) -> Array:
        """As ``contributions``, of so many rows, which stand in tiles."""
        found = np.empty((count, len(self.means)), np.float32)
        dense.attribute(tiles, *self._layers, found)
        return found
