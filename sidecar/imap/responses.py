"""What untagged responses say: pure functions from a response to values."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_fetch_response, parse_response

from sidecar.imap import names
from sidecar.imap.wire import Response

_BRIEF_ITEM = rb'UID (\d+)|FLAGS \(([^()]*)\)|INTERNALDATE "([^"]*)"|RFC822\.SIZE (\d+)|MODSEQ \(\d+\)'
_ITEMS = re.compile(_BRIEF_ITEM, re.IGNORECASE)
_BRIEF = re.compile(rb"^(\d+) FETCH \((?:(?:" + _BRIEF_ITEM + rb")(?: |(?=\))))*\)$", re.IGNORECASE)
_COUNT = re.compile(rb"^(\d+) (EXISTS|EXPUNGE)$", re.IGNORECASE)
_FETCH = re.compile(rb"^(\d+) FETCH ", re.IGNORECASE)
_MOMENT = re.compile(r"^ ?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")
# Whatever the machine's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Count:
    """`n EXISTS` or `n EXPUNGE`."""

    number: int
    gone: bool


@dataclass(frozen=True, slots=True)
class Brief:
    """The little that a FETCH says of a message when it says no content."""

    sequence: int
    uid: int | None
    flags: frozenset[str] | None
    received: datetime | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder of a LIST: its path as the server writes it, decoded."""

    path: str
    delimiter: str
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a STATUS says of a folder; None where it does not say it."""

    messages: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    unseen: int | None = None


def count_of(response: Response) -> Count | None:
    """Returns what an EXISTS or EXPUNGE says."""
    found = _COUNT.match(response.text)
    return Count(int(found.group(1)), found.group(2).upper() == b"EXPUNGE") if found else None


def brief_of(response: Response) -> Brief | None:
    """Returns what a FETCH without content says, or None where it is something else, or says more than that."""
    found = _BRIEF.match(response.text)
    if not found or response.literals:
        return None
    uid = size = flags = received = None
    for item in _ITEMS.finditer(response.text, found.end(1)):
        said_uid, said_flags, said_date, said_size = item.groups()
        if said_uid:
            uid = int(said_uid)
        elif said_flags is not None:
            flags = _flags(said_flags)
        elif said_date is not None:
            received = moment(said_date)
        elif said_size:
            size = int(said_size)
    return Brief(int(found.group(1)), uid, flags, received, size)


@lru_cache(maxsize=256)
def _flags(said: bytes) -> frozenset[str]:
    # Of thousands of messages in a row, nearly all have the same few flags.
    return frozenset(said.decode("ascii", "replace").split())


def fetched_of(response: Response) -> dict[bytes, Any] | None:
    """
    Returns the items of a FETCH, by their upper-case names, or None where it is no FETCH.

    What the parser cannot read (Exchange's BODYSTRUCTURE of some broken mail) leaves what can be read without it.
    """
    found = _FETCH.match(response.text)
    if not found:
        return None
    first, *others = response.lines
    first = found.group(1) + b" " + first[found.end() :]
    lines = [first, *others]
    pieces: list[Any] = [
        (line + b"{%d}" % len(literal), literal) for line, literal in zip(lines, response.literals, strict=False)
    ]
    pieces.append(lines[-1])
    try:
        parsed = parse_fetch_response(pieces, normalise_times=False, uid_is_key=False)
    except (ProtocolError, ValueError, TypeError, IndexError, AttributeError):
        return _readable(response)
    return {name: value for items in parsed.values() for name, value in items.items()}


def _readable(response: Response) -> dict[bytes, Any]:
    text = b" ".join(response.lines)
    items: dict[bytes, Any] = {}
    for item in _ITEMS.finditer(text):
        said_uid, said_flags, said_date, said_size = item.groups()
        if said_uid:
            items.setdefault(b"UID", int(said_uid))
        elif said_flags is not None:
            items.setdefault(b"FLAGS", tuple(said_flags.split()))
        elif said_date is not None:
            items.setdefault(b"INTERNALDATE", moment(said_date))
        elif said_size:
            items.setdefault(b"RFC822.SIZE", int(said_size))
    for line, literal in zip(response.lines, response.literals, strict=False):
        name = re.search(rb"(BODY\[[^\]]*\](?:<\d+>)?) *$", line, re.IGNORECASE)
        if name:
            items[name.group(1).upper()] = literal
    return items


def listed_of(response: Response) -> Listed | None:
    """Returns the folder that a LIST line names."""
    if response.text[:5].upper() != b"LIST ":
        return None
    words = _words(response)
    if len(words) < 4 or not isinstance(words[1], tuple):  # noqa: PLR2004  LIST (attributes) delimiter name
        return None
    path = names.decode(_bytes(words[3]))
    return Listed(
        path="INBOX" if path.upper() == "INBOX" else path,
        delimiter=_bytes(words[2]).decode() if words[2] else "",
        attributes=frozenset(_bytes(word).decode("ascii", "replace") for word in words[1]),
    )


def status_of(response: Response) -> Counts | None:
    """Returns the numbers of a STATUS line."""
    if response.text[:7].upper() != b"STATUS ":
        return None
    numbers = _words(response)[-1]
    if not isinstance(numbers, tuple):
        return Counts()
    pairs = zip(numbers[::2], numbers[1::2], strict=False)
    told = {_bytes(name).upper(): value for name, value in pairs if isinstance(value, int)}
    return Counts(told.get(b"MESSAGES"), told.get(b"UIDNEXT"), told.get(b"UIDVALIDITY"), told.get(b"UNSEEN"))


def found_of(response: Response) -> list[int] | None:
    """Returns the numbers of a SEARCH or an ESEARCH; some servers send the one where the other was due."""
    word, _, rest = response.text.partition(b" ")
    if word.upper() == b"SEARCH":
        return [int(number) for number in rest.partition(b"(")[0].split()]
    if word.upper() == b"ESEARCH":
        told = re.search(rb"\bALL ([\d:,]+)", rest, re.IGNORECASE)
        return numbers_of(told.group(1)) if told else []
    return None


def numbers_of(sequence_set: bytes) -> list[int]:
    """Returns the numbers of a set like `1:3,7`."""
    numbers: list[int] = []
    for part in sequence_set.split(b","):
        first, _, last = part.partition(b":")
        low, high = sorted((int(first), int(last or first)))
        numbers.extend(range(low, high + 1))
    return numbers


def moment(text: bytes) -> datetime | None:
    """Returns an INTERNALDATE, or None where it is none."""
    found = _MOMENT.match(text.decode("ascii", "replace"))
    if not found:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    zone = timezone(-offset if sign == "-" else offset)
    try:
        return datetime(
            int(year),
            MONTHS.index(month.title()) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=zone,
        )
    except ValueError:
        return None


def _words(response: Response) -> tuple[Any, ...]:
    lines = response.lines
    pieces: list[Any] = [
        (line + b"{%d}" % len(literal), literal) for line, literal in zip(lines, response.literals, strict=False)
    ]
    try:
        return tuple(parse_response([*pieces, lines[-1]]))
    except (ProtocolError, ValueError):
        return ()


def _bytes(word: Any) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
