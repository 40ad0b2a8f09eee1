"""Records with sensible defaults: a test says only what it is about."""

from datetime import timedelta
from typing import Any

from shared.domain.accounts import Account, account_key
from shared.domain.changes import Change, ChangeKind
from shared.domain.clouds import Cloud
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryState
from shared.domain.events import EventName
from shared.domain.oauth2 import CredentialKind, OAuth2App
from shared.domain.providers import Provider
from shared.domain.tokens import Scope, Token
from shared.domain.webhooks import Webhook
from tests.fakes.clock import START

# What a caller may send where a name is expected, and what a key of a row cannot hold as it is.
HOSTILE = [
    "a/b",
    "a\\b",
    "a#b",
    "a?b",
    "a\nb",
    "'; drop",
    "x' or RowKey ne '",
    "..",
    "%2F",
    "é|ü\U0001f469\u200d\U0001f680",
    "a" * 2000,
    " ",
]
EVENT_ID = "5f0d36b0-5b0e-5f0d-9a4e-{:012}"


def account(name: str = "anna", /, **changes: Any) -> Account:
    """Return an account."""
    values: dict[str, Any] = {
        "id": name,
        "key": account_key(name),
        "incarnation": "incarnation-1",
        "app": "AAABkW-app-00001",
        "user": f"{name}@contoso.com",
        "created": START,
        "updated": START,
    }
    return Account(**{**values, **changes})


def app(name: str = "AAABkW-app-00001", /, **changes: Any) -> OAuth2App:
    """Return an application."""
    values: dict[str, Any] = {
        "id": name,
        "name": "Contoso",
        "provider": Provider.OUTLOOK_SERVICE,
        "client_id": "1f6a0000-0000-4000-8000-000000000000",
        "tenant": "contoso.onmicrosoft.com",
        "cloud": Cloud.GLOBAL,
        "credential": CredentialKind.SECRET,
        "created": START,
        "updated": START,
        "revision": "1",
    }
    return OAuth2App(**{**values, **changes})


def webhook(name: str = "default", /, **changes: Any) -> Webhook:
    """Return a webhook."""
    return Webhook(**{"id": name, "url": "https://receiver.example.com/hook", "updated": START, **changes})


def token(name: str = "0" * 64, /, **changes: Any) -> Token:
    """Return an access token."""
    return Token(**{"id": name, "description": "CRM", "scopes": (Scope.API,), "created": START, **changes})


def key(number: int = 1, *, name: str = "default", ago: timedelta = timedelta()) -> DeliveryKey:
    """Return a delivery's key."""
    moment = int((START - ago).timestamp() * 1000)
    return DeliveryKey(webhook=name, moment=moment, event_id=EVENT_ID.format(number))


def delivery(of: DeliveryKey | None = None, state: DeliveryState = DeliveryState.RETRYING, **changes: Any) -> Delivery:
    """Return a delivery."""
    values: dict[str, Any] = {
        "key": of or key(),
        "event": EventName.MESSAGE_NEW,
        "account": "anna",
        "account_key": account_key("anna"),
        "url": "https://receiver.example.com/hook",
        "state": state,
        "created": START,
        "updated": START,
        "payload_bytes": 2,
        "payload_expires": START + timedelta(days=7),
    }
    return Delivery(**{**values, **changes})


def change(number: int = 1, **changes: Any) -> Change:
    """Return a change of a message with an id as long as Graph's."""
    values = {"account": account_key("anna"), "kind": ChangeKind.CREATED, "message": f"{number:0150}", "seen": START}
    return Change(**{**values, **changes})
