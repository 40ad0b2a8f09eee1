"""
A message: what is asked of Graph, and what its JSON becomes.

Every event passes here, so this is plain Python over dictionaries. Mail is odd: each field may be absent or null.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from shared.adapters.graph.users import user_path
from shared.domain.messages import Address, Attachment, Body, Message

BRIEF = (
    "id,parentFolderId,changeKey,receivedDateTime,createdDateTime,lastModifiedDateTime,isRead,isDraft,flag,categories"
)
# Graph leaves internetMessageHeaders out unless it is named.
# https://learn.microsoft.com/graph/api/resources/message
_COMPLETE = (
    f"{BRIEF},subject,from,sender,toRecipients,ccRecipients,bccRecipients,replyTo,internetMessageId,conversationId,"
    "bodyPreview,body,internetMessageHeaders"
)
# Not judged by hasAttachments, which is false where all attachments are inline. contentId exists on files only.
# https://learn.microsoft.com/graph/api/resources/fileattachment
_ATTACHMENTS = "attachments($select=id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId)"
# An attached message has no media type in Graph's answer.
_CONTENT_TYPES = {"#microsoft.graph.itemAttachment": "message/rfc822"}
_UNKNOWN_TYPE = "application/octet-stream"
_UNKNOWN_MOMENT = datetime.fromtimestamp(0, UTC)

_Json = Mapping[str, Any]


def message_path(user: str, message: str, *, complete: bool) -> str:
    """Returns the path that reads a message, with all that an event tells or only with what may have changed."""
    query = f"$select={_COMPLETE}&$expand={_ATTACHMENTS}" if complete else f"$select={BRIEF}"
    # https://learn.microsoft.com/graph/api/message-get
    return f"{user_path(user)}/messages/{quote(message, safe='=')}?{query}"


def message_of(said: _Json) -> Message:
    """Returns the message that Graph describes."""
    created = _moment(said.get("createdDateTime")) or _moment(said.get("lastModifiedDateTime")) or _UNKNOWN_MOMENT
    return Message(
        id=said["id"],
        folder=said.get("parentFolderId") or "",
        change_key=said.get("changeKey") or "",
        # A draft was received by nobody.
        received=_moment(said.get("receivedDateTime")) or created,
        created=created,
        modified=_moment(said.get("lastModifiedDateTime")) or created,
        flags=_flags(said),
        labels=tuple(said.get("categories") or ()),
        subject=said.get("subject") or "",
        sender=_person(said.get("sender")),
        author=_person(said.get("from")),
        to=_people(said.get("toRecipients")),
        cc=_people(said.get("ccRecipients")),
        bcc=_people(said.get("bccRecipients")),
        reply_to=_people(said.get("replyTo")),
        internet_message_id=said.get("internetMessageId") or None,
        thread=said.get("conversationId") or None,
        preview=said.get("bodyPreview") or "",
        body=_body(said.get("body")),
        headers=_headers(said.get("internetMessageHeaders") or ()),
        attachments=tuple(_attachment(attachment) for attachment in said.get("attachments") or ()),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _flags(said: _Json) -> frozenset[str]:
    # Graph does not tell whether a message was answered without one more property, which no event needs.
    flagged = (said.get("flag") or {}).get("flagStatus") == "flagged"
    given = {"\\Seen": said.get("isRead"), "\\Draft": said.get("isDraft"), "\\Flagged": flagged}
    return frozenset(flag for flag, is_set in given.items() if is_set)


def _person(recipient: _Json | None) -> Address | None:
    known = (recipient or {}).get("emailAddress") or {}
    name, address = known.get("name") or "", known.get("address") or ""
    return Address(name, address) if name or address else None


def _people(recipients: Iterable[_Json] | None) -> tuple[Address, ...]:
    return tuple(person for person in map(_person, recipients or ()) if person)


def _body(body: _Json | None) -> Body | None:
    if not body or body.get("content") is None:
        return None
    return Body("html" if str(body.get("contentType")).lower() == "html" else "plain", body["content"])


def _headers(headers: Iterable[_Json]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for header in headers:
        name = str(header.get("name") or "").lower()
        found[name] = (*found.get(name, ()), header.get("value") or "")
    return found


def _attachment(said: _Json) -> Attachment:
    content_id = said.get("contentId")
    return Attachment(
        id=said["id"],
        content_type=said.get("contentType") or _CONTENT_TYPES.get(said.get("@odata.type") or "", _UNKNOWN_TYPE),
        size=said.get("size") or 0,
        inline=bool(said.get("isInline")),
        filename=said.get("name") or None,
        content_id=content_id.strip("<>") if content_id else None,
    )
