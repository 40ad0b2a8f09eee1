"""Has Graph call us about a mailbox: creates, adopts, renews and ends subscriptions."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from shared.adapters.graph.client import GraphClient, Request
from shared.adapters.graph.errors import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    Answer,
    code_of,
    content,
    message_of,
    read_error,
)
from shared.adapters.graph.users import messages_resource, same_resource
from shared.domain.accounts import Subscription
from shared.domain.client_state import key_id_of
from shared.domain.clouds import Cloud
from shared.domain.errors import MailboxRefused, NoRoom, NotReachable, QuotaSpent, RelayError
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind
from shared.ports.machine import Clock
from shared.ports.microsoft365 import CallQuotas

# Seven days less a quarter of an hour, and what was the ceiling everywhere before.
# https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime
LIFETIME = timedelta(minutes=10_065)
SHORT_LIFETIME = timedelta(minutes=4_230)

_NOTIFICATIONS = "/oauth/msg/notification"
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_VALIDATION = re.compile(r"validation|notification ?url|endpoint", re.IGNORECASE)
_LIMIT = re.compile(r"limit|maximum|quota", re.IGNORECASE)
_ENDPOINT = (
    "Microsoft Graph called our notification endpoint below {service_url} and got no valid answer within ten seconds. "
    "Check that serviceUrl is this deployment's public address, and that GET {service_url}/health answers from the "
    "internet. Graph says: {said}"
)
_ORPHANS = (
    "The mailbox is polled meanwhile. Delete subscriptions that nobody needs any more, of whichever application (GET "
    "and DELETE /subscriptions): a mailbox has at most 1,000, of all applications together. Then reconnect it; by "
    "itself the account tries once a day."
)
_SPELLING = "Register the mailbox once, under one spelling, or delete the subscription {id}, then repeat."


class GraphSubscriptions:
    """Subscribes through *client*."""

    def __init__(self, client: GraphClient, clock: Clock, quotas: CallQuotas) -> None:
        self._client = client
        self._clock = clock
        self._quotas = quotas
        self._lifetimes: dict[Cloud, timedelta] = {}

    def create(self, app: OAuth2App, user: str, client_state: str, service_url: str) -> Subscription:
        """Subscribes to every change of the mailbox, or adopts the subscription that says the same."""
        wanted = body_of(user, client_state, service_url)
        answer = self._post(app, wanted)
        if answer.status == CONFLICT:
            adopted = self._adopt(app, wanted, answer)
            if adopted is not None:
                return adopted.model_copy(update={"service_url": service_url})
            self._quotas.spend(app, CallKind.WRITE)
            answer = self._post(app, wanted)
        if not answer.good:
            raise _refused(answer, service_url, self._clock.now())
        # As we say it: what Graph made of it in some other spelling would look like another address for ever.
        made = {"service_url": service_url, "signed_with": key_id_of(client_state)}
        return self._read(answer).model_copy(update=made)

    def renew(self, app: OAuth2App, subscription: str) -> Subscription | None:
        """Moves the subscription's end seven days ahead, or returns None where it is gone: create another one."""
        answer = self._patch(app, subscription, {})
        return None if answer.status == NOT_FOUND else self._read(answer)

    def find(self, app: OAuth2App, user: str, service_url: str) -> list[Subscription]:
        """Returns the application's subscriptions to this mailbox that call us."""
        resource, host = messages_resource(user), urlsplit(service_url).hostname
        now = self._clock.now()
        return [
            _subscription(said, now)
            for said in self._all(app, now)
            if same_resource(said["resource"], resource) and urlsplit(said["notificationUrl"]).hostname == host
        ]

    def delete(self, app: OAuth2App, subscription: str) -> None:
        """Ends the subscription; one that is gone already is fine."""
        answer = self._client.send(app, Request("DELETE", _path(subscription)))
        if not answer.good and answer.status != NOT_FOUND:
            raise read_error(answer, self._clock.now())

    def _adopt(self, app: OAuth2App, wanted: dict[str, str], conflict: Answer) -> Subscription | None:
        """Returns what Graph says stands in the way, made ours; None where nothing stands there any more."""
        existing = self._standing(app, wanted["resource"], message_of(conflict))
        if existing is None:
            return None
        if not same_resource(existing["resource"], wanted["resource"]):
            raise MailboxRefused(
                f"The application is subscribed to this mailbox already, as {existing['resource']!r}.",
                reason="Conflict",
                mend=_SPELLING.format(id=existing["id"]),
            )
        # The lifecycle URL is fixed for life.
        # https://learn.microsoft.com/graph/change-notifications-lifecycle-events
        if existing.get("lifecycleNotificationUrl") != wanted["lifecycleNotificationUrl"]:
            self._quotas.spend(app, CallKind.WRITE)
            self.delete(app, existing["id"])
            return None
        self._quotas.spend(app, CallKind.WRITE)
        answer = self._patch(app, existing["id"], {"notificationUrl": wanted["notificationUrl"]})
        return None if answer.status == NOT_FOUND else self._read(answer)

    def _standing(self, app: OAuth2App, resource: str, conflict: str) -> dict[str, Any] | None:
        now = self._clock.now()
        named = [found for found in _GUID.findall(conflict) if found.lower() != app.client_id.lower()]
        for subscription in named:
            self._quotas.spend(app, CallKind.READ)
            answer = self._client.send(app, Request("GET", _path(subscription)))
            if answer.status != NOT_FOUND:
                return content(answer, now)
        self._quotas.spend(app, CallKind.LIST)
        return next((said for said in self._all(app, now) if same_resource(said["resource"], resource)), None)

    def _post(self, app: OAuth2App, wanted: dict[str, str]) -> Answer:
        return self._with_expiry(app, "POST", "/subscriptions", wanted)

    def _patch(self, app: OAuth2App, subscription: str, changes: dict[str, str]) -> Answer:
        return self._with_expiry(app, "PATCH", _path(subscription), changes)

    def _with_expiry(self, app: OAuth2App, method: str, path: str, body: dict[str, str]) -> Answer:
        now, lifetime = self._clock.now(), self._lifetimes.get(app.cloud, LIFETIME)
        answer = self._client.send(app, Request(method, path, body | _expiry(now + lifetime)))
        if lifetime > SHORT_LIFETIME and answer.status == BAD_REQUEST and "expiration" in message_of(answer).lower():
            # Asking twice each time would cost such a cloud's customers half their quota.
            self._lifetimes[app.cloud] = SHORT_LIFETIME
            self._quotas.spend(app, CallKind.WRITE)
            answer = self._client.send(app, Request(method, path, body | _expiry(now + SHORT_LIFETIME)))
        return answer

    def _read(self, answer: Answer) -> Subscription:
        now = self._clock.now()
        return _subscription(content(answer, now), now)

    def _all(self, app: OAuth2App, now: datetime) -> Iterator[dict[str, Any]]:
        # https://learn.microsoft.com/graph/api/subscription-list
        path: str | None = "/subscriptions"
        while path:
            page = content(self._client.send(app, Request("GET", path)), now)
            yield from page.get("value") or ()
            path = page.get("@odata.nextLink")
            try:
                if path:
                    self._quotas.spend(app, CallKind.LIST)
            except QuotaSpent:
                # A long list would never end if it began anew each time. What stands further down is named by the
                # conflict that it causes, or ends within 7 days.
                return


def body_of(user: str, client_state: str, service_url: str) -> dict[str, str]:
    """Returns what a subscription to the mailbox consists of, but for its end."""
    # https://learn.microsoft.com/graph/api/subscription-post-subscriptions
    return {
        "changeType": "created,updated,deleted",
        "resource": messages_resource(user),
        "notificationUrl": f"{service_url}{_NOTIFICATIONS}",
        "lifecycleNotificationUrl": f"{service_url}/oauth/msg/lifecycle",
        "clientState": client_state,
    }


def _refused(answer: Answer, service_url: str, now: datetime) -> RelayError:
    code, said = code_of(answer), message_of(answer)
    # https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
    if answer.status == BAD_REQUEST and code in {"InvalidRequest", "ValidationError"} and _VALIDATION.search(said):
        return NotReachable(_ENDPOINT.format(service_url=service_url, said=said))
    if answer.status == FORBIDDEN and _LIMIT.search(said):
        return NoRoom(said, reason=code, mend=_ORPHANS)
    return read_error(answer, now)


def _subscription(said: dict[str, Any], now: datetime) -> Subscription:
    # Graph does not tell when a subscription was created.
    expires = datetime.fromisoformat(said["expirationDateTime"]).astimezone(UTC)
    url = said.get("notificationUrl") or ""
    service_url = url.removesuffix(_NOTIFICATIONS) if url.endswith(_NOTIFICATIONS) else None
    return Subscription(id=said["id"], expires=expires, created=now, service_url=service_url)


def _expiry(moment: datetime) -> dict[str, str]:
    return {"expirationDateTime": moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _path(subscription: str) -> str:
    return f"/subscriptions/{quote(subscription, safe='')}"
