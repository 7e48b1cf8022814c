"""The machine code of the network: a tile of rows goes through all layers at once, and what lies between the layers
never leaves a core's own caches.

Products of matrices are written in LLVM's own language: six units of all rows of a tile stay in registers while their
inputs pass by once. Everything stands in one file, because Numba's cache of compiled code knows only the file of the
function that it compiled.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.extending import intrinsic

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    INT32S,
    NOTHING,
    SINGLE,
    SINGLE_ROWS,
    SINGLES,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    compiled,
    given,
    kernel,
)

LIMIT: Final = 4.0
"""Inputs are cut off at so many standard deviations: a shop's largest number must not drown all others."""
ROWS: Final = 64
"""Of a tile: see endcap.strategies.tiles."""
UNITS: Final = 6
"""So many stay in registers, of all rows."""

cgutils: Any = untyped
_LANES: Final = 16
_INT, _LONG = ir.IntType(32), ir.IntType(64)
_INTS, _FLOATS = ir.VectorType(_INT, _LANES), ir.VectorType(ir.FloatType(), _LANES)


def _multiplying(rows: int) -> Any:
    """What adds to UNITS rows of ``out`` (float32[units, ROWS]), from ``first`` on, the products of the weights with
    the first ``depth`` rows of ``inputs`` (float32[depth or more, ROWS]), in their first columns, ``rows`` of them.
    Where there are fewer units left, the last one is written several times.

    ``steps`` are how far apart two units' weights stand, and two inputs': so the transposed weights are read as well.
    """

    def typed(typing: Any, inputs: Any, depth: Any, weights: Any, steps: Any, first: Any, units: Any, out: Any) -> Any:
        signature = types.void(inputs, types.int64, weights, steps, types.int64, types.int64, out)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            inputs, weights, out = (
                context.make_array(signature.args[at])(context, builder, arguments[at]).data for at in (0, 2, 6)
            )
            steps = cgutils.unpack_tuple(builder, arguments[3], 2)
            last = builder.sub(arguments[5], _long(1))
            own = [_smaller(builder, builder.add(arguments[4], _long(unit)), last) for unit in range(UNITS)]
            sources = [builder.gep(weights, [builder.mul(unit, steps[0])]) for unit in own]
            targets = [_vectors(builder, out, unit, rows) for unit in own]
            _add_products(builder, inputs, arguments[1], sources, steps[1], targets)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typed)


def _add_products(
    builder: Any, inputs: Any, depth: Any, sources: list[Any], step: Any, targets: list[list[Any]]
) -> None:
    """A sum in a register for each vector of the targets."""
    sums = [[cgutils.alloca_once(builder, _FLOATS) for _ in each] for each in targets]
    for target, total in _paired(targets, sums):
        builder.store(builder.load(target, align=4), total)
    with cgutils.for_range(builder, depth) as loop:
        rows = [builder.load(each, align=4) for each in _vectors(builder, inputs, loop.index, len(sums[0]) * _LANES)]
        place = builder.mul(loop.index, step)
        for source, totals in zip(sources, sums, strict=True):
            weight = _splat(builder, builder.load(builder.gep(source, [place])))
            for row, total in zip(rows, totals, strict=True):
                builder.store(_added(builder, row, weight, builder.load(total)), total)
    for target, total in _paired(targets, sums):
        builder.store(builder.load(total), target, align=4)


_multiply: Any = _multiplying(ROWS)
_multiply_half: Any = _multiplying(ROWS // 2)


def _long(value: int) -> Any:
    return ir.Constant(_LONG, value)


def _smaller(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed("<", one, other), one, other)


def _vectors(builder: Any, table: Any, row: Any, columns: int) -> list[Any]:
    """Where the vectors of a row of a table (float32[n, ROWS]) stand, as many as make up its first columns."""
    start = builder.gep(table, [builder.mul(row, _long(ROWS))])
    places = [builder.gep(start, [_long(lane)]) for lane in range(0, columns, _LANES)]
    return [builder.bitcast(place, _FLOATS.as_pointer()) for place in places]


def _paired(targets: list[list[Any]], sums: list[list[Any]]) -> list[tuple[Any, Any]]:
    return [pair for target, total in zip(targets, sums, strict=True) for pair in zip(target, total, strict=True)]


def _splat(builder: Any, value: Any) -> Any:
    nothing, zero = ir.Constant(_FLOATS, ir.Undefined), ir.Constant(_INT, 0)
    return builder.shuffle_vector(
        builder.insert_element(nothing, value, zero), nothing, ir.Constant(_INTS, [0] * _LANES)
    )


def _added(builder: Any, value: Any, weight: Any, total: Any) -> Any:
    """In one instruction, where the processor has it for both."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    both = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{_LANES}f32")
    return builder.call(both, [value, weight, total])


@compiled
def _room(units: int) -> Array:
    """float32[units, ROWS], from a cache line's start on: vectors that straddle two load slower."""
    room = np.empty(units * ROWS + 16, np.float32)
    start = (64 - room.ctypes.data % 64) % 64 // 4
    return room[start : start + units * ROWS].reshape(units, ROWS)


@compiled
def _multiply_all(inputs: Array, weights: Array, steps: Any, rows: int, out: Array) -> None:
    """Adds to ``out`` (float32[n, ROWS]) the products of all inputs (float32[k, ROWS]) with the weights, float32[k, n]
    as ``steps`` read them; at least of the first ``rows`` columns."""
    for first in range(0, len(out), UNITS):
        if rows > ROWS // 2:
            _multiply(inputs, len(inputs), weights, steps, first, len(out), out)
        else:
            _multiply_half(inputs, len(inputs), weights, steps, first, len(out), out)


@compiled
def _layer(inputs: Array, weights: Array, biases: Array, rows: int, out: Array) -> None:
    """A layer's output, cut off at zero."""
    for unit in range(len(out)):
        out[unit] = biases[unit]
    _multiply_all(inputs, weights, (np.int64(1), weights.shape[1]), rows, out)
    for unit in range(len(out)):
        for row in range(ROWS):
            out[unit, row] = max(out[unit, row], np.float32(0.0))


@compiled
def _back(slopes: Array, weights: Array, outputs: Array, rows: int, out: Array) -> None:
    """The slopes of a layer's units from those of the next layer's: none where the ``outputs`` were cut off."""
    out[:] = np.float32(0.0)
    _multiply_all(slopes, weights, (weights.shape[1], np.int64(1)), rows, out)
    for unit in range(len(outputs)):
        for row in range(ROWS):
            out[unit, row] = out[unit, row] if outputs[unit, row] > 0 else np.float32(0.0)


_TILES = given(SINGLE, 3)
_ENCODING = (SINGLES, SINGLES, INT32S)
_LAYERS = (SINGLE_ROWS, SINGLES, SINGLE_ROWS, SINGLES, SINGLES)


@kernel(NOTHING(SINGLE_ROWS, *_ENCODING, TO_SINGLE_ROWS), sums_in_any_order=True)
def _encode(tile: Array, means: Array, scales: Array, flags: Array, inputs: Array) -> None:
    """From float32[k, ROWS] to float32[k + f, ROWS]. Choices instead of branches, which LLVM turns into vectors.

    The logarithm is float32's own, to the last bit or two: 1 + size is 2^power * (1 + rest), rest from sqrt(1/2) - 1 to
    sqrt(2) - 1, and log(1 + rest) its series up to rest^2; what follows is fitted at Chebyshev's points, its error
    below 1e-8 of the result.
    """
    limit = np.float32(LIMIT)
    for column in range(len(means)):
        own, found, mean, scale = tile[column], inputs[column], means[column], scales[column]
        for row in range(ROWS):
            value = own[row]
            size = abs(value)
            size = size if size == size else np.float32(0.0)
            bits = np.float32(np.float32(1.0) + size).view(np.int32)
            power = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))  # the bits of sqrt(1/2)
            mantissa = np.int32(bits - np.int32(power << np.int32(23))).view(np.float32)
            rest = size if power == 0 else mantissa - np.float32(1.0)
            tail = np.float32(-0.07686027884)
            tail = tail * rest + np.float32(0.1278163046)
            tail = tail * rest + np.float32(-0.1314866096)
            tail = tail * rest + np.float32(0.1419768482)
            tail = tail * rest + np.float32(-0.1662423909)
            tail = tail * rest + np.float32(0.2000147849)
            tail = tail * rest + np.float32(-0.2500079870)
            tail = tail * rest + np.float32(0.3333332837)
            tail = tail * rest - np.float32(0.5)
            squashed = np.float32(power) * np.float32(0.6931471806) + (rest + rest * rest * tail)
            scaled = ((-squashed if value < 0 else squashed) - mean) * scale
            scaled = limit if scaled > limit else scaled
            scaled = -limit if scaled < -limit else scaled
            found[row] = scaled if value == value else np.float32(0.0)
    for flag in range(len(flags)):
        own, found = tile[flags[flag]], inputs[len(means) + flag]
        for row in range(ROWS):
            found[row] = np.float32(1.0) if own[row] != own[row] else np.float32(0.0)


@compiled
def encode(tiles: Array, means: Array, scales: Array, flags: Array, inputs: Array) -> None:
    """The inputs of all rows: float32[tiles, k + f, ROWS] from float32[tiles, k, ROWS]. For training: no request asks
    for inputs alone."""
    for tile in range(len(tiles)):
        _encode(tiles[tile], means, scales, flags, inputs[tile])


@kernel(NOTHING(_TILES, *_ENCODING, *_LAYERS, SINGLES, TO_SINGLES), sums_in_any_order=True)
def score(
    tiles: Array,
    means: Array,
    scales: Array,
    flags: Array,
    first: Array,
    first_bias: Array,
    second: Array,
    second_bias: Array,
    last: Array,
    last_bias: Array,
    found: Array,
) -> None:
    """What the network (see Net) says of rows (float32[tiles, k, ROWS]): float32[n]."""
    inputs, lower, upper, total = _room(len(first)), _room(len(second)), _room(len(last)), np.empty(ROWS, np.float32)
    for tile in range(len(tiles)):
        rows = min(ROWS, len(found) - tile * ROWS)
        _encode(tiles[tile], means, scales, flags, inputs)
        _layer(inputs, first, first_bias, rows, lower)
        _layer(lower, second, second_bias, rows, upper)
        total[:] = last_bias[0]
        for unit in range(len(last)):
            for row in range(ROWS):
                total[row] += last[unit] * upper[unit, row]
        found[tile * ROWS : tile * ROWS + rows] = total[:rows]


@kernel(NOTHING(_TILES, *_ENCODING, *_LAYERS, TO_SINGLE_ROWS), sums_in_any_order=True)
def attribute(
    tiles: Array,
    means: Array,
    scales: Array,
    flags: Array,
    first: Array,
    first_bias: Array,
    second: Array,
    second_bias: Array,
    last: Array,
    found: Array,
) -> None:
    """Of each row (float32[tiles, k, ROWS]) the gradient times the inputs, those of flags added to their columns':
    float32[n, k]."""
    inputs, lower, upper = _room(len(first)), _room(len(second)), _room(len(last))
    slopes, moved = _room(len(second)), _room(len(first))
    width = len(means)
    for tile in range(len(tiles)):
        rows = min(ROWS, len(found) - tile * ROWS)
        _encode(tiles[tile], means, scales, flags, inputs)
        _layer(inputs, first, first_bias, rows, lower)
        _layer(lower, second, second_bias, rows, upper)
        for unit in range(len(last)):
            for row in range(ROWS):
                upper[unit, row] = last[unit] if upper[unit, row] > 0 else np.float32(0.0)
        _back(upper, second, lower, rows, slopes)
        _back(slopes, first, lower[:0], rows, moved)
        for row in range(rows):
            own = found[tile * ROWS + row]
            for column in range(width):
                own[column] = inputs[column, row] * moved[column, row]
            for flag in range(len(flags)):
                own[flags[flag]] += inputs[width + flag, row] * moved[width + flag, row]
