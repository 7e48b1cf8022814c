"""The machine code that compares vectors and keeps the nearest: all of them, or those that estimates let through.

What takes most of the time is written in LLVM's own language, 16 numbers at once. A row and its product travel as one
number of 64 bits that sorts as a whole, the key: NumPy sorts these with the machine's widest instructions.
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
    INT,
    INT32S,
    NOTHING,
    SINGLE,
    SINGLE_ROWS,
    SINGLES,
    TO_INT32S,
    TO_SINGLE_ROWS,
    TO_SINGLES,
    compiled,
    fetch,
    filled,
    given,
    kernel,
)

AHEAD, FETCHED = 2, 128
"""So many vectors before it is read one is asked for: its first numbers, behind which the processor reads on."""
SAMPLE: Final = 2048

cgutils: Any = untyped
_INT, _LONG = ir.IntType(32), ir.IntType(64)
_LANES: Final = 16
_FLOATS, _INTS = ir.VectorType(ir.FloatType(), _LANES), ir.VectorType(_INT, _LANES)
_CHAINS: Final = 2
"""Sums that grow side by side, so that no addition waits for the one before."""


def _multiplying(typing: Any, rows: Any, row: Any, vector: Any) -> Any:
    """The inner product of ``vector`` (float32[d]) and one of ``rows`` (float32[n, d])."""
    signature = types.float32(rows, types.int64, vector)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, vector = (context.make_array(signature.args[k])(context, builder, arguments[k]) for k in (0, 2))
        size = cgutils.unpack_tuple(builder, vector.shape, 1)[0]
        return _product(builder, builder.gep(rows.data, [builder.mul(arguments[1], size)]), vector.data, size)

    return signature, generate


def _product(builder: Any, one: Any, other: Any, size: Any) -> Any:
    """32 numbers at once as far as they reach, the rest one by one; always in this order."""
    step = ir.Constant(_LONG, _LANES * _CHAINS)
    sums = [cgutils.alloca_once_value(builder, ir.Constant(_FLOATS, None)) for _ in range(_CHAINS)]
    whole = builder.mul(builder.udiv(size, step), step)
    with cgutils.for_range_slice(builder, ir.Constant(_LONG, 0), whole, step) as (index, _):
        for chain, total in enumerate(sums):
            place = builder.add(index, ir.Constant(_LONG, _LANES * chain))
            _add_product(builder, _floats_at(builder, one, place), _floats_at(builder, other, place), total)
    total = cgutils.alloca_once_value(builder, _folded(builder, builder.fadd(*map(builder.load, sums))))
    with cgutils.for_range_slice(builder, whole, size, ir.Constant(_LONG, 1)) as (index, _):
        left, right = (builder.load(builder.gep(each, [index])) for each in (one, other))
        _add_product(builder, left, right, total)
    return builder.load(total)


def _floats_at(builder: Any, data: Any, place: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(data, [place]), _FLOATS.as_pointer()), align=4)


def _add_product(builder: Any, one: Any, other: Any, total: Any) -> None:
    """By one instruction, where the processor has it."""
    product = builder.fmul(one, other, flags=("contract",))
    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)


def _folded(builder: Any, vector: Any) -> Any:
    """The sum of 16 numbers, by halves."""
    nothing = ir.Constant(vector.type, ir.Undefined)
    for half in (8, 4, 2, 1):
        order = [(lane + half) % _LANES for lane in range(_LANES)]
        vector = builder.fadd(vector, builder.shuffle_vector(vector, nothing, _numbers(order)))
    return builder.extract_element(vector, ir.Constant(_INT, 0))


def _picking(typing: Any, values: Any, low: Any, high: Any, rows: Any) -> Any:
    """How many of ``values`` (float32[n], n a multiple of 16) are from ``low`` to below ``high``; which, it writes to
    ``rows`` (int32[n]), ascending."""
    signature = types.int64(values, types.float32, types.float32, rows)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, rows = (context.make_array(signature.args[k])(context, builder, arguments[k]) for k in (0, 3))
        low, high = (_repeated(builder, each) for each in arguments[1:3])
        count = cgutils.alloca_once_value(builder, ir.Constant(_LONG, 0))
        size = cgutils.unpack_tuple(builder, values.shape, 1)[0]
        with cgutils.for_range_slice(builder, ir.Constant(_LONG, 0), size, ir.Constant(_LONG, _LANES)) as (first, _):
            found = _floats_at(builder, values.data, first)
            reached = builder.fcmp_ordered(">=", found, low)
            inside = builder.and_(reached, builder.fcmp_ordered("<", found, high))
            bits = builder.bitcast(inside, ir.IntType(_LANES))
            with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0)), likely=False):
                _pick(builder, first, inside, bits, rows.data, count)
        return builder.load(count)

    return signature, generate


def _pick(builder: Any, first: Any, inside: Any, bits: Any, rows: Any, count: Any) -> None:
    numbers = builder.add(_repeated(builder, builder.trunc(first, _INT)), _numbers([*range(_LANES)]))
    place = builder.gep(rows, [builder.load(count)])
    kind = ir.FunctionType(ir.VoidType(), [numbers.type, place.type, inside.type])
    store = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.compressstore.v16i32")
    builder.call(store, [numbers, place, inside])
    more = builder.zext(builder.ctpop(bits), _LONG)
    builder.store(builder.add(builder.load(count), more), count)


def _counting(typing: Any, values: Any, low: Any) -> Any:
    """How many of ``values`` (float32[n]) are at least ``low``, of the first n // 16 * 16."""
    signature = types.int64(values, types.float32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, low = context.make_array(signature.args[0])(context, builder, arguments[0]), arguments[1]
        counts = cgutils.alloca_once_value(builder, ir.Constant(_INTS, None))
        size, step = cgutils.unpack_tuple(builder, values.shape, 1)[0], ir.Constant(_LONG, _LANES)
        whole = builder.and_(size, ir.Constant(_LONG, -_LANES))
        with cgutils.for_range_slice(builder, ir.Constant(_LONG, 0), whole, step) as (first, _):
            found = _floats_at(builder, values.data, first)
            reached = builder.fcmp_ordered(">=", found, _repeated(builder, low))
            builder.store(builder.add(builder.load(counts), builder.zext(reached, _INTS)), counts)
        kind = ir.FunctionType(_INT, [_INTS])
        total = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.add.v16i32")
        return builder.zext(builder.call(total, [builder.load(counts)]), _LONG)

    return signature, generate


def _repeated(builder: Any, value: Any) -> Any:
    """The same number in all lanes."""
    nothing = ir.Constant(ir.VectorType(value.type, _LANES), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, _numbers([0] * _LANES))


def _numbers(values: list[int]) -> Any:
    return ir.Constant(_INTS, values)


_product_with: Any = intrinsic(_multiplying)
_pick_rows: Any = intrinsic(_picking)
_count_from: Any = intrinsic(_counting)

_KEYS = filled(types.uint64)
_NOWHERE, _LOWEST = np.float32(-np.inf), np.finfo(np.float32).min


@compiled
def _falling(value: Any) -> Any:
    """uint32 of a float32: the lower, the higher that is; of 0, that it is not -0 is to be seen to first."""
    word = np.float32(value).view(np.uint32)
    return word if word >> np.uint32(31) else word ^ np.uint32(0x7FFFFFFF)


@compiled
def _value_of(falling: Any) -> Any:
    word = falling if falling >> np.uint32(31) else falling ^ np.uint32(0x7FFFFFFF)
    return np.uint32(word).view(np.float32)


@compiled
def _least_of(values: Array, most: int) -> Any:
    """float32: what the ``most`` highest reach and, but for equal ones, no others; minus infinity where there are no
    more. Halves the range of float32 until it is found, since to count is what a processor does fastest."""
    if most >= len(values):
        return _NOWHERE
    low, high = np.int64(0), np.int64(0xFF800000)  # of _falling: up to minus infinity
    while low < high:
        middle = (low + high) // 2
        floor = _value_of(np.uint32(middle))
        count = _count_from(values, floor)
        for place in range(len(values) // 16 * 16, len(values)):
            count += values[place] >= floor
        if count == most:
            return floor
        if count > most:
            high = middle
        else:
            low = middle + 1
    return _value_of(np.uint32(low))


@compiled
def _floor(estimates: Array, most: int) -> Any:
    """As ``_least_of``, of many: most of these are left out first, by what a sample has."""
    every = max(len(estimates) // SAMPLE, 1)
    sample = np.empty(len(estimates) // every, np.float32)
    for place in range(len(sample)):
        sample[place] = estimates[place * every]
    rows = np.empty(len(estimates), np.int32)
    wanted = 3 * most // (2 * every) + 8
    count = _pick_rows(estimates, _least_of(sample, wanted), np.float32(np.inf), rows)
    if count < most:
        return _least_of(estimates, most)
    best = np.empty(count, np.float32)
    for place in range(count):
        best[place] = estimates[rows[place]]
    return _least_of(best, most) if count > most else best.min()


@compiled
def _between(values: Array, low: np.float32, high: np.float32) -> Array:
    """int32[k]: the rows of finite values from ``low`` to below ``high``."""
    rows = np.empty(len(values), np.int32)
    count = _pick_rows(values, max(low, _LOWEST), high, rows)
    return rows[:count]


@compiled
def _products(vectors: Array, rows: Array, vector: Array) -> Array:
    """float32[k]: the products of ``vector`` with these rows."""
    size, last = vectors.shape[1], len(rows) - 1
    products = np.empty(len(rows), np.float32)
    for entry in range(len(rows)):
        ahead = rows[min(entry + AHEAD, last)] * size
        for line in range(0, min(FETCHED, size), 16):
            fetch(vectors, ahead + line)
        products[entry] = _product_with(vectors, rows[entry], vector)
    return products


@compiled
def _keys(rows: Array, products: Array, limit: int) -> Any:
    """uint64[k], ascending by falling product and then by row, of the ``limit`` highest and what equals the last."""
    floor, count = _least_of(products, limit), 0
    keys = np.empty(len(rows), np.uint64)
    for entry in range(len(rows)):
        if products[entry] >= floor:
            falling = _falling(products[entry] + np.float32(0.0))
            keys[count] = np.uint64(falling) << np.uint64(32) | np.uint64(rows[entry])
            count += 1
    return keys[:count]


@kernel(NOTHING(given(types.uint64), TO_INT32S, TO_SINGLES))
def unpack(keys: Array, rows: Array, products: Array) -> None:
    """What the first keys stand for: int32[k] and float32[k]."""
    for entry in range(len(rows)):
        products[entry] = _value_of(np.uint32(keys[entry] >> np.uint64(32)))
        rows[entry] = np.int32(keys[entry] & np.uint64(0xFFFFFFFF))


@kernel(_KEYS(SINGLE_ROWS, SINGLES, INT, INT32S))
def compare(vectors: Array, vector: Array, limit: int, rows: Array) -> Any:
    """uint64[k], the keys of those of these rows (int32[n]) that have the ``limit`` highest products with ``vector``,
    and of what equals the last."""
    return _keys(rows, _products(vectors, rows, vector), limit)


@kernel(_KEYS(SINGLE_ROWS, SINGLES, INT, SINGLES, SINGLE, INT))
def compare_best(vectors: Array, vector: Array, limit: int, estimates: Array, margin: np.float32, most: int) -> Any:
    """As ``compare``, of the rows that may be among the best by their estimates (float32[n], n a multiple of 16): half
    as many again as are wanted, and what is estimated to lie no more than ``margin`` below the last of the best of
    these; of all that, the ``most`` that are estimated highest, where those are more than the first."""
    floor = _floor(estimates, limit + (limit + 1) // 2)
    rows = _between(estimates, floor, np.float32(np.inf))
    products = _products(vectors, rows, vector)
    low = _least_of(products, limit) - margin
    if low < floor and len(rows) < most:
        others = _between(estimates, low, floor)
        if len(rows) + len(others) > most:
            others = _between(estimates, _floor(estimates, most), floor)
        rows, products = np.append(rows, others), np.append(products, _products(vectors, others, vector))
    return _keys(rows, products, limit)


@kernel(TO_SINGLES(SINGLE_ROWS, INT32S, INT32S, SINGLES))
def products_with(vectors: Array, row_of: Array, items: Array, vector: Array) -> Any:
    """float32[k]: the products of ``vector`` with the row of each item (int32[k])."""
    return _products(vectors, row_of[items], vector)


@kernel(TO_SINGLE_ROWS(SINGLE_ROWS, INT32S, INT32S, SINGLES, SINGLES))
def products_with_both(vectors: Array, row_of: Array, items: Array, one: Array, other: Array) -> Any:
    """float32[k, 2]: as ``products_with`` of each; the rows are fetched once."""
    size, last = vectors.shape[1], len(items) - 1
    products = np.empty((len(items), 2), np.float32)
    for entry in range(len(items)):
        row, ahead = row_of[items[entry]], row_of[items[min(entry + AHEAD, last)]] * size
        for line in range(0, min(FETCHED, size), 16):
            fetch(vectors, ahead + line)
        products[entry, 0] = _product_with(vectors, row, one)
        products[entry, 1] = _product_with(vectors, row, other)
    return products


@kernel(_KEYS(SINGLES, INT32S, INT))
def highest(products: Array, rows: Array, limit: int) -> Any:
    """uint64[k], in no order: the keys of the rows (int32[n]) of the ``limit`` highest products, and of what equals the
    last."""
    return _keys(rows, products, limit)
