"""
Messages of IMAP in the words of the domain: what a FETCH brought becomes what an event is made of.

The headers say who, what and when; ENVELOPE says the same in fewer words, and breaks on more mail: it is not asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from shared.domain.imap_ids import ImapPlace, message_id
from shared.domain.messages import Address, Attachment, Body, Message
from shared.domain.mirrors import bits, names
from sidecar import mime
from sidecar.imap.responses import Brief
from sidecar.structures import BrokenStructure, Part, Structure, parts_in, parts_of, structure_of

_UNKNOWN_MOMENT = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Outline:
    """All of a message but its content; `structure` is None where the server cannot tell it."""

    flags: int
    received: datetime | None
    headers: Mapping[str, tuple[str, ...]]
    structure: Structure | None
    size: int | None = None


def outline_of(items: Mapping[bytes, Any]) -> Outline:
    """Returns the outline in the items of a FETCH."""
    received = items.get(b"INTERNALDATE")
    header = next((value for name, value in items.items() if name.startswith(b"BODY[HEADER")), b"") or b""
    try:
        structure = structure_of(parts_of(items[b"BODYSTRUCTURE"]))
    except (KeyError, BrokenStructure):
        structure = None
    return Outline(
        flags=bits(flag.decode("ascii", "replace") for flag in items.get(b"FLAGS") or () if isinstance(flag, bytes)),
        received=received if isinstance(received, datetime) else None,
        headers=mime.headers_of(header if isinstance(header, bytes) else str(header).encode()),
        structure=structure,
        size=size if isinstance(size := items.get(b"RFC822.SIZE"), int) else None,
    )


def structure_in(raw: bytes) -> Structure:
    """Returns the structure that the message itself tells."""
    return structure_of(parts_in(raw))


def brief_message(place: ImapPlace, brief: Brief) -> Message:
    """Returns what tells whether a message changed, and nothing of its content."""
    return Message(**_common(place, bits(brief.flags or ()), _aware(brief.received) or _UNKNOWN_MOMENT))


def message_of(
    place: ImapPlace, outline: Outline, structure: Structure, texts: Mapping[str, bytes], limit: int
) -> Message:
    """Returns the message; *texts* are its text parts, encoded as they came, *limit* bytes of each at most."""
    headers = outline.headers
    plain = _body(structure.plain, "plain", texts, limit)
    html = _body(structure.html, "html", texts, limit)
    author = _first(headers, "from")
    return Message(
        **_common(place, outline.flags, _aware(outline.received) or _date(headers) or _UNKNOWN_MOMENT),
        subject=mime.words_of(_value(headers, "subject")),
        author=author,
        sender=_first(headers, "sender") or author,
        to=_people(headers, "to"),
        cc=_people(headers, "cc"),
        bcc=_people(headers, "bcc"),
        reply_to=_people(headers, "reply-to"),
        internet_message_id=_value(headers, "message-id") or None,
        preview=mime.preview_of(plain.content if plain else None, html.content if html else None),
        body=plain or html,
        alternative=html if plain else None,
        headers=headers,
        attachments=tuple(map(_attachment, structure.attachments)),
        size=outline.size,
    )


def _common(place: ImapPlace, flags: int, received: datetime) -> dict[str, Any]:
    return {
        "id": message_id(place.folder, place.uidvalidity, place.uid),
        "folder": place.folder,
        # Nothing of a message changes in IMAP but its flags.
        "change_key": f"f{flags:02x}",
        "received": received,
        "created": received,
        "modified": received,
        "flags": names(flags),
    }


def _body(part: Part | None, kind: Literal["plain", "html"], texts: Mapping[str, bytes], limit: int) -> Body | None:
    if part is None:
        return None
    encoded = part.content[:limit] if part.content is not None else texts.get(part.number, b"")
    cut = part.size > limit
    content = mime.text_of(mime.unwrapped(encoded, part.encoding), part.charset, cut=cut)
    return Body(kind, content, part.size if cut else None)


def _attachment(part: Part) -> Attachment:
    return Attachment(
        id=part.number,
        content_type=part.kind,
        size=part.size,
        inline=part.disposition == "inline" or (part.disposition is None and part.content_id is not None),
        filename=part.filename,
        content_id=part.content_id,
    )


def _value(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(headers.get(name, ())), "")


def _people(headers: Mapping[str, tuple[str, ...]], name: str) -> tuple[Address, ...]:
    return mime.addresses_of(headers.get(name, ()))


def _first(headers: Mapping[str, tuple[str, ...]], name: str) -> Address | None:
    return next(iter(_people(headers, name)), None)


def _aware(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def _date(headers: Mapping[str, tuple[str, ...]]) -> datetime | None:
    try:
        said = parsedate_to_datetime(_value(headers, "date"))
    except (ValueError, TypeError, IndexError):
        return None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
