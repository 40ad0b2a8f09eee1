"""
Mirrors: what we last told of an IMAP folder, which is all that tells what changed while nobody looked.

Exchange Online counts no changes (it has no CONDSTORE), so a folder is compared with its mirror. A mirror holds 9 bytes
a message: its UID, its flags, and a fingerprint that it keeps when it is moved to another folder.

The order everywhere: save the mirror together with what `compare` found (`untold.py`), then put that on the queue.
Where it is too much to be saved, the queue comes first: a crash in between repeats the comparison, under the same
versions.
"""

import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

#: The flags that Exchange knows, one bit each. Others are not told: it has no keywords of a user's own.
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$MDNSent")
#: The fingerprint of a message of which we know too little; it fits none.
NO_FINGERPRINT = 0

_BIT = {name.casefold(): 1 << place for place, name in enumerate(FLAGS)}


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a folder shows it."""

    uid: int
    flags: int
    fingerprint: int = NO_FINGERPRINT


@dataclass(frozen=True, slots=True)
class Mirror:
    """
    A folder as we last told it: `uids` in order, and for each its flags and its fingerprint.

    `uidnext` is one more than the highest UID that was ever there, as far as we know; `changes` goes up whenever
    something was told.
    """

    path: str
    uidvalidity: int
    uidnext: int
    uids: "array[int]"
    flags: bytes
    prints: "array[int]"
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message is there that was not."""

    uid: int
    flags: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Reflagged:
    """
    A message has other flags than it had.

    `version` is another one when the flags toggle back, and the same one when a crash repeats the comparison.
    """

    uid: int
    flags: int
    former: int
    version: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A message is not there any more; the rest is what it was."""

    uid: int
    flags: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The folder numbers its messages anew: every id of the *former* UIDVALIDITY is void."""

    former: int


Find = Arrived | Reflagged | Gone | Reset


def bits(flags: Iterable[str]) -> int:
    """Returns the flags that Exchange knows as bits."""
    return sum(_BIT.get(name, 0) for name in {flag.casefold() for flag in flags})


def names(flags: int) -> frozenset[str]:
    """Returns the names of the flags in *flags*."""
    return frozenset(name for place, name in enumerate(FLAGS) if flags >> place & 1)


def fingerprint(received: datetime | None, size: int | None) -> int:
    """Returns what a message keeps in every folder: its moment and its size, in 4 bytes."""
    if received is None or size is None:
        return NO_FINGERPRINT
    # Zero says that we do not know.
    return zlib.crc32(b"%d %d" % (int(received.timestamp()), size)) or 1


def baseline(path: str, uidvalidity: int, uidnext: int, seen: Iterable[Seen], *, changes: int = 0) -> Mirror:
    """Returns the mirror of a folder of which nothing has been told yet."""
    ordered = sorted({each.uid: each for each in seen}.values(), key=lambda each: each.uid)
    uids = array("I", (each.uid for each in ordered))
    return Mirror(
        path=path,
        uidvalidity=uidvalidity,
        uidnext=max(uidnext, uids[-1] + 1 if uids else 1),
        uids=uids,
        flags=bytes(each.flags for each in ordered),
        prints=array("I", (each.fingerprint for each in ordered)),
        changes=changes,
    )


def compare(told: Mirror, now: Mirror) -> list[Find]:
    """Returns what happened between two mirrors of a folder: resets, departures, new flags, arrivals, in this order."""
    if told.uidvalidity != now.uidvalidity:
        return [Reset(told.uidvalidity)]
    kept = len(told.uids)
    # Nearly always nothing went: then the old UIDs are the beginning of the new ones, in place.
    if now.uids[:kept] == told.uids:
        return [*_reflagged(told, now.flags[:kept]), *(_arrived(now, place) for place in range(kept, len(now.uids)))]
    flags = dict(zip(now.uids, now.flags, strict=True))
    known = set(told.uids)
    gone = [Gone(uid, told.flags[place], told.prints[place]) for place, uid in enumerate(told.uids) if uid not in flags]
    # A message that went has the flags that it had.
    reflagged = _reflagged(told, bytes(flags.get(uid, told.flags[place]) for place, uid in enumerate(told.uids)))
    return [*gone, *reflagged, *(_arrived(now, place) for place, uid in enumerate(now.uids) if uid not in known)]


def after(now: Mirror, finds: Sequence[Find], told: Mirror) -> Mirror:
    """Returns the mirror to save with *finds*, which `compare` made of *told* and *now*."""
    return replace(now, changes=told.changes + 1 if finds else told.changes)


def _arrived(now: Mirror, place: int) -> Arrived:
    return Arrived(now.uids[place], now.flags[place], now.prints[place])


def _reflagged(told: Mirror, now: bytes) -> list[Reflagged]:
    if now == told.flags:
        return []
    return [
        Reflagged(uid, flags, former, f"{told.changes}-{flags}")
        for uid, former, flags in zip(told.uids, told.flags, now, strict=True)
        if flags != former
    ]
