"""The parts of a message, as IMAP's BODYSTRUCTURE tells them, or as the message itself does where that is broken."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any

from sidecar import mime

_SIZE = 6
# A text's extension data stand behind its lines, an attached message's behind envelope, structure and lines.
_EXTENSIONS = {"text": 8, "message/rfc822": 10}
_OTHER_EXTENSIONS = 7


@dataclass(frozen=True, slots=True)
class Part:
    """A part that holds content; `number` is IMAP's, `size` is in bytes as encoded."""

    number: str
    kind: str
    size: int
    encoding: str = "7bit"
    charset: str | None = None
    disposition: str | None = None
    filename: str | None = None
    content_id: str | None = None
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Structure:
    """A message's parts: the two forms of its text, and everything else."""

    plain: Part | None
    html: Part | None
    attachments: tuple[Part, ...]


class BrokenStructure(Exception):
    """What the server says of the message's structure makes no sense; the message itself must tell."""


def structure_of(parts: list[Part]) -> Structure:
    """Returns which part is what: a text's first part of each form is the text, unless it is named like a file."""
    texts = [part for part in parts if part.disposition != "attachment" and not part.filename]
    plain = next((part for part in texts if part.kind == "text/plain"), None)
    html = next((part for part in texts if part.kind == "text/html"), None)
    return Structure(plain, html, tuple(part for part in parts if part is not plain and part is not html))


def parts_of(structure: Any) -> list[Part]:
    """Returns the parts in what imapclient makes of a BODYSTRUCTURE."""
    try:
        return list(_told(structure, ""))
    except (TypeError, IndexError, ValueError, AttributeError, KeyError) as exc:
        raise BrokenStructure("The server's BODYSTRUCTURE makes no sense.") from exc


def parts_in(raw: bytes) -> list[Part]:
    """Returns the parts of a whole message, numbered as IMAP numbers them, with their content, decoded."""
    mail = message_from_bytes(raw)
    if not mail.is_multipart() or mail.get_content_type() == "message/rfc822":
        return [_read(mail, "1")]
    return list(_inside(mail, ""))


def _told(node: Any, number: str) -> Iterator[Part]:
    if isinstance(node[0], list | tuple):
        for place, child in enumerate(node[0], start=1):
            yield from _told(child, f"{number}.{place}" if number else f"{place}")
        return
    main, sub = _text(node[0]).lower(), _text(node[1]).lower()
    if not main or not sub:
        raise ValueError("A part without a type.")
    kind = f"{main}/{sub}"
    start = _EXTENSIONS.get(kind, _EXTENSIONS.get(main, _OTHER_EXTENSIONS))
    parameters = _parameters(node[2])
    said = node[start + 1] if len(node) > start + 1 else None
    disposition, details = (said[0], said[1]) if isinstance(said, tuple) and len(said) > 1 else (said, None)
    yield Part(
        number=number or "1",
        kind=kind,
        size=int(node[_SIZE] or 0),
        encoding=_text(node[5]).lower() or "7bit",
        charset=parameters.get("charset"),
        disposition=_text(disposition).lower() or None,
        filename=mime.name_of(_parameters(details), parameters),
        content_id=_text(node[3]).strip().strip("<>") or None,
    )


def _inside(mail: Mail, number: str) -> Iterator[Part]:
    for place, child in enumerate(_children(mail), start=1):
        below = f"{number}.{place}" if number else f"{place}"
        if child.is_multipart() and child.get_content_maintype() == "multipart":
            yield from _inside(child, below)
        else:
            yield _read(child, below)


def _read(mail: Mail, number: str) -> Part:
    # Only so it hands out the bytes, whatever charset they name; without their transfer encoding then.
    content = mail.get_payload(decode=True)
    # In the order in which BODYSTRUCTURE has them.
    named, typed = (_pairs(mail, name) for name in ("content-disposition", "content-type"))
    disposition = str(mail.get("content-disposition", "")).partition(";")[0].strip().lower()
    return Part(
        number=number,
        kind=mail.get_content_type(),
        size=_size(mail),
        encoding="binary",
        charset=typed.get("charset"),
        disposition=disposition or None,
        filename=mime.name_of(named, typed),
        content_id=str(mail.get("content-id", "")).strip().strip("<>") or None,
        content=content if isinstance(content, bytes) else b"",
    )


def _children(mail: Mail) -> list[Mail]:
    payload = mail.get_payload()
    return [child for child in payload if isinstance(child, Mail)] if isinstance(payload, list) else []


def _size(mail: Mail) -> int:
    """Returns about how long the content is; writing it out again fails on some of what was read."""
    payload = mail.get_payload()
    if isinstance(payload, str):
        return len(payload)
    heads = sum(len(name) + len(str(value)) + 4 for child in _children(mail) for name, value in child.items())
    return heads + sum(map(_size, _children(mail)))


def _pairs(mail: Mail, name: str) -> dict[str, str]:
    try:
        pairs = mail.get_params([], header=name, unquote=True) or []
    except (LookupError, ValueError):
        return {}
    return {str(key).lower(): mime.collapsed(value) for key, value in pairs[1:]}


def _parameters(pairs: Any) -> dict[str, str]:
    if not isinstance(pairs, tuple):
        return {}
    return {_text(key).lower(): _text(value) for key, value in zip(pairs[::2], pairs[1::2], strict=False)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return mime.text_of(value, None) if isinstance(value, bytes) else str(value)
