"""
Protocol Buffers' wire format, as far as OTLP needs it.

OpenTelemetry's own library is not used: the Functions worker mixes what the app installs with its own copies of
`opentelemetry` and `protobuf`, and apps that had them failed to start after updates of the platform.

https://protobuf.dev/programming-guides/encoding/
"""

import struct

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_NEGATIVE = 1 << 64
_MORE = 0x80
# Nearly all: fields' numbers and most lengths.
_SHORT = tuple(bytes((value,)) for value in range(_MORE))


def varint(value: int) -> bytes:
    """Returns a whole number in as few bytes as it takes; a negative one as its two's complement of 64 bits."""
    if 0 <= value < _MORE:
        return _SHORT[value]
    value %= _NEGATIVE
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value % _MORE | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def whole(field: int, value: int) -> bytes:
    """Returns a field that holds an integer, a boolean or an enumeration's value."""
    return varint(field << 3 | _VARINT) + varint(value)


def fixed64(field: int, value: int) -> bytes:
    """Returns a field of 8 bytes that holds an integer."""
    return varint(field << 3 | _FIXED64) + value.to_bytes(8, "little")


def double(field: int, value: float) -> bytes:
    """Returns a field that holds a floating-point number."""
    return varint(field << 3 | _FIXED64) + struct.pack("<d", value)


def raw(field: int, value: bytes) -> bytes:
    """Returns a field that holds bytes, or a message."""
    return varint(field << 3 | _BYTES) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """Returns a field that holds a text; half a surrogate pair, which no UTF-8 has, becomes a question mark."""
    return raw(field, value.encode("utf-8", "replace"))
