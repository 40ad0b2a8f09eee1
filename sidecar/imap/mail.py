"""The messages of the folder that is open: finding, fetching, changing, moving and adding them."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sidecar.imap.connection import Answer, Connection
from sidecar.imap.names import quoted
from sidecar.imap.responses import MONTHS, Brief, brief_of, fetched_of, found_of, numbers_of

#: How many UIDs one SEARCH may bring: ten bytes each, they make one line.
WINDOW = 200_000
# How many messages one FETCH brings, and how many numbers its line may name.
_BULK = 5_000
_RUNS = 500
_SLICE = 256 * 1024
_LONG_SECONDS = 300.0
_FLAGS = b"(UID FLAGS)"
_BRIEF = b"(UID FLAGS INTERNALDATE RFC822.SIZE)"
_OUTLINE = b"(UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[HEADER])"
_HEADER = b"(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a message went: None where the server does not say (it lacks UIDPLUS)."""

    uidvalidity: int
    uid: int


async def search_all(connection: Connection, *, exists: int, below: int) -> list[int]:
    """Returns the UIDs of all messages in order; *exists* and the UID *below* which they are say whether in windows."""
    if exists <= WINDOW:
        return sorted(set(_found(await connection.run(b"UID SEARCH ALL", seconds=_LONG_SECONDS))))
    uids: set[int] = set()
    for low in range(1, below, WINDOW):
        last = low + WINDOW >= below
        end = b"*" if last else b"%d" % (low + WINDOW - 1)
        uids.update(_found(await connection.run(b"UID SEARCH UID %d:%s" % (low, end), seconds=_LONG_SECONDS)))
    return sorted(uids)


async def search_last(
    connection: Connection, *, exists: int, uidnext: int | None, limit: int, below: int | None = None
) -> list[int]:
    """Returns the highest *limit* UIDs of the folder that is open, the highest first, all lower than *below*."""
    if not exists:
        return []
    if uidnext is None:
        uids = await search_all(connection, exists=exists, below=WINDOW * _RUNS)
        return [uid for uid in reversed(uids) if below is None or uid < below][:limit]
    found: list[int] = []
    high, span = min(below or uidnext, uidnext) - 1, limit
    while high > 0 and len(found) < limit:
        low = max(1, high - span + 1)
        some = _found(await connection.run(b"UID SEARCH UID %d:%d" % (low, high), seconds=_LONG_SECONDS))
        found.extend(sorted({uid for uid in some if low <= uid <= high}, reverse=True))
        # Where messages stand far apart, each look is further.
        high, span = low - 1, min(span * 8, WINDOW)
    return found[:limit]


async def is_listed(connection: Connection, uid: int) -> bool:
    """Tells whether the folder lists this message, whether or not it can show it."""
    return uid in _found(await connection.run(b"UID SEARCH UID %d" % uid))


async def tell_flags(connection: Connection, first: int, last: int) -> None:
    """Has the server tell the connection's feed UID and flags of the messages from UID *first* to *last*."""
    await connection.run(b"UID FETCH %d:%d %s" % (first, last, _FLAGS), seconds=_LONG_SECONDS)


async def fetch_new(connection: Connection, first: int) -> list[Brief]:
    """Returns UID, flags, moment and size of the messages from UID *first* on."""
    answer = await connection.run(b"UID FETCH %d:* %s" % (first, _BRIEF), seconds=_LONG_SECONDS)
    # `n:*` names the last message always, even where its UID is less than n.
    return [brief for brief in _briefs(answer) if brief.uid is not None and brief.uid >= first]


async def fetch_brief(connection: Connection, uids: Sequence[int]) -> list[Brief]:
    """Returns UID, flags, moment and size of these messages."""
    found: list[Brief] = []
    for some in _sets(sorted(uids)):
        found.extend(_briefs(await connection.run(b"UID FETCH %s %s" % (some, _BRIEF), seconds=_LONG_SECONDS)))
    return found


async def fetch_outline(connection: Connection, uid: int, *, structure: bool = True) -> dict[bytes, Any]:
    """
    Returns all of a message but its content, by the names of IMAP's items; nothing where the server has none.

    Without *structure* it asks for the headers only, for mail whose structure the server cannot tell.
    """
    return await _fetch_one(connection, uid, _OUTLINE if structure else _HEADER)


async def fetch_outlines(connection: Connection, uids: Sequence[int]) -> dict[int, dict[bytes, Any]]:
    """Returns all of some messages but their content, by UID; those that the server has."""
    if not uids:
        return {}
    answer = await connection.run(b"UID FETCH %s %s" % (_set(uids), _OUTLINE), seconds=_LONG_SECONDS)
    merged: dict[int, dict[bytes, Any]] = {}
    for response in answer.untagged:
        found = fetched_of(response)
        if found and found.get(b"UID") in uids:
            merged.setdefault(found[b"UID"], {}).update(found)
    return merged


async def fetch_parts(connection: Connection, uid: int, parts: Sequence[str], limit: int) -> dict[str, bytes]:
    """Returns the first *limit* bytes of parts of a message, encoded as they came."""
    if not parts:
        return {}
    wanted = b" ".join(b"BODY.PEEK[%s]<0.%d>" % (part.encode("ascii"), limit) for part in parts)
    items = await _fetch_one(connection, uid, b"(UID " + wanted + b")")
    found = {name.partition(b"]")[0]: value for name, value in items.items() if isinstance(value, bytes)}
    return {part: found[key] for part in parts if (key := b"BODY[" + part.upper().encode("ascii")) in found}


async def stream(connection: Connection, uid: int, part: str = "") -> AsyncIterator[bytes]:
    """Yields a message, or a *part* of it, encoded as it came; in slices, so that memory does not grow with it."""
    offset = 0
    while True:
        item = b"(UID BODY.PEEK[%s]<%d.%d>)" % (part.encode("ascii"), offset, _SLICE)
        items = await _fetch_one(connection, uid, item)
        slices = [value for name, value in items.items() if name.startswith(b"BODY[") and isinstance(value, bytes)]
        if slices and slices[0]:
            yield slices[0]
        if not slices or len(slices[0]) < _SLICE:
            return
        offset += _SLICE


async def store_flags(
    connection: Connection, uids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> None:
    """Sets and clears flags; the folder is open for writing."""
    where = _set(uids)
    for sign, flags in ((b"+", sorted(add)), (b"-", sorted(remove))):
        if where and flags:
            await connection.run(b"UID STORE %s %sFLAGS.SILENT (%s)" % (where, sign, " ".join(flags).encode("ascii")))


async def move(connection: Connection, uid: int, to: str) -> Placed | None:
    """
    Moves a message to the folder *to*, which may not exist yet; the folder it is in is open for writing.

    Where the server cannot move, it is copied, and only this message is expunged then.
    """
    arguments = b"%d %s" % (uid, quoted(to))
    if "MOVE" in connection.capabilities:
        return _placed(await connection.run(b"UID MOVE " + arguments, seconds=_LONG_SECONDS), b"COPYUID")
    copied = await connection.run(b"UID COPY " + arguments, seconds=_LONG_SECONDS)
    await expunge(connection, uid)
    return _placed(copied, b"COPYUID")


async def expunge(connection: Connection, uid: int) -> None:
    """
    Removes a message for good; the folder is open for writing.

    A server that cannot expunge one message alone keeps it marked: a plain EXPUNGE takes along what others have marked.
    """
    await store_flags(connection, [uid], add=["\\Deleted"])
    if "UIDPLUS" in connection.capabilities:
        await connection.run(b"UID EXPUNGE %d" % uid)


async def delete(connection: Connection, uid: int, trash: str | None) -> Placed | None:
    """Moves a message to the folder *trash*, or removes it for good where that is None."""
    if trash is not None:
        return await move(connection, uid, trash)
    await expunge(connection, uid)
    return None


async def append(
    connection: Connection, folder: str, message: bytes, *, flags: Iterable[str] = (), at: datetime | None = None
) -> Placed | None:
    """Adds a message to a folder; *at* is when it came, else it comes now."""
    words = [b"APPEND " + quoted(folder), b"(" + " ".join(sorted(flags)).encode("ascii") + b")"]
    if at is not None:
        words.append(b'"' + _written(at) + b'"')
    return _placed(await connection.run(b" ".join(words), literal=message, seconds=_LONG_SECONDS), b"APPENDUID")


def _briefs(answer: Answer) -> list[Brief]:
    """Returns what a FETCH brought, one for each message: what came later wins, since it may tell of a change."""
    merged: dict[int, Brief] = {}
    for response in answer.untagged:
        brief = brief_of(response)
        if brief is None or brief.uid is None:
            continue
        former = merged.get(brief.uid)
        merged[brief.uid] = brief if former is None else _later(former, brief)
    return list(merged.values())


def _later(former: Brief, brief: Brief) -> Brief:
    return replace(
        former,
        flags=former.flags if brief.flags is None else brief.flags,
        received=brief.received or former.received,
        size=former.size if brief.size is None else brief.size,
    )


async def _fetch_one(connection: Connection, uid: int, items: bytes) -> dict[bytes, Any]:
    answer = await connection.run(b"UID FETCH %d %s" % (uid, items), seconds=_LONG_SECONDS)
    merged: dict[bytes, Any] = {}
    for response in answer.untagged:
        found = fetched_of(response)
        if found and found.get(b"UID") == uid:
            merged.update(found)
    return merged


def _found(answer: Answer) -> list[int]:
    return [uid for response in answer.untagged for uid in found_of(response) or ()]


def _set(uids: Iterable[int]) -> bytes:
    return b",".join(_runs(sorted(uids)))


def _sets(uids: Sequence[int]) -> Iterator[bytes]:
    """Yields sets that hold a number of messages, and fit on a line, each."""
    for start in range(0, len(uids), _BULK):
        runs: list[bytes] = []
        for run in _runs(uids[start : start + _BULK]):
            runs.append(run)
            if len(runs) == _RUNS:
                yield b",".join(runs)
                runs = []
        if runs:
            yield b",".join(runs)


def _runs(uids: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for place, uid in enumerate(uids):
        if place + 1 == len(uids) or uids[place + 1] != uid + 1:
            yield b"%d" % uid if uids[start] == uid else b"%d:%d" % (uids[start], uid)
            start = place + 1


def _placed(answer: Answer, name: bytes) -> Placed | None:
    # MOVE tells it in an untagged OK, because the message goes before the command is done.
    statuses = [response.status for response in answer.untagged if response.text[:3].upper() == b"OK "]
    for status in [answer.status, *statuses]:
        told = status.argument(name) if status else None
        if told:
            uidvalidity, *_, uids = told.split()
            return Placed(int(uidvalidity), numbers_of(uids)[-1])
    return None


def _written(at: datetime) -> bytes:
    return f"{at.day:2d}-{MONTHS[at.month - 1]}-{at:%Y %H:%M:%S %z}".encode("ascii")
