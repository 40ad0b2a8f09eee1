"""
Events: what a customer receives, with EmailEngine's names, fields and key order.

An event's id is the idempotency key of the whole product: a UUID derived from the account, the message, the event's
name and the version of what happened. A duplicated notification, a sweep, a crash and a replay all arrive at the same
id, so a receiver that remembers `webhook-id` sees each event once; a second change of the same message has another
version and is another event.
"""

import json
import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.domain.imap_ids import place_of
from shared.domain.messages import Address, Attachment, ContentRules, Message
from shared.domain.moments import iso
from shared.domain.oauth2 import CredentialKind, OAuth2App
from shared.domain.sightings import Sighting

_NAMESPACE = uuid.UUID("6f1f6bb0-5b0e-5f0d-9a4e-3a5f0d365365")


class EventName(StrEnum):
    """Every event that the product emits."""

    MESSAGE_NEW = "messageNew"
    MESSAGE_UPDATED = "messageUpdated"
    MESSAGE_MOVED = "messageMoved"
    MESSAGE_DELETED = "messageDeleted"
    MESSAGE_MISSING = "messageMissing"
    MAILBOX_NEW = "mailboxNew"
    MAILBOX_DELETED = "mailboxDeleted"
    MAILBOX_RESET = "mailboxReset"
    ACCOUNT_ADDED = "accountAdded"
    ACCOUNT_INITIALIZED = "accountInitialized"
    ACCOUNT_DELETED = "accountDeleted"
    AUTHENTICATION_ERROR = "authenticationError"
    AUTHENTICATION_SUCCESS = "authenticationSuccess"
    OAUTH_APP_EXPIRING = "oauthAppExpiring"


@dataclass(frozen=True, slots=True)
class Event:
    """
    An event before it becomes bytes.

    `moment` gives the delivery its place, and `date` is what the customer sees: both come from the event itself, where
    it has a time of its own, so that a repetition makes the same bytes. `learned` is when we heard of it first.
    What happened to no account in particular has none.
    """

    id: str
    name: EventName
    account: str | None
    account_key: str | None
    moment: datetime
    date: datetime
    learned: datetime
    data: Mapping[str, Any]
    path: str | None = None
    special_use: str | None = None


def event_id(account_key: str, subject: str, name: EventName, version: str) -> str:
    """Returns the id of the event *name* about *subject* (a message id, or the account's incarnation) at *version*."""
    return str(uuid.uuid5(_NAMESPACE, f"{account_key}\n{subject}\n{name}\n{version}"))


def payload(event: Event, service_url: str | None) -> bytes:
    """Returns the exact bytes that every attempt sends: UTF-8 JSON without spaces, keys in EmailEngine's order."""
    body: dict[str, Any] = {"serviceUrl": service_url, "account": event.account, "date": iso(event.date)}
    if event.path is not None:
        body["path"] = event.path
    if event.special_use is not None:
        body["specialUse"] = event.special_use
    body["event"] = event.name
    body["data"] = event.data
    # A lone surrogate is legal in Graph's JSON and impossible in UTF-8.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def new_data(message: Message, rules: ContentRules) -> dict[str, Any]:
    """Returns the data of a `messageNew`; absent parts are left out, as EmailEngine leaves them out."""
    named = identity(message.id)
    in_imap = "uid" in named
    data: dict[str, Any] = {
        **named,
        # IMAP's ids say where a message is, and it has no categories.
        "emailId": None if in_imap else message.id,
        "threadId": message.thread,
        "date": iso(message.received),
        "flags": sorted(message.flags),
        "labels": None if in_imap else list(message.labels),
        "unseen": True if "\\Seen" not in message.flags else None,
        "flagged": True if "\\Flagged" in message.flags else None,
        "draft": True if "\\Draft" in message.flags else None,
        "size": message.size,
        "subject": message.subject,
        "from": _person(message.author),
        "sender": _person(message.sender),
        "replyTo": _people(message.reply_to),
        "to": _people(message.to),
        "cc": _people(message.cc),
        "bcc": _people(message.bcc),
        "attachments": [_attachment(message.id, attachment) for attachment in message.attachments] or None,
        "messageId": message.internet_message_id,
        "inReplyTo": next(iter(message.headers.get("in-reply-to", ())), None),
        "headers": _headers(message.headers, rules.headers),
        "text": _text(message, rules),
        "preview": message.preview or None,
        "isAutoReply": True if is_auto_reply(message) else None,
    }
    return {key: value for key, value in data.items() if value is not None}


def identity(message_id: str) -> dict[str, Any]:
    """Returns what names a message in an event: its id, and its UID where it has one."""
    place = place_of(message_id)
    return {"id": message_id} if place is None else {"id": message_id, "uid": place.uid}


def updated_data(message: Message, known: Sighting | None) -> dict[str, Any]:
    """Returns the data of a `messageUpdated`: the value now and, where we knew the message, what came and went."""
    return {"id": message.id, "changes": _differences(message, known)}


def moved_data(message: Message, known: Sighting | None) -> dict[str, Any]:
    """Returns the data of a `messageMoved`; flags that changed on the way are told with it."""
    data: dict[str, Any] = {"id": message.id}
    if known is not None and known.state != Sighting.of(message).state:
        data["changes"] = _differences(message, known)
    return data


def deleted_data(message_id: str) -> dict[str, Any]:
    """Returns the data of a `messageDeleted`."""
    return identity(message_id)


def missing_data(message_id: str, tries: int) -> dict[str, Any]:
    """Returns the data of a `messageMissing`: announced, looked for *tries* times more, never found."""
    return {**identity(message_id), "missingRetries": tries}


def flag_changes(now: Iterable[str], before: Iterable[str] | None) -> dict[str, Any]:
    """Returns what an event tells of flags: their value *now* and, where *before* is known, what came and went."""
    return {"flags": _difference(now, before)}


def expiring_data(app: OAuth2App, expires: datetime, days: int) -> dict[str, Any]:
    """Returns the data of an `oauthAppExpiring`: the credential of *app* expires in *days* days, or with 0 it has."""
    return {
        "app": app.id,
        "name": app.name,
        "clientId": app.client_id,
        "credential": "certificate" if app.credential is CredentialKind.CERTIFICATE else "clientSecret",
        "expires": iso(expires),
        "days": days,
    }


def attachment_id(message_id: str, attachment: str) -> str:
    """Returns the opaque id under which the API knows an attachment of a message."""
    packed = json.dumps([message_id, attachment], separators=(",", ":")).encode()
    return urlsafe_b64encode(packed).decode().rstrip("=")


_AUTO_SUBJECT = re.compile(r"^(auto(matic)?\s*(reply|response)|out of (the )?office|oof:|ooo:)", re.IGNORECASE)


def is_auto_reply(message: Message) -> bool:
    """
    Tells whether a machine answered.

    RFC 3834's `Auto-Submitted` and Exchange's own rule header come first; subjects only help where headers are silent.
    `X-Auto-Response-Suppress` says nothing: newsletters carry it too.
    """
    headers = message.headers
    submitted = next(iter(headers.get("auto-submitted", ())), "").lower()
    if submitted.startswith("auto-replied"):
        return True
    if any(name in headers for name in ("x-autoreply", "x-autorespond", "x-autoresponder")):
        return True
    if next(iter(headers.get("precedence", ())), "").lower() == "auto_reply":
        return True
    if message.subject.lower().startswith("auto:") and "in-reply-to" in headers:
        return True
    return bool(_AUTO_SUBJECT.match(message.subject))


def _person(address: Address | None) -> dict[str, str] | None:
    return None if address is None else {"name": address.name, "address": address.address}


def _people(addresses: Iterable[Address]) -> list[dict[str, str]] | None:
    return [{"name": address.name, "address": address.address} for address in addresses] or None


def _attachment(message_id: str, attachment: Attachment) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": attachment_id(message_id, attachment.id),
        "contentType": attachment.content_type,
        "encodedSize": attachment.size,
        "embedded": attachment.inline and attachment.content_id is not None,
        "inline": attachment.inline,
    }
    if attachment.filename is not None:
        shown["filename"] = attachment.filename
    if attachment.content_id is not None:
        shown["contentId"] = f"<{attachment.content_id.strip('<>')}>"
    return shown


def _headers(headers: Mapping[str, tuple[str, ...]], wanted: tuple[str, ...]) -> dict[str, list[str]] | None:
    if not wanted:
        return None
    names = headers if "*" in wanted else [name.lower() for name in wanted]
    return {name: list(headers[name]) for name in names if name in headers} or None


def _text(message: Message, rules: ContentRules) -> dict[str, Any] | None:
    bodies = [body for body in (message.body, message.alternative) if body is not None]
    if not bodies:
        return None
    sizes: dict[str, int] = {}
    contents: dict[str, str] = {}
    more = False
    for body in bodies:
        encoded = body.content.encode("utf-8", "replace")
        cut = len(encoded) > rules.text_bytes
        more = more or cut or body.whole is not None
        sizes[body.kind] = len(encoded) if body.whole is None else body.whole
        # A cut in the middle of a character drops that character.
        contents[body.kind] = encoded[: rules.text_bytes].decode("utf-8", "ignore") if cut else body.content
    text: dict[str, Any] = {"id": message.id, "encodedSize": sizes}
    if rules.text:
        text |= contents
        text["hasMore"] = more
    return text


def _differences(message: Message, known: Sighting | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if known is None or set(known.flags) != message.flags:
        changes["flags"] = _difference(message.flags, None if known is None else known.flags)
    if known is None or set(known.labels) != set(message.labels):
        changes["labels"] = _difference(message.labels, None if known is None else known.labels)
    return changes


def _difference(now: Iterable[str], before: Iterable[str] | None) -> dict[str, list[str]]:
    value = sorted(now)
    if before is None:
        return {"value": value}
    difference = {"added": sorted(set(value) - set(before)), "deleted": sorted(set(before) - set(value))}
    return {**{key: names for key, names in difference.items() if names}, "value": value}
