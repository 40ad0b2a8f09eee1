"""Graph's reads of folders, messages and attachments."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from local.m365 import query as odata
from local.m365.calls import Call, Reply
from local.m365.errors import item_not_found
from local.m365.folders import ROOT, Folder
from local.m365.mailbox import Mailbox, Message
from local.m365.mime import Attachment
from local.m365.query import Query
from local.m365.rendering import attachment_resource, message_resource


def context(call: Call, mailbox: Mailbox, what: str) -> str:
    """The `@odata.context` of an answer."""
    return f"{call.base}/v1.0/$metadata#users('{quote(mailbox.id)}')/{what}"


def folder_resource(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    """One folder with its counts."""
    messages = [mailbox.messages[immutable] for immutable in folder.messages]
    return folder.resource(
        children=len(mailbox.children(folder)),
        unread=sum(not message.properties["isRead"] for message in messages),
        size=sum(len(message.content.mime) for message in messages),
    )


def page(call: Call, query: Query, items: list[Any], size: int) -> tuple[list[Any], dict[str, Any]]:
    """Cuts one page out of a list, with the link to the next one."""
    start, end = query.skip, query.skip + (query.top or int(call.preferences().get("odata.maxpagesize", size)))
    extra: dict[str, Any] = {"@odata.count": len(items)} if query.count else {}
    if end < len(items):
        options = urlencode(query.options | {"$skip": str(end)}, quote_via=quote, safe="$,'()/:")
        path = "/".join(quote(segment) for segment in call.segments)
        extra["@odata.nextLink"] = f"{call.base}/v1.0/{path}?{options}"
    return items[start:end], extra


def list_folders(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """The folders below the root, or below a named one."""
    query = odata.read({name: value for name, value in call.query.items() if name != "$filter"})
    children = mailbox.children(mailbox.folder(keys[0] if keys else ROOT))
    shown, extra = page(call, query, children, 10)
    value = [_selected(folder_resource(mailbox, folder), query) for folder in shown]
    return Reply(body={"@odata.context": context(call, mailbox, "mailFolders"), **extra, "value": value})


def get_folder(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """One folder."""
    resource = _selected(folder_resource(mailbox, mailbox.folder(keys[-1])), odata.read(call.query))
    return Reply(body={"@odata.context": context(call, mailbox, "mailFolders/$entity"), **resource})


def list_messages(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """The messages of a folder or of the whole mailbox, newest first unless asked otherwise."""
    query = odata.read(call.query)
    found: Iterable[Message] = mailbox.messages.values()
    if keys:
        found = (mailbox.messages[immutable] for immutable in mailbox.folder(keys[0]).messages)
    if query.matches is not None:
        matches = query.matches
        found = (message for message in found if matches(message.properties))
    key = odata.sort_key(query.order)
    ordered = sorted(found, key=lambda message: key(message.properties), reverse=query.descending)
    shown, extra = page(call, query, ordered, 10)
    value = [message_resource(mailbox, message, call, query) for message in shown]
    return Reply(body={"@odata.context": context(call, mailbox, "messages"), **extra, "value": value})


def get_message(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """One message; a new one may not have reached every replica yet."""
    message = _visible(mailbox, keys[-1])
    resource = message_resource(mailbox, message, call, odata.read(call.query))
    return Reply(body={"@odata.context": context(call, mailbox, "messages/$entity"), **resource})


def get_mime(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """The message as MIME."""
    del call
    return Reply(body=_visible(mailbox, keys[-1]).content.mime, headers={"Content-Type": "text/plain"})


def list_attachments(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """The attachments of a message."""
    message, select = _visible(mailbox, keys[0]), odata.read(call.query).select
    value = [attachment_resource(attachment, message, select) for attachment in message.content.attachments]
    return Reply(body={"@odata.context": context(call, mailbox, "attachments"), "value": value})


def get_attachment(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """One attachment."""
    message, query = _visible(mailbox, keys[0]), odata.read(call.query)
    item = "itemAttachment/item" in call.query.get("$expand", "")
    resource = attachment_resource(_attachment(message, keys[1]), message, query.select, item=item)
    return Reply(body={"@odata.context": context(call, mailbox, "attachments/$entity"), **resource})


def get_attachment_value(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """The attached file, or the MIME of an attached message."""
    del call
    attachment = _attachment(_visible(mailbox, keys[0]), keys[1])
    return Reply(body=attachment.raw, headers={"Content-Type": attachment.content_type or "text/plain"})


def _visible(mailbox: Mailbox, name: str) -> Message:
    message = mailbox.message(name)
    if message.hidden_reads:
        message.hidden_reads -= 1
        raise item_not_found()
    return message


def _attachment(message: Message, name: str) -> Attachment:
    found = next((attachment for attachment in message.content.attachments if attachment.id == name), None)
    if found is None:
        raise item_not_found()
    return found


def _selected(resource: dict[str, Any], query: Query) -> dict[str, Any]:
    kept = query.select | {"id"}
    return {name: value for name, value in resource.items() if name in kept} if query.select else resource
