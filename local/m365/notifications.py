"""A change in a mailbox, or in a subscription's life, as the item that a subscriber receives."""

from datetime import timedelta, timezone
from typing import Any

from local.m365 import moments
from local.m365.faults import Faults
from local.m365.mailbox import Change
from local.m365.subscriptions import Subscription

LIFECYCLE_EVENTS = {"reauthorizationRequired", "subscriptionRemoved", "missed"}
#: Graph spells the expiry with an offset now and then.
WEST = timezone(timedelta(hours=-7))


def of_change(subscription: Subscription, change: Change, kind: str, faults: Faults, number: int) -> dict[str, Any]:
    """The item for a change; every third one is spelled in the other way that Graph has."""
    # https://learn.microsoft.com/graph/api/resources/changenotification
    identity = change.message.immutable_id if subscription.immutable else change.changing_id
    user = subscription.mailbox
    other = number % 3 == 2
    resource = f"Users('{user}')/messages('{identity}')" if other else f"Users/{user}/Messages/{identity}"
    data = {
        "@odata.type": "#microsoft.graph.message" if other else "#Microsoft.Graph.Message",
        "@odata.id": resource,
        "@odata.etag": change.etag,
        "id": identity,
    }
    state = "another-" + (subscription.client_state or "") if faults.strikes("wrong_client_state", [identity]) else None
    unknown = faults.strikes("unknown_change_type", [identity])
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": _expiry(subscription, other=other),
        "changeType": "unknownFutureValue" if unknown else kind,
        "resource": resource,
        "resourceData": data,
        "clientState": state or subscription.client_state,
        "tenantId": subscription.tenant,
    }


def of_lifecycle(subscription: Subscription, event: str) -> dict[str, Any]:
    """The item for a lifecycle event."""
    # https://learn.microsoft.com/graph/change-notifications-lifecycle-events
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": _expiry(subscription, other=False),
        "tenantId": subscription.tenant,
        "clientState": subscription.client_state,
        "lifecycleEvent": event,
    }


def _expiry(subscription: Subscription, *, other: bool) -> str:
    if other:
        return subscription.expires.astimezone(WEST).isoformat(timespec="seconds")
    return moments.spell(subscription.expires)
