"""A message and its attachments as Graph shows them."""

import base64
from typing import Any

from local.m365.calls import Call
from local.m365.mailbox import Mailbox, Message
from local.m365.mime import Attachment, plain, read
from local.m365.query import Query

#: Shown only when `$select` names them.
ON_REQUEST = {"internetMessageHeaders", "uniqueBody"}


def message_resource(mailbox: Mailbox, message: Message, call: Call, query: Query) -> dict[str, Any]:
    """One message with the properties and ids that the request asks for."""
    identity = message.immutable_id if call.immutable else message.changing_id
    whole = _whole(message, identity)
    if query.select:
        whole |= _on_request(mailbox, message, query)
        kept = query.select | {"@odata.etag", "@odata.type", "id"}
        whole = {name: value for name, value in whole.items() if name in kept}
    if "body" in whole:
        whole["body"] = _body(whole["body"], call.preferences().get("outlook.body-content-type"))
    if query.attachments is not None:
        whole["attachments"] = [
            attachment_resource(attachment, message, query.attachments, inside=True)
            for attachment in message.content.attachments
        ]
    return whole


def attachment_resource(
    attachment: Attachment, message: Message, select: frozenset[str], *, inside: bool = False, item: bool = False
) -> dict[str, Any]:
    """One attachment; `item` adds the attached message itself."""
    whole: dict[str, Any] = {
        "@odata.type": f"#microsoft.graph.{attachment.kind}",
        "id": attachment.id,
        "lastModifiedDateTime": message.properties["lastModifiedDateTime"],
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": len(attachment.raw),
        "isInline": attachment.inline,
    }
    if attachment.kind == "fileAttachment":
        whole["@odata.mediaContentType"] = attachment.content_type
        whole["contentId"] = attachment.content_id
        whole["contentLocation"] = None
        if not select or "contentBytes" in select:
            whole["contentBytes"] = base64.b64encode(attachment.raw).decode()
    elif item:
        whole["item"] = {"@odata.type": "#microsoft.graph.message", **read(attachment.raw).properties}
    if not select:
        return whole
    # Inside a message Graph keeps the media type even when it was not selected.
    kept = select | {"@odata.type", "id"} | ({"@odata.mediaContentType"} if inside else set())
    return {name: value for name, value in whole.items() if name in kept}


def _whole(message: Message, identity: str) -> dict[str, Any]:
    return {
        "@odata.etag": message.etag,
        "id": identity,
        "changeKey": message.change_key,
        "parentFolderId": message.folder.id,
        "webLink": f"https://outlook.office365.com/owa/?ItemID={identity}&exvsurl=1&viewmodel=ReadMessageItem",
        **message.properties,
    }


def _on_request(mailbox: Mailbox, message: Message, query: Query) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "uniqueBody" in query.select:
        found["uniqueBody"] = message.properties["body"]
    sent = message.folder is mailbox.folder("sentitems")
    if "internetMessageHeaders" in query.select and not (message.properties["isDraft"] or sent):
        found["internetMessageHeaders"] = message.content.headers
    return found


def _body(body: dict[str, str], wanted: str | None) -> dict[str, str]:
    if wanted == "text" and body["contentType"] == "html":
        return {"contentType": "text", "content": plain(body["content"])}
    if wanted == "html" and body["contentType"] == "text":
        return {"contentType": "html", "content": f"<html><body><pre>{body['content']}</pre></body></html>"}
    return body
