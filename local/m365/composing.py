"""A message that a client writes, as JSON or as MIME, becomes MIME."""

import base64
import binascii
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from local.m365 import moments
from local.m365.calls import Call
from local.m365.errors import GraphError, bad_request
from local.m365.mailbox import Mailbox

PEOPLE = {"toRecipients": "To", "ccRecipients": "Cc", "bccRecipients": "Bcc", "replyTo": "Reply-To"}


def from_mime_body(call: Call) -> bytes:
    """The MIME of a request whose body is base64 text."""
    # https://learn.microsoft.com/graph/outlook-send-mime-message
    try:
        mime = base64.b64decode(call.body, validate=False)
    except binascii.Error as exc:
        raise GraphError(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.") from exc
    if b":" not in mime.split(b"\n", 1)[0]:
        raise GraphError(400, "ErrorMimeContentInvalid", "The MIME content is invalid.")
    return mime if b"\nmessage-id:" in mime.lower() else _identity_line(mime) + mime


def from_json(message: dict[str, Any], mailbox: Mailbox) -> bytes:
    """The MIME of a message resource."""
    mime = EmailMessage()
    sender = message.get("from", {}).get("emailAddress", {}).get("address", mailbox.address)
    mime["From"] = Address(mailbox.display_name if sender == mailbox.address else "", addr_spec=sender)
    for name, header in PEOPLE.items():
        if message.get(name):
            mime[header] = [_address(person) for person in message[name]]
    mime["Subject"] = message.get("subject") or ""
    mime["Date"] = format_datetime(moments.now())
    mime["Message-ID"] = message.get("internetMessageId") or make_msgid(domain="m365.example")
    for header in message.get("internetMessageHeaders", ()):
        if not header["name"].lower().startswith("x-"):
            raise GraphError(400, "InvalidInternetMessageHeader", f"'{header['name']}' must start with 'x-' or 'X-'.")
        mime[header["name"]] = header["value"]
    body = message.get("body") or {}
    html = body.get("contentType", "text").lower() == "html"
    mime.set_content(body.get("content", ""), subtype="html" if html else "plain")
    for attachment in message.get("attachments", ()):
        _attach(mime, attachment)
    return mime.as_bytes()


def _address(person: dict[str, Any]) -> Address:
    email = person.get("emailAddress", {})
    try:
        return Address(email.get("name") or "", addr_spec=email["address"])
    except (KeyError, ValueError, IndexError) as exc:
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.") from exc


def _attach(mime: EmailMessage, attachment: dict[str, Any]) -> None:
    if "contentBytes" not in attachment:
        raise bad_request("Only file attachments with contentBytes can be sent.")
    kind, _, subtype = (attachment.get("contentType") or "application/octet-stream").partition("/")
    content_id = attachment.get("contentId")
    mime.add_attachment(
        base64.b64decode(attachment["contentBytes"]),
        maintype=kind,
        subtype=subtype,
        filename=attachment["name"],
        disposition="inline" if attachment.get("isInline") else "attachment",
        cid=f"<{content_id}>" if content_id else None,
    )


def _identity_line(mime: bytes) -> bytes:
    ending = "\r\n" if b"\r\n" in mime else "\n"
    return f"Message-ID: {make_msgid(domain='m365.example')}{ending}".encode()
