"""The machine code of a BERT (Devlin et al., NAACL 2019) in int8, for one short text or a few at a time.

A search is six to ten tokens, for which all of a model's weights are read. ONNX Runtime's products of matrices are made
for more rows at once, and it spends as long again between them. Products are written in LLVM's own language: up to 12
tokens by 32 columns stay in registers while the weights pass by once, four to an instruction where the processor has it
(VNNI). Tokens of several texts pass together, each in steps of its own and looking only at those of its text: a vector
is the same to the last bit, whatever is encoded beside it. Everything stands in one file, because Numba's cache of
compiled code knows only the file of the function that it compiled.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.core import cgutils as untyped
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from endcap.bundle.events import Array
from endcap.strategies.compiled import (
    FLAG,
    INT,
    INT64S,
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

COLUMNS: Final = 32
"""Columns of a matrix side by side; there is no machine code for widths that are no multiple of this."""
TOKENS: Final = 12
"""Tokens side by side: with their weights they fill the processor's registers."""
FOUR: Final = 4
"""Bytes of a column that an instruction multiplies and adds up."""
MIDDLE: Final = 128
"""What stands for 0 among the bytes of a token."""
AHEAD: Final = 2048
"""So many bytes before they are read, weights are asked for: by itself a processor stops at the end of a page."""
VNNI: Final = "+avx512vnni"

cgutils: Any = untyped
_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LANES: Final = 16
_INTS, _FLOATS = ir.VectorType(_INT, _LANES), ir.VectorType(ir.FloatType(), _LANES)
_BYTES = ir.VectorType(_BYTE, FOUR * _LANES)


def features() -> list[str]:
    """Of this processor, as LLVM names them."""
    found: Any = cpu_target.target_context.codegen().magic_tuple()[2]
    return list(found.split(","))


def multiplying(own: list[str]) -> Any:
    """What sets ``outputs`` (float32[n, N]), in the TOKENS rows from ``row`` on or as many as there are and the COLUMNS
    columns from ``first`` on, to the product of ``inputs`` (uint8[n, K]) with the codes of these columns.

    Those start at ``start`` and lie as Bert has them. ``sums`` (int32[N]) is what to start from, ``steps`` (float32[n])
    and ``scales`` (float32[N]) say what a whole number is worth, ``biases`` (float32[N]) what is added. It is compiled
    for a processor of these features.
    """

    def typed(
        typing: Any,
        codes: Any,
        start: Any,
        inputs: Any,
        steps: Any,
        sums: Any,
        scales: Any,
        biases: Any,
        outputs: Any,
        row: Any,
        first: Any,
    ) -> Any:
        numbers = (types.int64, types.int64)
        signature = types.void(codes, types.int64, inputs, steps, sums, scales, biases, outputs, *numbers)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = {
                place: context.make_array(signature.args[place])(context, builder, arguments[place])
                for place in (0, 2, 3, 4, 5, 6, 7)
            }
            product = _Product(builder, arrays, VNNI in own, *arguments[8:])
            product.write(builder.gep(arrays[0].data, [arguments[1]]))
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(typed)


class _Product:
    """Writes the code of one such product."""

    def __init__(self, builder: Any, arrays: dict[int, Any], fast: bool, row: Any, first: Any) -> None:
        self.builder, self.fast, self.row = builder, fast, row
        self.inputs, self.steps, self.outputs = arrays[2].data, arrays[3].data, arrays[7].data
        self.rows, self.width = cgutils.unpack_tuple(builder, arrays[2].shape, 2)
        self.columns = cgutils.unpack_tuple(builder, arrays[7].shape, 2)[1]
        self.first = [builder.add(first, self._long(lane)) for lane in range(0, COLUMNS, _LANES)]
        self.sums, self.scales, self.biases = (
            [self._read(arrays[place].data, each, kind) for each in self.first]
            for place, kind in ((4, _INTS), (5, _FLOATS), (6, _FLOATS))
        )

    def write(self, codes: Any) -> None:
        """A branch for each number of rows that may be left."""
        builder = self.builder
        left = builder.sub(self.rows, self.row)
        for tokens in range(1, TOKENS + 1):
            with builder.if_then(builder.icmp_signed("==" if tokens < TOKENS else ">=", left, self._long(tokens))):
                self._write(codes, [builder.add(self.row, self._long(token)) for token in range(tokens)])

    def _write(self, codes: Any, rows: list[Any]) -> None:
        builder = self.builder
        totals = [[cgutils.alloca_once(builder, _INTS) for _ in self.first] for _ in rows]
        for own in totals:
            for total, start in zip(own, self.sums, strict=True):
                builder.store(start, total)
        inputs = [builder.gep(self.inputs, [builder.mul(row, self.width)]) for row in rows]
        fours, line = builder.udiv(self.width, self._long(FOUR)), self._long(FOUR * _LANES)
        blocks = [builder.gep(codes, [builder.mul(builder.mul(fours, line), self._long(k))]) for k in range(2)]
        near, far = self._long(AHEAD), builder.add(builder.mul(fours, line), self._long(AHEAD))
        last = builder.sub(fours, self._long(AHEAD // (FOUR * _LANES)))
        with cgutils.for_range(builder, fours, intp=_LONG) as loop:
            place = builder.mul(loop.index, line)
            weights = [self._read(block, place, _BYTES) for block in blocks]
            ahead = builder.select(builder.icmp_signed("<", loop.index, last), near, far)
            for block in blocks:
                self._ask(builder.gep(block, [builder.add(place, ahead)]))
            for own, data in zip(totals, inputs, strict=True):
                four = self._read(data, builder.mul(loop.index, self._long(FOUR)), _INT)
                token = builder.bitcast(self._repeated(four), _BYTES)
                for total, weight in zip(own, weights, strict=True):
                    builder.store(self._added(builder.load(total), token, weight), total)
        for own, row in zip(totals, rows, strict=True):
            self._keep(own, row)

    def _keep(self, totals: list[Any], row: Any) -> None:
        builder = self.builder
        step = self._repeated(builder.load(builder.gep(self.steps, [row])))
        for total, first, scale, bias in zip(totals, self.first, self.scales, self.biases, strict=True):
            found = builder.fmul(builder.fmul(builder.sitofp(builder.load(total), _FLOATS), step), scale)
            place = builder.gep(self.outputs, [builder.add(builder.mul(row, self.columns), first)])
            builder.store(builder.fadd(found, bias), builder.bitcast(place, _FLOATS.as_pointer()), align=4)

    def _added(self, total: Any, token: Any, weights: Any) -> Any:
        """``total`` and the products of four bytes each, unsigned with signed."""
        builder = self.builder
        if self.fast:
            kind = ir.FunctionType(_INTS, [_INTS, _BYTES, _BYTES])
            name = "llvm.x86.avx512.vpdpbusd.512"
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [total, token, weights])
        wide = ir.VectorType(_INT, FOUR * _LANES)
        products = builder.mul(builder.zext(token, wide), builder.sext(weights, wide))
        for place in range(FOUR):
            lanes = ir.Constant(_INTS, [FOUR * lane + place for lane in range(_LANES)])
            total = builder.add(total, builder.shuffle_vector(products, ir.Constant(wide, ir.Undefined), lanes))
        return total

    def _ask(self, place: Any) -> None:
        """Have the processor bring what stands there nearer, and go on meanwhile."""
        builder = self.builder
        kind = ir.FunctionType(ir.VoidType(), [place.type, *[_INT] * 3])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [place, *(ir.Constant(_INT, each) for each in (0, 3, 1))])

    def _repeated(self, value: Any) -> Any:
        nothing = ir.Constant(ir.VectorType(value.type, _LANES), ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(_INT, 0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * _LANES))

    def _read(self, data: Any, place: Any, kind: Any) -> Any:
        return self.builder.load(self.builder.bitcast(self.builder.gep(data, [place]), kind.as_pointer()), align=1)

    def _long(self, value: int) -> Any:
        return ir.Constant(_LONG, value)


_multiply_tokens: Any = multiplying(features())
_CODES, _WORDS, _INTS32 = given(types.int8), given(types.int8, 2), given(types.int32, 2)


@kernel(NOTHING(SINGLE_ROWS, filled(types.uint8, 2), TO_SINGLES), sums_in_any_order=True)
def quantise(tokens: Array, codes: Array, steps: Array) -> None:
    """Each row of ``tokens`` (float32[n, K]) in whole steps of its own around MIDDLE."""
    for token in range(len(tokens)):
        row, found, most = tokens[token], codes[token], np.int32(0)
        bits = row.view(np.int32)
        for place in range(len(bits)):  # as whole numbers, positive float32 sort as they do themselves
            most = max(most, np.int32(bits[place] & np.int32(0x7FFFFFFF)))
        step = max(np.int32(most).view(np.float32), np.float32(1e-20)) / np.float32(127.0)
        scale, middle = np.float32(1.0) / step, np.float32(MIDDLE + 0.5)
        steps[token] = step
        for place in range(len(row)):
            found[place] = np.uint8(np.int32(row[place] * scale + middle))


@compiled
def multiply(tokens: Array, codes: Array, start: int, sums: Array, scales: Array, biases: Array, columns: int) -> Array:
    """float32[n, columns]: ``tokens`` (float32[n, K]) times the matrix whose codes begin at ``start``, and biases."""
    outputs = np.empty((len(tokens), columns), np.float32)
    inputs, steps = np.empty(tokens.shape, np.uint8), np.empty(len(tokens), np.float32)
    quantise(tokens, inputs, steps)
    for first in range(0, columns, COLUMNS):
        for row in range(0, len(tokens), TOKENS):
            at = start + first * tokens.shape[1]
            _multiply_tokens(codes, at, inputs, steps, sums, scales, biases, outputs, row, first)
    return outputs


@kernel(NOTHING(TO_SINGLE_ROWS, SINGLE_ROWS, SINGLES, SINGLES, SINGLE), sums_in_any_order=True)
def normalise(tokens: Array, added: Array, gains: Array, shifts: Array, least: np.float32) -> None:
    """``tokens`` and ``added`` (float32[n, K] each), normalised by layer, in place of ``tokens``."""
    share = np.float32(1.0 / tokens.shape[1])
    for token in range(len(tokens)):
        row, more = tokens[token], added[token]
        total, squares = np.float32(0.0), np.float32(0.0)
        for place in range(len(row)):
            row[place] += more[place]
            total += row[place]
        mean = total * share
        for place in range(len(row)):
            value = row[place] - mean
            squares += value * value
        scale = np.float32(1.0) / np.sqrt(squares * share + least)
        for place in range(len(row)):
            row[place] = (row[place] - mean) * scale * gains[place] + shifts[place]


@compiled
def exponential(value: Any) -> Any:
    """float32 of a float32 of at most 0, to five digits: by a power of two and a polynomial, without a branch."""
    value = max(value, np.float32(-87.0))
    whole = np.int32(value * np.float32(1.4426950408889634) - np.float32(0.5))
    rest = value - np.float32(whole) * np.float32(0.6931471805599453)
    total = np.float32(1.0 / 120) * rest + np.float32(1.0 / 24)
    total = total * rest + np.float32(1.0 / 6)
    total = total * rest + np.float32(0.5)
    total = total * rest + np.float32(1.0)
    total = total * rest + np.float32(1.0)
    return total * np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)


@kernel(NOTHING(TO_SINGLE_ROWS), sums_in_any_order=True)
def gelu(values: Array) -> None:
    """In place, to four digits behind the point: each number times the share of a normal distribution below it, which
    is a polynomial up to 4.4 and all above. It is fitted so that the product is at most 0.000025 off."""
    flat, far, half = values.reshape(-1), np.float32(4.4), np.float32(0.5)
    for place in range(len(flat)):
        value = flat[place]
        near = min(max(value, -far), far)
        square = near * near
        share = np.float32(3.56936997e-11) * square + np.float32(-3.75399823e-9)
        share = share * square + np.float32(1.74082938e-7)
        share = share * square + np.float32(-4.72483455e-6)
        share = share * square + np.float32(8.42926559e-5)
        share = share * square + np.float32(-1.05499031e-3)
        share = share * square + np.float32(9.64302087e-3)
        share = share * square + np.float32(-6.60764193e-2)
        share = share * square + np.float32(3.98761603e-1)
        flat[place] = value * (share * near + half)


@compiled
def _part(rows: Array, ends: Array, text: int) -> Array:
    """The rows of a text, of those of all."""
    return rows[ends[text - 1] if text else 0 : ends[text]]


@kernel(TO_SINGLE_ROWS(SINGLE_ROWS, INT64S, INT), sums_in_any_order=True)
def attend(states: Array, ends: Array, heads: int) -> Any:
    """float32[n, H]: for ``states`` (float32[n, 3 H]: queries, keys, values), what each token gathers from all those of
    its text; ``ends`` as in ``encode``."""
    width = states.shape[1] // 3
    size = width // heads
    gathered, shares = np.zeros((len(states), width), np.float32), np.empty(len(states), np.float32)
    shrink = np.float32(1.0 / np.sqrt(size))
    for text in range(len(ends)):
        own, gains = _part(states, ends, text), _part(gathered, ends, text)
        for start in range(0, width, size):
            for token in range(len(own)):
                query, most = own[token, start : start + size], np.float32(-np.inf)
                for other in range(len(own)):
                    key, product = own[other, width + start : width + start + size], np.float32(0.0)
                    for place in range(size):
                        product += query[place] * key[place]
                    shares[other] = product * shrink
                    most = max(most, shares[other])
                total = np.float32(0.0)
                for other in range(len(own)):
                    shares[other] = exponential(shares[other] - most)
                    total += shares[other]
                out = gains[token, start : start + size]
                for other in range(len(own)):
                    share, value = shares[other] / total, own[other, 2 * width + start : 2 * width + start + size]
                    for place in range(size):
                        out[place] += share * value[place]
    return gathered


@compiled
def _pool(tokens: Array, mean: bool, pooled: Array) -> None:
    pooled[:] = tokens[0]
    if mean:
        for token in range(1, len(tokens)):
            pooled += tokens[token]
    length = np.float32(0.0)
    for value in pooled:
        length += value * value
    pooled /= max(np.sqrt(length), np.float32(1e-12))


@kernel(
    TO_SINGLE_ROWS(
        INT64S,
        INT64S,
        _WORDS,
        SINGLES,
        SINGLE_ROWS,
        given(SINGLE, 3),
        _CODES,
        _INTS32,
        SINGLE_ROWS,
        SINGLE_ROWS,
        INT,
        SINGLE,
        FLAG,
    )
)
def encode(
    ids: Array,
    ends: Array,
    words: Array,
    word_scales: Array,
    positions: Array,
    norms: Array,
    codes: Array,
    sums: Array,
    scales: Array,
    biases: Array,
    heads: int,
    least: np.float32,
    mean: bool,
) -> Any:
    """float32[k, H], unit length: of texts whose token ids (int64[n]) follow each other and end before ``ends``
    (int64[k], the last is n); the rest is as in Bert."""
    width = words.shape[1]
    inner, start = sums.shape[1] - 5 * width, 0
    tokens = np.empty((len(ids), width), np.float32)
    for token in range(len(ids)):
        for place in range(width):
            tokens[token, place] = np.float32(words[ids[token], place]) * word_scales[ids[token]]
    for text in range(len(ends)):
        normalise(_part(tokens, ends, text), positions, norms[0, 0], norms[0, 1], least)
    for layer in range(len(sums)):
        own, own_scales, own_biases, at = sums[layer], scales[layer], biases[layer], 0
        states = multiply(tokens, codes, start, own, own_scales, own_biases, 3 * width)
        start, at = start + 3 * width * width, 3 * width
        added = multiply(attend(states, ends, heads), codes, start, own[at:], own_scales[at:], own_biases[at:], width)
        start, at = start + width * width, at + width
        normalise(tokens, added, norms[2 * layer + 1, 0], norms[2 * layer + 1, 1], least)
        wide = multiply(tokens, codes, start, own[at:], own_scales[at:], own_biases[at:], inner)
        gelu(wide)
        start, at = start + width * inner, at + inner
        added = multiply(wide, codes, start, own[at:], own_scales[at:], own_biases[at:], width)
        start += width * inner
        normalise(tokens, added, norms[2 * layer + 2, 0], norms[2 * layer + 2, 1], least)
    pooled = np.empty((len(ends), width), np.float32)
    for text in range(len(ends)):
        _pool(_part(tokens, ends, text), mean, pooled[text])
    return pooled
