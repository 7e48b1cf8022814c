"""Candidates as columns: the one table that travels through the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, INT64S, NOTHING, SINGLE_ROWS, TO_SINGLE_ROWS, kernel
from endcap.strategies.tiles import lay, room

SCORE = "score"
"""The column that the scorer fills and the selector reads."""


class Recalled(NamedTuple):
    """What one recall source proposes, best first."""

    items: Array
    """int32[k], each item once."""
    scores: Array
    """float32[k], descending, in the source's own units."""

    @staticmethod
    def none() -> Recalled:
        return Recalled(np.empty(0, np.int32), np.empty(0, np.float32))


class Block(NamedTuple):
    """Columns that one component added together: float32[n, k], and their k names."""

    names: tuple[str, ...]
    values: Array


@dataclass(frozen=True)
class Candidates:
    """One row an item: int32[n] item numbers and float32 columns, in blocks. Every change makes a new table."""

    items: Array
    blocks: tuple[Block, ...] = field(default=())

    def __post_init__(self) -> None:
        """Machine code takes nothing but int32 side by side, whoever made these candidates."""
        if self.items.dtype != np.int32 or not self.items.flags.c_contiguous:
            object.__setattr__(self, "items", np.ascontiguousarray(self.items, np.int32))

    def __len__(self) -> int:
        return len(self.items)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for block in self.blocks for name in block.names)

    def with_block(self, names: Sequence[str], values: Array) -> Candidates:
        """These candidates with more columns. Raises ValueError where ``values`` is not float32[n, len(names)]."""
        expected = (len(self.items), len(names))
        if values.shape != expected or values.dtype != np.float32:
            raise ValueError(f"expected float32{list(expected)}, found {values.dtype}{list(values.shape)}")
        values = values if values.flags.c_contiguous else np.ascontiguousarray(values)
        return Candidates(self.items, (*self.blocks, Block(tuple(names), values)))

    def with_column(self, name: str, values: Array) -> Candidates:
        return self.with_block((name,), values.astype(np.float32, copy=False)[:, None])

    def take(self, rows: Array) -> Candidates:
        """The rows of a bool[n] mask or of row numbers, in that order; their columns are one block."""
        rows, names = np.arange(len(self.items))[rows], _distinct(tuple(block.names for block in self.blocks))
        values = np.empty((len(rows), len(names)), np.float32)
        for block, targets, sources in self._runs(names):
            _pick(block.values, rows, sources.start, sources.stop, targets.start, values)
        return Candidates(self.items[rows], (Block(names, values),))

    def column(self, name: str) -> Array:
        """float32[n]; the last block that carries the name wins. Raises KeyError for an unknown name."""
        for block in reversed(self.blocks):
            if name in block.names:
                column: Array = block.values[:, block.names.index(name)]
                return column
        raise KeyError(f"no column {name!r} among {', '.join(self.names) or 'none'}")

    def matrix(self, names: Sequence[str]) -> Array:
        """float32[n, len(names)], contiguous, in the order asked; a name that no block carries is a column of NaN."""
        out = np.empty((len(self.items), len(names)), np.float32)
        out[:, self._missing(names)] = np.nan
        for block, targets, sources in self._runs(names):
            out[:, targets] = block.values[:, sources]
        return out

    def tiles(self, names: Sequence[str]) -> Array:
        """float32[tiles, len(names), ROWS]: as ``matrix``, by tiles (see endcap.strategies.tiles)."""
        out = room(len(self.items), len(names))
        out[:, self._missing(names)] = np.nan
        for block, targets, sources in self._runs(names):
            lay(block.values, sources.start, sources.stop, targets.start, out)
        return out

    def _missing(self, names: Sequence[str]) -> list[int]:
        """Places of those that no block has."""
        return _moves(tuple(block.names for block in self.blocks), tuple(names))[0]

    def _runs(self, names: Sequence[str]) -> Iterator[tuple[Block, slice, slice]]:
        """Blocks, where columns of theirs go among ``names``, and where they are. Of several of one name the last one
        goes last."""
        _, moves = _moves(tuple(block.names for block in self.blocks), tuple(names))
        pairs = zip(self.blocks, moves, strict=True)
        return ((block, targets, sources) for block, own in pairs for targets, sources in own)


@kernel(NOTHING(SINGLE_ROWS, INT64S, INT, INT, INT, TO_SINGLE_ROWS))
def _pick(values: Array, rows: Array, first: int, stop: int, place: int, out: Array) -> None:
    """Of these rows of ``values`` the columns from ``first`` to ``stop``, into ``out`` from column ``place`` on."""
    for row in range(len(rows)):
        for column in range(first, stop):
            out[row, place + column - first] = values[rows[row], column]


@lru_cache(256)
def _distinct(blocks: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in blocks for name in names))


@lru_cache(256)
def _moves(
    blocks: tuple[tuple[str, ...], ...], names: tuple[str, ...]
) -> tuple[list[int], tuple[tuple[tuple[slice, slice], ...], ...]]:
    """Places of ``names`` that no block has; and of each block (by its columns' names), runs of columns as (where they
    go among ``names``, where they are)."""
    known = {name for block in blocks for name in block}
    found: list[tuple[tuple[slice, slice], ...]] = []
    for block in blocks:
        pairs = [(target, block.index(name)) for target, name in enumerate(names) if name in block]
        starts = [at for at, (t, s) in enumerate(pairs) if not at or pairs[at - 1] != (t - 1, s - 1)]
        runs = zip(starts, [*starts[1:], len(pairs)], strict=False)  # where nothing is wanted, no start either
        spans = [(pairs[start], pairs[end - 1]) for start, end in runs]
        found.append(tuple((slice(a[0], b[0] + 1), slice(a[1], b[1] + 1)) for a, b in spans))
    return [place for place, name in enumerate(names) if name not in known], tuple(found)
