"""MIME in, the content of a Graph message out."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

from local.m365 import moments

MARKUP = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<!--.*?-->|<[^>]+>")
SPACE = re.compile(r"\s+")
#: Calendar method to the Graph type and meetingMessageType.
MEETINGS = {
    "REQUEST": ("#microsoft.graph.eventMessageRequest", "meetingRequest"),
    "CANCEL": ("#microsoft.graph.eventMessage", "meetingCancelled"),
    "REPLY": ("#microsoft.graph.eventMessageResponse", "meetingAccepted"),
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment; `raw` is the file, or the MIME of an attached message."""

    id: str
    kind: str
    name: str | None
    content_type: str | None
    inline: bool
    content_id: str | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says, as opposed to where it lies and how it is marked."""

    mime: bytes
    properties: dict[str, Any]
    headers: list[dict[str, str]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def read(mime: bytes) -> Content:
    """Reads one message; whatever a sender got wrong, something is shown."""
    message = message_from_bytes(mime, policy=policy.default)
    body = _body(message)
    attachments = list(_attachments(message))
    sender = _people(message, "From")
    properties: dict[str, Any] = {
        "sentDateTime": _date(message),
        "hasAttachments": any(not attachment.inline for attachment in attachments),
        "internetMessageId": _header(message, "Message-ID") or _made_up_id(mime),
        "subject": _header(message, "Subject") or "",
        "bodyPreview": preview(body),
        "importance": _importance(message),
        **_conversation(message, mime),
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": "Disposition-Notification-To" in message,
        "body": body,
        "toRecipients": _people(message, "To"),
        "ccRecipients": _people(message, "Cc"),
        "bccRecipients": _people(message, "Bcc"),
        "replyTo": _people(message, "Reply-To"),
        **_meeting(message),
    }
    if sender:
        # Graph leaves both out when a message names nobody.
        properties |= {"sender": (_people(message, "Sender") or sender)[0], "from": sender[0]}
    return Content(mime, properties, _raw_headers(message), attachments)


def plain(html: str) -> str:
    """HTML as text."""
    return SPACE.sub(" ", unescape(MARKUP.sub(" ", html))).strip()


def preview(body: dict[str, str]) -> str:
    """The first 255 characters of a body as text."""
    text = plain(body["content"]) if body["contentType"] == "html" else SPACE.sub(" ", body["content"]).strip()
    return text[:255]


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "")).strip()
    except (ValueError, IndexError, AttributeError):
        # The standard library trips over some malformed headers.
        return ""


def _people(message: EmailMessage, name: str) -> list[dict[str, Any]]:
    try:
        header = message[name]
    except (ValueError, IndexError, AttributeError):
        return []
    people: list[dict[str, Any]] = []
    for group in header.groups if isinstance(header, AddressHeader) else ():
        if group.display_name is not None and not group.addresses:
            people.append({"emailAddress": {"name": f"{group.display_name}:;"}})
        for address in group.addresses:
            spec = address.addr_spec
            people.append({"emailAddress": {"name": address.display_name or spec, "address": spec}})
    return people


def _date(message: EmailMessage) -> str:
    try:
        date = parsedate_to_datetime(_header(message, "Date"))
    except (ValueError, TypeError):
        date = moments.now()
    return moments.spell(date if date.tzinfo else date.replace(tzinfo=UTC))


def _importance(message: EmailMessage) -> str:
    wanted = _header(message, "Importance").lower()
    return wanted if wanted in {"low", "high"} else "normal"


def _made_up_id(mime: bytes) -> str:
    return f"<{hashlib.sha256(mime).hexdigest()[:32]}@m365.example>"


def _conversation(message: EmailMessage, mime: bytes) -> dict[str, str]:
    references = f"{_header(message, 'References')} {_header(message, 'In-Reply-To')}".split()
    root = (references or [_header(message, "Message-ID") or _made_up_id(mime)])[0]
    digest = hashlib.sha256(root.encode()).digest()
    # https://learn.microsoft.com/office/client-developer/outlook/mapi/tracking-conversations
    # 22 bytes, and 5 for each reply.
    index = b"\x01" + digest[:5] + digest[16:32] + bytes(5 * min(len(references), 50))
    thread = base64.urlsafe_b64encode(b"\x00" * 9 + digest[:24]).decode()
    return {"conversationId": f"AAQkAD{thread}=", "conversationIndex": base64.b64encode(index).decode()}


def _body(message: EmailMessage) -> dict[str, str]:
    part = message.get_body(preferencelist=("html", "plain"))
    if part is None:
        return {"contentType": "text", "content": ""}
    kind = "html" if part.get_content_subtype() == "html" else "text"
    return {"contentType": kind, "content": _text(part)}


def _text(part: Any) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError, KeyError):
        return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def _meeting(message: EmailMessage) -> dict[str, Any]:
    calendar = next((part for part in message.walk() if part.get_content_type() == "text/calendar"), None)
    if calendar is None:
        return {}
    method = str(calendar.get_param("method", "")).upper()
    kind, meeting = MEETINGS.get(method, ("#microsoft.graph.eventMessage", "none"))
    start, end = (_moment_in(_text(calendar), name) for name in ("DTSTART", "DTEND"))
    return {
        "@odata.type": kind,
        "meetingMessageType": meeting,
        "type": "singleInstance",
        "isOutOfDate": False,
        "isAllDay": False,
        "isDelegated": False,
        "startDateTime": start,
        "endDateTime": end,
    }


def _moment_in(calendar: str, name: str) -> dict[str, str] | None:
    found = re.search(rf"(?m)^{name}[^:\n]*:(\d{{8}}T\d{{6}})", calendar)
    if found is None:
        return None
    moment = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return {"dateTime": moment.strftime("%Y-%m-%dT%H:%M:%S.0000000"), "timeZone": "UTC"}


def _raw_headers(message: EmailMessage) -> list[dict[str, str]]:
    return [{"name": name, "value": SPACE.sub(" ", str(value)).strip()} for name, value in message.raw_items()]


def _leaves(part: Any) -> Iterator[tuple[Any, bool]]:
    related = part.get_content_type() == "multipart/related"
    for child in part.iter_parts():
        if child.get_content_maintype() == "multipart":
            yield from _leaves(child)
        else:
            yield child, related


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    shown = [message.get_body(preferencelist=(kind,)) for kind in ("html", "plain")]
    for part, related in _leaves(message):
        if any(part is body for body in shown) or part.get_content_type() == "text/calendar":
            continue
        disposition = part.get_content_disposition()
        if part.get_content_maintype() == "text" and disposition is None and not part.get_filename():
            continue
        yield _attachment(part, inline=disposition == "inline" or (related and disposition != "attachment"))


def _attachment(part: Any, *, inline: bool) -> Attachment:
    content_id = str(part.get("Content-ID", "")).strip().strip("<>") or None
    kind = part.get_content_type()
    if kind == "message/rfc822":
        inner = part.get_payload(0)
        raw = inner.as_bytes()
        name = str(inner.get("Subject", "")) or None
        return Attachment(_attachment_id(raw), "itemAttachment", name, None, False, content_id, raw)
    raw = bytes(part.get_payload(decode=True) or b"")
    name = part.get_filename() or content_id or "attachment"
    return Attachment(_attachment_id(raw + name.encode()), "fileAttachment", name, kind, inline, content_id, raw)


def _attachment_id(raw: bytes) -> str:
    return "AAMkADAttachment" + base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).decode()
