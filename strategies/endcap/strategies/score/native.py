"""The machine code of the trees: 64 rows side by side, in vectors that LLVM fits to whatever width the machine has.

The loop over the nodes of a tree is written in LLVM's own language. From plain loops LLVM does not see that the leaves
of 64 rows may stay in registers from node to node, and that costs two thirds of the time. Everything stands in one
file, because Numba's cache of compiled code knows only the file of the function that it compiled.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.extending import intrinsic

from endcap.bundle.events import Array
from endcap.strategies.compiled import compiled, fetch

ROWS: Final = 64
"""Rows side by side."""
LEAVES: Final = 32
"""Leaves of a piece, one a bit of its word; the leftmost leaf is the highest bit."""
NONE, ZERO_OR_NAN, NAN, CATEGORY = range(4)
"""What a view takes for missing; in that of a set of categories, 0 is a member and 1 is not."""
ZERO: Final = float(np.float32(1e-35))
"""LightGBM takes what is no further from 0 than this for 0 (kZeroThreshold)."""
LINE: Final = 8
"""Numbers of float64 that the processor reads from memory at once."""

cgutils: Any = untyped
_LANES: Final = 16
_INT, _LONG = ir.IntType(32), ir.IntType(64)
_INTS, _FLOATS = ir.VectorType(_INT, _LANES), ir.VectorType(ir.FloatType(), _LANES)


def _visiting(
    typing: Any,
    leaves: Any,
    values: Any,
    places: Any,
    thresholds: Any,
    masks: Any,
    start: Any,
    split: Any,
    stop: Any,
    first: Any,
) -> Any:
    """Sets ``leaves`` (uint32[ROWS]) of the rows whose leaf is in one piece, which starts with leaf number ``first``.

    Nodes from ``start`` send NaN to the right, those from ``split`` to ``stop`` to the left. ``values`` is
    float32[views * ROWS]; ``places``, where in it a node's view starts.
    """
    numbers = (types.int32,) * 3
    signature = types.void(leaves, values, places, thresholds, masks, *numbers, types.int32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args[:5]
        leaves, *nodes = (
            context.make_array(k)(context, builder, a).data for k, a in zip(kinds, arguments, strict=False)
        )
        start, split, stop, first = arguments[5:]
        words = [cgutils.alloca_once(builder, _INTS) for _ in range(ROWS // _LANES)]
        for each in words:
            builder.store(ir.Constant(_INTS, [2**LEAVES - 1] * _LANES), each)
        _clear(builder, nodes, (start, split), words, builder.fcmp_unordered)
        _clear(builder, nodes, (split, stop), words, builder.fcmp_ordered)
        for lane, each in enumerate(words):
            _note(builder, builder.load(each), first, _at(builder, leaves, lane * _LANES))
        return context.get_dummy_value()

    return signature, generate


_visit: Any = intrinsic(_visiting)


def _clear(builder: Any, nodes: Any, span: tuple[Any, Any], words: list[Any], compare: Any) -> None:
    """The nodes of a span: where a row's value is above the threshold, the leaves of the left side are gone."""
    values, places, thresholds, masks = nodes
    start, stop = (builder.sext(each, _LONG) for each in span)
    with cgutils.for_range_slice(builder, start, stop, ir.Constant(_LONG, 1)) as (node, _):
        threshold = _splat(builder, builder.load(builder.gep(thresholds, [node])), _FLOATS)
        mask = _splat(builder, builder.load(builder.gep(masks, [node])), _INTS)
        view = builder.gep(values, [builder.sext(builder.load(builder.gep(places, [node])), _LONG)])
        for lane, word in enumerate(words):
            value = _load(builder, _at(builder, view, lane * _LANES), _FLOATS)
            before = builder.load(word)
            above = compare(">", value, threshold)
            builder.store(builder.select(above, builder.and_(before, mask), before), word)


def _note(builder: Any, word: Any, first: Any, target: Any) -> None:
    """The leaf is the highest bit left; a word without any says that it is in a piece further right."""
    kind = ir.FunctionType(_INTS, [_INTS, ir.IntType(1)])
    leading_zeros = cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctlz.v{_LANES}i32")
    place = builder.call(leading_zeros, [word, ir.Constant(ir.IntType(1), 0)])
    leaf = builder.add(_splat(builder, first, _INTS), place)
    found = builder.icmp_unsigned("!=", word, ir.Constant(_INTS, [0] * _LANES))
    chosen = builder.select(found, leaf, _load(builder, target, _INTS))
    builder.store(chosen, builder.bitcast(target, _INTS.as_pointer()), align=4)


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    nothing, zero = ir.Constant(kind, ir.Undefined), ir.Constant(_INT, 0)
    return builder.shuffle_vector(
        builder.insert_element(nothing, value, zero), nothing, ir.Constant(_INTS, [0] * _LANES)
    )


def _at(builder: Any, pointer: Any, offset: int) -> Any:
    return builder.gep(pointer, [ir.Constant(_LONG, offset)])


def _load(builder: Any, pointer: Any, kind: Any) -> Any:
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=4)


@compiled
def _in_set(value: float, words: Array, start: int, stop: int) -> bool:
    """Whether a category, a value cut to a whole number, is in a set; one that is unknown or below 0 is in none."""
    if not -1.0 < value < 32.0 * (stop - start):  # NaN fails both
        return False
    category = np.uint32(value)
    word: np.uint32 = words[start + (category >> np.uint32(5))]
    return bool(word >> (category & np.uint32(31)) & np.uint32(1))


@compiled
def add_leaves(
    tiles: Array,
    columns: Array,
    kinds: Array,
    set_starts: Array,
    set_words: Array,
    trees: Array,
    firsts: Array,
    starts: Array,
    splits: Array,
    places: Array,
    thresholds: Array,
    masks: Array,
    leaves: Array,
    total: Array,
    reached: Array,
) -> None:
    """Adds to ``total`` (float64[n, filled up to whole tiles]) each row's leaf of every tree, tree by tree; which leaf
    it was stands in ``reached`` (uint32[trees, as many], or without any columns where nobody wants to know).

    ``tiles`` are float32[tiles, features, ROWS], see endcap.strategies.tiles; the rest is as in QuickScorer.
    """
    zero, nan, most = np.float32(0.0), np.float32(np.nan), np.float32(ZERO)
    room = np.empty(len(columns) * ROWS + ROWS, np.float32)
    values = room[(64 - room.ctypes.data % 64) // 4 :]  # whole cache lines: vectors that straddle two load slower
    leaf_of, sums = np.empty(ROWS, np.uint32), np.empty(ROWS)
    for start in range(0, len(total), ROWS):
        sums[:] = 0.0
        for view in range(len(columns)):
            own, kind, place = tiles[start // ROWS, columns[view]], kinds[view], view * ROWS
            for row in range(ROWS):
                values[place + row] = zero if abs(own[row]) <= most else own[row]
            if kind == CATEGORY:
                for row in range(ROWS):
                    member = _in_set(values[place + row], set_words, set_starts[view], set_starts[view + 1])
                    values[place + row] = zero if member else np.float32(1.0)
            elif kind == NONE:
                for row in range(ROWS):
                    value = values[place + row]
                    values[place + row] = zero if np.isnan(value) else value
            elif kind == ZERO_OR_NAN:
                for row in range(ROWS):
                    value = values[place + row]
                    values[place + row] = nan if value == zero else value
        for tree in range(len(trees) - 1):
            for piece in range(trees[tree + 1] - 1, trees[tree] - 1, -1):
                _visit(
                    leaf_of,
                    values,
                    places,
                    thresholds,
                    masks,
                    starts[piece],
                    splits[piece],
                    starts[piece + 1],
                    firsts[piece],
                )
            for row in range(ROWS):
                sums[row] += leaves[leaf_of[row]]
            if reached.shape[1]:
                reached[tree, start : start + ROWS] = leaf_of
        for row in range(ROWS):
            total[start + row] += sums[row]


@compiled
def add_paths(reached: Array, starts: Array, columns: Array, moves: Array, total: Array) -> None:
    """Adds to ``total`` (float64[n, features]) what the splits on the path to each leaf that a row reached moved.

    Paths lie all over the memory, so that those of the trees to come are asked for."""
    for tree in range(-2, len(reached)):
        for row in range(len(total)):
            if tree + 2 < len(reached):
                fetch(starts, reached[tree + 2, row])
            if 0 <= tree + 1 < len(reached):
                first = starts[reached[tree + 1, row]]
                fetch(columns, first)
                fetch(moves, first)
                fetch(moves, first + LINE)
        for row in range(len(total) if tree >= 0 else 0):
            leaf = reached[tree, row]
            for step in range(starts[leaf], starts[leaf + np.uint32(1)]):
                total[row, columns[step]] += moves[step]
