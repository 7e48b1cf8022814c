"""Protobuf's wire format by hand, for what an answer repeats: as messages its items take more than twice the time.

A field is a varint of its number and wire type, and then its value; fields may come in any order, and those of a
message may be told in parts, one behind the other (https://protobuf.dev/programming-guides/encoding/). Numbers and
types are those of the generated code, so that the contract is said once.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_WIRE_TYPES: Final = {
    FieldDescriptor.TYPE_INT32: 0,
    FieldDescriptor.TYPE_ENUM: 0,
    FieldDescriptor.TYPE_DOUBLE: 1,
    FieldDescriptor.TYPE_STRING: 2,
    FieldDescriptor.TYPE_MESSAGE: 2,
    FieldDescriptor.TYPE_FLOAT: 5,
}


def varint(number: int) -> bytes:
    """A number that is not negative: seven bits a byte, the lowest first."""
    return _VARINTS[number] if number < len(_VARINTS) else _varint(number)


def _varint(number: int) -> bytes:
    more = bytearray()
    while number > 127:
        more.append(number & 127 | 128)
        number >>= 7
    return bytes((*more, number))


_VARINTS: Final = [_varint(number) for number in range(4096)]


def tag(kind: type[Message], field: str) -> bytes:
    """What stands before a field's value."""
    found = kind.DESCRIPTOR.fields_by_name[field]
    return varint(found.number << 3 | _WIRE_TYPES[found.type])


def sized(tag: bytes, content: bytes) -> bytes:
    """A field whose value is a text in UTF-8 or a message."""
    return tag + varint(len(content)) + content


float32 = struct.Struct("<f").pack
"""Raises OverflowError beyond the range of a float32."""
float64 = struct.Struct("<d").pack


def nearest_float32(value: float) -> bytes:
    """Infinite where the value is beyond it."""
    try:
        return float32(value)
    except OverflowError:
        return float32(math.copysign(math.inf, value))
