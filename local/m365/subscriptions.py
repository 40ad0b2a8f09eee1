"""Subscriptions: what they watch, and which changes they tell of."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from local.m365 import moments
from local.m365.errors import GraphError, bad_request
from local.m365.mailbox import Change
from local.m365.query import Predicate, predicate

CHANGE_TYPES = {"created", "updated", "deleted"}
KEY = re.compile(r"\('([^']*)'\)")
RESOURCE = re.compile(r"/?users/(?P<user>[^/]+)/(?:mailfolders/(?P<folder>[^/]+)/)?messages/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a resource string names."""

    user: str
    folder: str | None
    matches: Predicate | None


@dataclass(slots=True, eq=False)
class Subscription:
    """Graph's promise to call."""

    tenant: str
    application: str
    creator: str
    mailbox: str
    folder: str | None
    matches: Predicate | None
    immutable: bool
    resource: str
    change_types: frozenset[str]
    change_type: str
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    renewed_at: float = 0
    reauthorized_at: float = 0

    def shown(self, *, client_state: str | None = None) -> dict[str, Any]:
        """The resource as Graph answers it; clientState is told only to the one who creates."""
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.application,
            "changeType": self.change_type,
            "clientState": client_state,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "notificationQueryOptions": None,
            "expirationDateTime": moments.spell(self.expires),
            "creatorId": self.creator,
            "includeResourceData": None,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }

    def kind_of(self, change: Change) -> str | None:
        """The changeType to tell, or None when this subscription does not tell of the change."""
        if self.folder is not None and change.folder.id != self.folder:
            return None
        kind = change.kind
        if self.matches is not None:
            after = self.matches(change.message.properties)
            before = after if change.before is None else self.matches(change.before)
            # https://learn.microsoft.com/graph/outlook-change-notifications-overview: entering a filter is `created`.
            kinds = {(True, True): kind, (False, True): "created", (True, False): "deleted"}
            found = kinds.get((before, after))
            if found is None:
                return None
            kind = found
        return kind if kind in self.change_types else None


def watched(resource: str) -> Watched:
    """Reads a resource string."""
    path, _, options = resource.partition("?")
    plain = KEY.sub(r"/\1", path)
    found = RESOURCE.fullmatch(plain)
    if found is None:
        raise bad_request(f"Resource '{resource}' is not supported.", code="ExtensionError")
    wanted = parse_qs(options).get("$filter")
    return Watched(found["user"], found["folder"], predicate(wanted[0]) if wanted else None)


class Subscriptions:
    """All subscriptions, found by id and by mailbox; one that has expired is gone, silently."""

    def __init__(self) -> None:
        self.by_id: dict[str, Subscription] = {}
        self._by_mailbox: dict[str, dict[str, Subscription]] = {}

    def add(self, subscription: Subscription) -> None:
        """Keeps a new subscription."""
        self.by_id[subscription.id] = subscription
        self._by_mailbox.setdefault(subscription.mailbox, {})[subscription.id] = subscription

    def remove(self, subscription: Subscription) -> None:
        """Forgets a subscription."""
        self.by_id.pop(subscription.id, None)
        self._by_mailbox.get(subscription.mailbox, {}).pop(subscription.id, None)

    def get(self, identity: str, application: str, tenant: str) -> Subscription:
        """Finds a subscription of one application in one tenant."""
        found = self.by_id.get(identity)
        if found is not None and found.expires <= moments.now():
            self.remove(found)
            found = None
        if found is None or (found.application, found.tenant) != (application, tenant):
            raise GraphError(404, "ResourceNotFound", "The object was not found.")
        return found

    def of_application(self, application: str, tenant: str) -> list[Subscription]:
        """Lists the subscriptions of one application in one tenant."""
        now = moments.now()
        return [
            found
            for found in self.by_id.values()
            if (found.application, found.tenant) == (application, tenant) and found.expires > now
        ]

    def of_mailbox(self, mailbox: str) -> Iterator[Subscription]:
        """Walks the living subscriptions of one mailbox."""
        here = self._by_mailbox.get(mailbox)
        if not here:
            return
        now = moments.now()
        for subscription in list(here.values()):
            if subscription.expires > now:
                yield subscription
            else:
                self.remove(subscription)

    def reset(self) -> None:
        """Forgets every subscription."""
        self.by_id.clear()
        self._by_mailbox.clear()
