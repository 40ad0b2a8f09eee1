"""Graph's calls for subscriptions: create, renew, read, list, delete, reauthorize."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from local.m365 import handshake, moments
from local.m365.calls import Call, Reply
from local.m365.errors import GraphError, bad_request
from local.m365.mail import READ, mailbox_not_enabled
from local.m365.mailbox import Mailbox
from local.m365.subscriptions import CHANGE_TYPES, Subscription, Watched, watched
from local.m365.world import World

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
REQUIRED = ("changeType", "resource", "notificationUrl", "expirationDateTime")


class SubscriptionCalls:
    """Serves /subscriptions."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def serve(self, call: Call) -> Reply:
        """Answers one request, within the quota of its kind."""
        kinds = {"POST": "write", "PATCH": "write", "DELETE": "write", "GET": "get"}
        words = call.segments[1:]
        kind = "list" if not words and call.method == "GET" else kinds.get(call.method, "get")
        if words[1:] == ["reauthorize"]:
            kind = "reauthorize"
        self._world.stats.count(f"subscription_{call.method.lower() if kind == 'write' else kind}")
        self._world.throttle.subscription_call(kind, call.caller.application, call.caller.tenant)
        await asyncio.sleep(self._world.behaviour.graph_latency)
        if kind == "list":
            return self._list(call)
        if not words and call.method == "POST":
            return await self._create(call)
        if not words:
            raise bad_request("The request is not supported.")
        subscription = self._world.subscriptions.get(words[0], call.caller.application, call.caller.tenant)
        if kind == "reauthorize":
            return self._reauthorize(subscription)
        if call.method == "PATCH":
            return await self._renew(subscription, call)
        if call.method == "DELETE":
            self._world.subscriptions.remove(subscription)
            return Reply(204)
        return Reply(body=_entity(call) | subscription.shown())

    async def _create(self, call: Call) -> Reply:
        # https://learn.microsoft.com/graph/api/subscription-post-subscriptions
        body = call.json()
        _check_shape(body)
        self._refuse_if_asked()
        target = watched(body["resource"])
        mailbox = self._mailbox(call, target)
        subscription = self._read(call, body, target, mailbox)
        self._check_room(subscription)
        if not self._world.faults.strikes("validation_skipped"):
            await self._validate(subscription.notification_url)
            if subscription.lifecycle_url:
                await self._validate(subscription.lifecycle_url)
        # The endpoints took their time, and another request may have been quicker.
        self._check_room(subscription)
        self._world.subscriptions.add(subscription)
        return Reply(201, _entity(call) | subscription.shown(client_state=subscription.client_state))

    async def _renew(self, subscription: Subscription, call: Call) -> Reply:
        body = call.json()
        if not body or body.keys() - {"expirationDateTime", "notificationUrl"}:
            raise bad_request("Only expirationDateTime and notificationUrl can be changed.", code="InvalidRequest")
        if "expirationDateTime" in body:
            expires = self._expiry(body["expirationDateTime"])
            subscription.expires = expires
        if body.get("notificationUrl", subscription.notification_url) != subscription.notification_url:
            _check_url(body["notificationUrl"])
            await self._validate(body["notificationUrl"])
            subscription.notification_url = body["notificationUrl"]
        subscription.renewed_at = time.monotonic()
        self._count_collision(subscription)
        return Reply(body=_entity(call) | subscription.shown())

    def _reauthorize(self, subscription: Subscription) -> Reply:
        subscription.reauthorized_at = time.monotonic()
        self._count_collision(subscription)
        return Reply(204)

    def _list(self, call: Call) -> Reply:
        found = self._world.subscriptions.of_application(call.caller.application, call.caller.tenant)
        start = int(call.query.get("$skiptoken", 0))
        end = start + self._world.behaviour.subscription_page
        value = [subscription.shown() for subscription in found[start:end]]
        link = {"@odata.nextLink": f"{call.base}/v1.0/subscriptions?$skiptoken={end}"} if end < len(found) else {}
        return Reply(body={"@odata.context": f"{call.base}/v1.0/$metadata#subscriptions", **link, "value": value})

    def _mailbox(self, call: Call, target: Watched) -> Mailbox:
        mailbox = self._world.directory.mailbox(call.caller.tenant, target.user.removeprefix("AAD-UPN:"))
        if mailbox is None:
            raise _extension_error(404, "NotFound", "Not Found")
        if not READ & call.caller.roles or mailbox.refusal == 403:
            raise _extension_error(403, "Forbidden", "Access is denied. Check credentials and try again.")
        if mailbox.refusal == 404:
            raise mailbox_not_enabled()
        return mailbox

    def _read(self, call: Call, body: dict[str, Any], target: Watched, mailbox: Mailbox) -> Subscription:
        return Subscription(
            tenant=call.caller.tenant,
            application=call.caller.application,
            creator=call.caller.service_principal,
            mailbox=mailbox.id,
            folder=mailbox.folder(target.folder).id if target.folder else None,
            matches=target.matches,
            immutable=call.immutable,
            resource=body["resource"],
            change_types=frozenset(part.strip() for part in body["changeType"].split(",")),
            change_type=body["changeType"],
            notification_url=body["notificationUrl"],
            lifecycle_url=body.get("lifecycleNotificationUrl"),
            client_state=body.get("clientState"),
            expires=self._expiry(body["expirationDateTime"]),
        )

    def _expiry(self, text: Any) -> datetime:
        # https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime
        try:
            wanted = moments.read(str(text))
        except ValueError as exc:
            raise bad_request(f"Invalid expirationDateTime: {text!r}.", code="InvalidRequest") from exc
        ceiling = self._world.behaviour.subscription_ceiling_minutes
        if wanted > moments.now() + timedelta(minutes=ceiling):
            message = f"Subscription expiration can only be {ceiling:.0f} minutes in the future."
            raise bad_request(message, code="InvalidRequest")
        return max(wanted, moments.now() + timedelta(minutes=self._world.behaviour.subscription_floor_minutes))

    def _check_room(self, wanted: Subscription) -> None:
        here = list(self._world.subscriptions.of_mailbox(wanted.mailbox))
        if len(here) >= self._world.behaviour.subscriptions_per_mailbox:
            raise GraphError(403, "Forbidden", f"The mailbox has reached its limit of {len(here)} subscriptions.")
        same = next((found for found in here if _twins(found, wanted)), None)
        if same is not None and self._world.behaviour.conflict_on_duplicate:
            message = f"A subscription for the same application, resource and changeType exists: {same.id}."
            raise GraphError(409, "Conflict", message)

    def _refuse_if_asked(self) -> None:
        faults = self._world.faults
        if faults.strikes("subscription_refused"):
            status = int(faults.option("subscription_refused", "status", 503))
            code = faults.option("subscription_refused", "code", "ServiceUnavailable")
            headers = {"Retry-After": "1"} if status in {429, 503} else {}
            raise GraphError(status, code, "The subscription was refused on request.", headers=headers)

    async def _validate(self, url: str) -> None:
        if self._world.behaviour.validation:
            await handshake.validate(url, self._world.notifier.session, self._world.behaviour, self._world.stats)

    def _count_collision(self, subscription: Subscription) -> None:
        # https://learn.microsoft.com/graph/change-notifications-lifecycle-events: never both within ten minutes.
        both = subscription.renewed_at and subscription.reauthorized_at
        if both and abs(subscription.renewed_at - subscription.reauthorized_at) < 600:
            self._world.stats.count("renewed_and_reauthorized")


def _check_shape(body: dict[str, Any]) -> None:
    missing = [name for name in REQUIRED if not isinstance(body.get(name), str) or not body[name]]
    if missing:
        raise bad_request(f"Missing: {', '.join(missing)}.", code="InvalidRequest")
    if {part.strip() for part in body["changeType"].split(",")} - CHANGE_TYPES:
        raise bad_request(f"Invalid changeType: {body['changeType']}.", code="InvalidRequest")
    if len(body.get("clientState") or "") > 128:
        raise bad_request("clientState is longer than 128 characters.", code="InvalidRequest")
    if body.get("includeResourceData"):
        raise bad_request("Rich notifications are not simulated.", code="InvalidRequest")
    _check_url(body["notificationUrl"])
    if body.get("lifecycleNotificationUrl"):
        _check_url(body["lifecycleNotificationUrl"])


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise bad_request(f"Notification URL '{url}' must be https.", code="InvalidRequest")


def _twins(left: Subscription, right: Subscription) -> bool:
    return (
        left.application == right.application
        and left.folder == right.folder
        and left.change_types == right.change_types
        and left.resource.partition("?")[2] == right.resource.partition("?")[2]
    )


def _extension_error(status: int, name: str, reason: str) -> GraphError:
    return GraphError(
        status, "ExtensionError", f"Operation: Create; Exception: [Status Code: {name}; Reason: {reason}]"
    )


def _entity(call: Call) -> dict[str, Any]:
    return {"@odata.context": f"{quote(call.base, safe=':/')}/v1.0/$metadata#subscriptions/$entity"}
