"""Tables as tiles: ROWS rows at a time, and of each column the values of these rows side by side.

Machine code that does the same to many rows reads vectors from them, where rows one after the other would have it
gather. A tile of a ranker's columns stays in a core's own cache.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.compiled import INT, NOTHING, SINGLE, SINGLE_ROWS, filled, given, kernel

ROWS: Final = 64

TILES, TO_TILES = given(SINGLE, 3), filled(SINGLE, 3)


def tiled(rows: Array) -> Array:
    """float32[tiles, k, ROWS] from float32[n, k]; see ``room``."""
    tiles = room(len(rows), rows.shape[1])
    lay(np.ascontiguousarray(rows, np.float32), 0, rows.shape[1], 0, tiles)
    return tiles


def room(rows: int, columns: int) -> Array:
    """float32[tiles, columns, ROWS], to be filled: as many tiles as hold so many rows."""
    return np.empty((-(-rows // ROWS), columns, ROWS), np.float32)


def untiled(tiles: Array, count: int) -> Array:
    """float32[count, k]: the first rows of tiles, one after the other."""
    rows: Array = tiles.transpose(0, 2, 1).reshape(len(tiles) * ROWS, tiles.shape[1])[:count]
    return rows


@kernel(NOTHING(SINGLE_ROWS, INT, INT, INT, TO_TILES))
def lay(values: Array, first: int, stop: int, place: int, tiles: Array) -> None:
    """The columns of ``values`` (float32[n, k]) from ``first`` to ``stop`` become the tiles' columns from ``place`` on.
    Behind the last row stands it again."""
    width = values.shape[1]
    cells = values.reshape(values.size)
    for tile in range(len(tiles)):
        known = min(ROWS, len(values) - tile * ROWS)
        for column in range(first, stop):
            start, own = tile * ROWS * width + column, tiles[tile, place + column - first]
            if known == ROWS:
                for row in range(ROWS):
                    own[row] = cells[np.uint64(start + row * width)]  # unsigned: no look at whether it is below 0
            else:
                for row in range(known):
                    own[row] = cells[np.uint64(start + row * width)]
                own[known:] = own[known - 1]
