"""
Mirrors as bytes: small enough for Table Storage, whatever the folder holds.

UIDs run on in long stretches, so gaps and runs say them; they and the flags compress well, fingerprints do not. Where
the fingerprints do not fit, those of the oldest messages are left out: such a message is told as gone and come when it
moves.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator

from shared.domain.mirrors import NO_FINGERPRINT, Mirror

#: What one property, and what all of them together may hold, with room for the entity's other properties.
# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
PIECE = 64 * 1024
LIMIT = 900 * 1024

_VERSION = 1
# A higher one takes four times as long, and a hundredth off the whole, most of which is fingerprints.
_LEVEL = 3
# Version, UIDVALIDITY, UIDNEXT, changes, messages; then how long the path, the runs and the compressed part are.
_HEAD = struct.Struct(">BIQQIHII")
_SEVEN_BITS = 0x7F
_MORE = 0x80


class UnknownMirror(Exception):
    """These bytes are no mirror, or one of a later version: the folder wants a new baseline."""


def pack(mirror: Mirror, *, limit: int = LIMIT) -> tuple[bytes, ...]:
    """Returns the mirror in pieces, of *limit* bytes together at most where leaving out fingerprints helps."""
    path = mirror.path.encode("utf-8", "surrogatepass")
    runs = _varints(_runs(mirror.uids))
    body = zlib.compress(runs + mirror.flags, _LEVEL)
    head = _HEAD.pack(
        _VERSION,
        mirror.uidvalidity,
        mirror.uidnext,
        mirror.changes,
        len(mirror.uids),
        len(path),
        len(runs),
        len(body),
    )
    room = max(0, limit - len(head) - len(path) - len(body)) // 4
    prints = mirror.prints[-room:] if room else array("I")
    whole = head + path + body + _big_endian(prints).tobytes()
    return tuple(whole[start : start + PIECE] for start in range(0, len(whole), PIECE))


def unpack(pieces: Iterable[bytes]) -> Mirror:
    """Returns the mirror that was packed; raises UnknownMirror for anything else."""
    whole = b"".join(pieces)
    try:
        version, uidvalidity, uidnext, changes, count, path_length, runs_length, body_length = _HEAD.unpack_from(whole)
        if version != _VERSION:
            raise UnknownMirror(f"The mirror is of version {version}.")
        path_end = _HEAD.size + path_length
        body_end = path_end + body_length
        body = zlib.decompress(whole[path_end:body_end])
        uids = array("I", _uids(_numbers(body[:runs_length])))
        prints = _big_endian(array("I", whole[body_end:]))
        path = whole[_HEAD.size : path_end].decode("utf-8", "surrogatepass")
    except (struct.error, zlib.error, ValueError, OverflowError, StopIteration) as exc:
        raise UnknownMirror("These bytes are no mirror.") from exc
    flags = body[runs_length:]
    if not len(uids) == len(flags) == count >= len(prints):
        raise UnknownMirror("The mirror's parts do not fit together.")
    unknown = array("I", [NO_FINGERPRINT]) * (count - len(prints))
    return Mirror(path, uidvalidity, uidnext, uids, flags, unknown + prints, changes)


def _runs(uids: "array[int]") -> Iterator[int]:
    """Yields a gap and a length for each run of UIDs."""
    end = start = 0
    for uid in uids:
        if uid != end:
            if end > start:
                yield end - start
            yield uid - end
            start = uid
        end = uid + 1
    if end > start:
        yield end - start


def _uids(numbers: Iterator[int]) -> Iterator[int]:
    end = 0
    for gap in numbers:
        length = next(numbers, None)
        if length is None:
            raise ValueError("A run without its length.")
        start = end + gap
        end = start + length
        yield from range(start, end)


def _varints(numbers: Iterable[int]) -> bytes:
    written = bytearray()
    for number in numbers:
        rest = number
        while rest > _SEVEN_BITS:
            written.append(rest & _SEVEN_BITS | _MORE)
            rest >>= 7
        written.append(rest)
    return bytes(written)


def _numbers(written: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in written:
        number |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if not byte & _MORE:
            yield number
            number = shift = 0


def _big_endian(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        return numbers
    swapped = numbers[:]
    swapped.byteswap()
    return swapped
