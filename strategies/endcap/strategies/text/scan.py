"""The machine code that estimates products by sketches, of 64 vectors side by side.

Sums are written in LLVM's own language, in vectors as wide as the machine has them: a plain loop looks a table up byte
by byte, where a shuffle looks up as many at once as a vector holds (Andre, Kermarrec and Le Scouarnec, Cache locality
is not enough, VLDB 2015). Everything stands in one file, because Numba's cache of compiled code knows only the file of
the function that it compiled.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.extending import intrinsic

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    FLAGS,
    NOTHING,
    SINGLE,
    SINGLE_ROWS,
    SINGLES,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    compiled,
    filled,
    given,
    kernel,
)

LANES: Final = 64
"""Texts side by side."""
HIGHEST: Final = 127
"""In a table: two entries are added in a byte."""
cgutils: Any = untyped
_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_ENTRIES: Final = 16
_SHUFFLES: Final = (
    ("+avx512bw", 64, "llvm.x86.avx512.pshuf.b.512"),
    ("+avx2", 32, "llvm.x86.avx2.pshuf.b"),
    ("+ssse3", 16, "llvm.x86.ssse3.pshuf.b.128"),
    ("+neon", 16, "llvm.aarch64.neon.tbl1.v16i8"),
)
"""By what the processor must have: how many bytes are looked up at once, in a table of 16 that is repeated as often."""


def summing(features: list[str] | None = None) -> Any:
    """What sets ``sums`` (uint16[LANES]) to what tables (uint8[2 * rows, 16], none above HIGHEST) hold for each lane.

    From ``start``, ``codes`` are ``rows`` times LANES bytes. A byte's lower half looks up its row's first table, its
    upper half the second. ``features`` are the processor's, or those of the one that it is compiled for.
    """

    def typed(typing: Any, codes: Any, start: Any, tables: Any, sums: Any) -> Any:
        signature = types.void(codes, types.int64, tables, sums)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            codes, tables, sums = (
                context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 2, 3)
            )
            rows = builder.udiv(cgutils.unpack_tuple(builder, tables.shape, 2)[0], ir.Constant(_LONG, 2))
            own = context.codegen().magic_tuple()[2].split(",")
            lookup = _Lookup(builder, own if features is None else features)
            for lane in range(0, LANES, lookup.width):
                offset = ir.Constant(_LONG, lane)
                lanes = builder.gep(codes.data, [builder.add(arguments[1], offset)])
                lookup.sum(lanes, tables.data, rows, builder.gep(sums.data, [offset]))
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typed)


class _Lookup:
    """Writes the code that adds up what tables hold, for ``width`` lanes."""

    def __init__(self, builder: Any, features: list[str]) -> None:
        found = next((each for each in _SHUFFLES if each[0] in features), ("", _ENTRIES, ""))
        self.builder, self.width, self.name = builder, found[1], found[2]
        self.bytes = ir.VectorType(_BYTE, self.width)
        self.pairs = ir.VectorType(ir.IntType(16), self.width // 2)

    def sum(self, codes: Any, tables: Any, rows: Any, sums: Any) -> None:
        """Two bytes are added as one number of 16 bits, and the upper of them once more alone: the lower ones are the
        difference."""
        builder = self.builder
        both, upper = (cgutils.alloca_once_value(builder, ir.Constant(self.pairs, None)) for _ in range(2))
        eight = ir.Constant(self.pairs, [8] * (self.width // 2))
        with cgutils.for_range(builder, rows, intp=_LONG) as loop:
            codes_of_row = self._read(codes, loop.index, LANES, self.bytes)
            low = self._looked_up(tables, loop.index, 0, builder.and_(codes_of_row, self._all(15)))
            high = self._looked_up(tables, loop.index, _ENTRIES, builder.lshr(codes_of_row, self._all(4)))
            found = builder.bitcast(builder.add(low, high), self.pairs)
            builder.store(builder.add(builder.load(both), found), both)
            builder.store(builder.add(builder.load(upper), builder.lshr(found, eight)), upper)
        odd = builder.load(upper)
        even = builder.sub(builder.load(both), builder.shl(odd, eight))
        order = [lane // 2 + self.width // 2 * (lane % 2) for lane in range(self.width)]
        lanes = builder.shuffle_vector(even, odd, numbers(order))
        builder.store(lanes, builder.bitcast(sums, lanes.type.as_pointer()), align=2)

    def _looked_up(self, tables: Any, row: Any, offset: int, places: Any) -> Any:
        """What one of the row's tables holds at ``places``, each below 16."""
        builder = self.builder
        table = self._read(builder.gep(tables, [ir.Constant(_LONG, offset)]), row, 2 * _ENTRIES, None)
        if not self.name:
            return self._one_by_one(table, places)
        short = builder.load(builder.bitcast(table, ir.VectorType(_BYTE, _ENTRIES).as_pointer()), align=1)
        repeated = numbers([*range(_ENTRIES)] * (self.width // _ENTRIES))
        wide = builder.shuffle_vector(short, ir.Constant(short.type, ir.Undefined), repeated)
        kind = ir.FunctionType(self.bytes, [self.bytes, self.bytes])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, self.name), [wide, places])

    def _one_by_one(self, table: Any, places: Any) -> Any:
        builder, found = self.builder, ir.Constant(self.bytes, None)
        for lane in (ir.Constant(_INT, each) for each in range(self.width)):
            place = builder.zext(builder.extract_element(places, lane), _LONG)
            found = builder.insert_element(found, builder.load(builder.gep(table, [place])), lane)
        return found

    def _read(self, data: Any, row: Any, stride: int, kind: Any) -> Any:
        """A vector of this kind from where a row starts; without a kind, the place itself."""
        place = self.builder.gep(data, [self.builder.mul(row, ir.Constant(_LONG, stride))])
        return place if kind is None else self.builder.load(self.builder.bitcast(place, kind.as_pointer()), align=1)

    def _all(self, value: int) -> Any:
        return ir.Constant(self.bytes, [value] * self.width)


def numbers(values: list[int]) -> Any:
    """A constant vector, such as a shuffle's order."""
    return ir.Constant(ir.VectorType(_INT, len(values)), values)


_sum_up: Any = summing()

_CODES, _TO_TABLES = given(types.uint8, 3), filled(types.uint8, 2)
_TWO: Any = cast("Any", types).UniTuple(SINGLE, 2)
_NOWHERE = np.float32(-np.inf)


@kernel(NOTHING(SINGLE_ROWS, SINGLES, TO_SINGLE_ROWS))
def turn(vectors: Array, signs: Array, turned: Array) -> None:
    """``vectors`` (float32[n, d]) as ``turned`` (float32[n, D], D >= d): each number times its sign (float32[D], 1 or
    -1), then by the fast Walsh-Hadamard transform of each stretch of D's largest factor that is a power of two. Lengths
    and angles stay, and what a vector has in few dimensions is spread over many."""
    size, width = vectors.shape[1], turned.shape[1]
    block = width & -width
    shrink = np.float32(1.0 / np.sqrt(block))
    for row in range(len(vectors)):
        numbers = turned[row]
        for place in range(width):
            numbers[place] = vectors[row, place] * signs[place] * shrink if place < size else np.float32(0.0)
        half = 1
        while half < block:
            for start in range(0, width, 2 * half):
                for place in range(start, start + half):
                    one, other = numbers[place], numbers[place + half]
                    numbers[place], numbers[place + half] = one + other, one - other
            half *= 2


@kernel(_TWO(SINGLES, _TO_TABLES))
def fill_tables(turned: Array, tables: Array) -> tuple[Any, Any]:
    """Sets ``tables`` (uint8[D / 4, 16]): of each four numbers of ``turned`` (float32[D]), in whole steps, the sum of
    those whose bit is set, less the least that it can be. Returned are the step and what to add, in steps, to twice a
    sum over tables for the product with a vector of 1 where a bit is set and -1 elsewhere."""
    most = np.float32(1e-30)
    for group in range(len(tables)):
        four = turned[4 * group : 4 * group + 4]
        most = max(most, abs(four[0]) + abs(four[1]) + abs(four[2]) + abs(four[3]))
    step = most / np.float32(min(HIGHEST, 65535 // len(tables)) - 2)  # four numbers are rounded, by half a step each
    half, constant = np.float32(0.5), 0
    for group in range(len(tables)):
        table, least, whole = tables[group], 0, 0
        table[0] = 0
        for place in range(4):
            steps = int(np.floor(turned[4 * group + place] / step + half))
            least, whole = least + min(steps, 0), whole + steps
            for entry in range(1 << place):
                table[entry + (1 << place)] = table[entry] + np.uint8(steps)  # round the circle, where it is below 0
        for entry in range(16):
            table[entry] -= np.uint8(least)
        constant += 2 * least - whole
    return step, np.float32(constant)


@compiled
def _estimate(
    codes: Array,
    tables: Array,
    scales: Array,
    offsets: Array,
    step: np.float32,
    constant: np.float32,
    base: np.float32,
    estimates: Array,
) -> None:
    sums, two = np.empty(LANES, np.uint16), np.float32(2.0)
    for block in range(len(codes)):
        start = block * LANES
        _sum_up(codes, start * codes.shape[1], tables, sums)
        rows = slice(start, start + LANES)
        scale, offset, found = scales[rows], offsets[rows], estimates[rows]
        for lane in range(LANES):
            product = (two * np.float32(sums[lane]) + constant) * step
            found[lane] = product * scale[lane] + (offset[lane] + base)


@kernel(TO_SINGLES(_CODES, SINGLES, SINGLES, SINGLES, SINGLES, SINGLES, FLAGS))
def estimated(
    codes: Array, scales: Array, offsets: Array, centre: Array, signs: Array, vector: Array, allowed: Array
) -> Array:
    """float32[LANES * blocks]: the products of ``vector`` (float32[d]) with as many others, estimated by their sketches
    (see Sketches); minus infinity for those that are not ``allowed``. An empty array allows all."""
    left, turned = np.empty((1, len(vector)), np.float32), np.empty((1, len(signs)), np.float32)
    base = np.float32(0.0)
    for place in range(len(vector)):
        left[0, place] = vector[place] - centre[place]
        base += left[0, place] * centre[place]
    turn(left, signs, turned)
    tables = np.empty((len(signs) // 4, 16), np.uint8)
    step, constant = fill_tables(turned[0], tables)
    estimates = np.empty(len(scales), np.float32)
    _estimate(codes, tables, scales, offsets, step, constant, base, estimates)
    for row in range(len(allowed)):
        estimates[row] = estimates[row] if allowed[row] else _NOWHERE
    return estimates
