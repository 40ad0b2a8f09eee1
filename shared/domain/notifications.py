"""
Notifications: what Graph posts to us, read without trusting it.

The envelope mixes subscriptions, tenants and mailboxes; its spelling varies, so only what is needed is read, by name:
https://learn.microsoft.com/graph/api/resources/changenotification
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Notification:
    """One item of an envelope: a change of a message, or something about the subscription itself."""

    client_state: object
    subscription: str
    change: str | None = None
    message: str | None = None
    lifecycle: str | None = None


def read_envelope(body: bytes) -> list[Notification]:
    """Returns the items of a notification body; raises InvalidRequest where it is no envelope at all."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest(message="The body must be JSON: a Microsoft Graph notification collection.") from None
    items = envelope.get("value") if isinstance(envelope, dict) else None
    if not isinstance(items, list):
        raise InvalidRequest(message='The body must be an object with an array "value" of notifications.')
    return list(_items(items))


def _items(items: list[Any]) -> Iterator[Notification]:
    for item in items:
        if not isinstance(item, dict):
            yield Notification(client_state=None, subscription="")
            continue
        resource = item.get("resourceData")
        yield Notification(
            client_state=item.get("clientState"),
            subscription=_text(item.get("subscriptionId")) or "",
            change=_text(item.get("changeType")),
            message=_text(resource.get("id")) if isinstance(resource, dict) else None,
            lifecycle=_text(item.get("lifecycleEvent")),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
