"""Many deliveries for a benchmark: each template is read once, and its copies differ in identity and subject."""

import asyncio
import time
import uuid
from dataclasses import replace
from typing import Any

from local.m365 import moments
from local.m365.mailbox import Mailbox
from local.m365.mime import Content

#: How many deliveries pass before others may run, when there is no rate to keep.
BURST = 200


async def deliver(
    mailboxes: list[Mailbox], templates: list[Content], number: int, rate: float | None, folder: str
) -> list[dict[str, Any]]:
    """Delivers in turn to the mailboxes, and says which message came when."""
    started = time.perf_counter()
    run = uuid.uuid4().hex[:12]
    delivered: list[dict[str, Any]] = []
    for index in range(number):
        if rate:
            ahead = started + index / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
        if index % BURST == BURST - 1:
            await asyncio.sleep(0)
        mailbox = mailboxes[index % len(mailboxes)]
        content = copy(templates[index % len(templates)], f"<{run}.{index}@bulk.example>", index)
        message = mailbox.add(content, mailbox.folder(folder), moments.now())
        identity = content.properties["internetMessageId"]
        row = {"mailbox": mailbox.id, "id": message.immutable_id, "internetMessageId": identity, "at": time.time()}
        delivered.append(row)
    return delivered


def copy(template: Content, identity: str, number: int) -> Content:
    """The same message under another Message-ID, with its number in the subject."""
    properties = template.properties
    subject = f"{properties['subject']} #{number}"
    raw = template.mime.replace(properties["internetMessageId"].encode(), identity.encode(), 1)
    headers = [
        {"name": header["name"], "value": identity} if header["name"].lower() == "message-id" else header
        for header in template.headers
    ]
    return replace(
        template,
        mime=raw,
        headers=headers,
        properties=properties
        | {"internetMessageId": identity, "subject": subject, "conversationId": f"AAQkAD{identity[1:-1]}="},
    )
