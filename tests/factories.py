"""Test data with sensible defaults: a test overrides only what it is about."""

from datetime import timedelta
from typing import Any

import azure.functions as func

from shared.domain.accounts import Account, account_key
from shared.domain.changes import Change, ChangeKind
from shared.domain.clouds import Cloud
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryState, Outcome
from shared.domain.events import Event, EventName
from shared.domain.messages import Address, Message
from shared.domain.oauth2 import CredentialKind, OAuth2App
from shared.domain.providers import Provider
from shared.domain.sightings import Sighting
from shared.domain.tokens import Scope, Token
from shared.domain.webhooks import Webhook
from tests.fakes.clock import START

APP = "AAABkW-app-00001"
TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
CLIENT = "1f6a0000-0000-4000-8000-000000000000"
MESSAGE = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
EVENT = "5f0d36b0-5b0e-5f0d-9a4e-000000000001"
HOOK = "https://receiver.example.com/hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def an_account(name: str = "anna", **changes: Any) -> Account:
    """Return an account as it is stored."""
    values: dict[str, Any] = {
        "id": name,
        "key": account_key(name),
        "incarnation": "incarnation-1",
        "app": APP,
        "user": f"{name}@contoso.com",
        "created": START,
        "updated": START,
    }
    return Account(**{**values, **changes})


def an_outlook_app(**changes: Any) -> OAuth2App:
    """Return an application that users sign in to, with a client secret."""
    values: dict[str, Any] = {
        "provider": Provider.OUTLOOK,
        "tenant": "common",
        "redirect_url": "https://relay.example.com/oauth",
        "enabled": True,
    }
    return an_app(**{**values, **changes})


def an_app(**changes: Any) -> OAuth2App:
    """Return an application with a client secret as it is stored."""
    values: dict[str, Any] = {
        "id": APP,
        "name": "Contoso",
        "provider": Provider.OUTLOOK_SERVICE,
        "client_id": CLIENT,
        "tenant": TENANT,
        "cloud": Cloud.GLOBAL,
        "credential": CredentialKind.SECRET,
        "secret": "app-secret-1",
        "created": START,
        "updated": START,
        "revision": "1",
    }
    return OAuth2App(**{**values, **changes})


def a_webhook(**changes: Any) -> Webhook:
    """Return the webhook of the instance."""
    return Webhook(**{"id": "default", "url": HOOK, "updated": START, **changes})


def a_token(**changes: Any) -> Token:
    """Return an access token that reaches the whole API."""
    return Token(**{"id": "0" * 64, "description": "CRM", "scopes": (Scope.API,), "created": START, **changes})


def a_message(**changes: Any) -> Message:
    """Return a message that came just now, unread and untouched."""
    values: dict[str, Any] = {
        "id": MESSAGE,
        "folder": "inbox-id",
        "change_key": "CQAAABYAAAC1",
        "received": START,
        "created": START,
        "modified": START,
        "flags": frozenset(),
        "subject": "Hello",
        "author": Address("Jüri Õun", "juri@sender.example"),
        "to": (Address("Anna", "anna@contoso.com"),),
    }
    return Message(**{**values, **changes})


def a_sighting(**changes: Any) -> Sighting:
    """Return what we know of a message that nobody has touched."""
    return Sighting(**{"folder": "inbox-id", "flags": (), "labels": (), **changes})


def a_change(**changes: Any) -> Change:
    """Return a change that says that a message was created."""
    values = {"account": account_key("anna"), "kind": ChangeKind.CREATED, "message": MESSAGE, "seen": START}
    return Change(**{**values, **changes})


def an_event(**changes: Any) -> Event:
    """Return an event about a message in the inbox."""
    values: dict[str, Any] = {
        "id": EVENT,
        "name": EventName.MESSAGE_NEW,
        "account": "anna",
        "account_key": account_key("anna"),
        "moment": START,
        "date": START,
        "learned": START,
        "data": {"id": MESSAGE},
        "path": "INBOX",
        "special_use": "\\Inbox",
    }
    return Event(**{**values, **changes})


def a_delivery_key(**changes: Any) -> DeliveryKey:
    """Return the key of a delivery to the webhook of the instance."""
    moment = int(START.timestamp() * 1000)
    return DeliveryKey(**{"webhook": "default", "moment": moment, "event_id": EVENT, **changes})


def a_delivery(**changes: Any) -> Delivery:
    """Return a delivery before its first attempt."""
    values: dict[str, Any] = {
        "key": a_delivery_key(),
        "event": EventName.MESSAGE_NEW,
        "account": "anna",
        "account_key": account_key("anna"),
        "url": HOOK,
        "state": DeliveryState.RETRYING,
        "created": START,
        "updated": START,
        "payload_bytes": 2,
        "payload_expires": START + timedelta(days=14),
    }
    return Delivery(**{**values, **changes})


def an_outcome(status: int | None = 500, **changes: Any) -> Outcome:
    """Return what came of a POST that the receiver failed."""
    return Outcome(**{"status": status, "milliseconds": 12, **changes})


def a_request(
    body: bytes = b"",
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    route: dict[str, str] | None = None,
    url: str = "https://relay.example.com/v1/thing",
) -> func.HttpRequest:
    """Return a request as the Functions worker hands it over."""
    return func.HttpRequest(
        "POST",
        url,
        headers=headers or {},
        params=query or {},
        route_params=route or {},
        body=body,
    )
