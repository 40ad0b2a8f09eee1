"""Instance settings: what an operator may change, and what is shown."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.events import EventName
from shared.domain.instance_settings import (
    InstanceSettings,
    InstanceSettingsChange,
    InstanceSettingsQuery,
    view,
)
from tests.factories import SECRET

EVERYTHING = InstanceSettingsQuery(**dict.fromkeys(InstanceSettingsQuery.model_fields, True))


def test_a_new_instance_delivers_nothing() -> None:
    """Unset settings are EmailEngine's: webhooks off, no events, text up to 2 MiB, no headers."""
    assert view(InstanceSettings(), EVERYTHING) == {
        "webhooksEnabled": False,
        "webhooks": None,
        "webhookEvents": [],
        "webhooksCustomHeaders": [],
        "serviceUrl": None,
        "serviceSecret": False,
        "notifyText": True,
        "notifyTextSize": 2097152,
        "notifyHeaders": [],
        "inboxNewOnly": False,
        "pageBrandName": None,
        "pageLogo": None,
        "pageColor": None,
        "pageSupport": None,
        "eventTypes": list(EventName),
    }


def test_only_what_is_asked_for_is_shown() -> None:
    """Each truthy argument shows one key; of secrets and custom headers nobody sees the value."""
    settings = InstanceSettings(secrets="reference-1", custom_header_names=("X-Tenant",))
    query = InstanceSettingsQuery(service_secret=True, webhooks_custom_headers=True)
    assert view(settings, query) == {
        "webhooksCustomHeaders": [{"key": "X-Tenant", "value": "******"}],
        "serviceSecret": True,
    }
    assert "reference-1" not in str(view(settings, EVERYTHING))
    hidden = InstanceSettings(webhooks="https://anna:hush@receiver.example.com/hook")
    assert view(hidden, InstanceSettingsQuery(webhooks=True)) == {
        "webhooks": "https://******@receiver.example.com/hook"
    }
    assert view(settings, InstanceSettingsQuery()) == {}


@pytest.mark.parametrize(
    ("given", "field", "taken"),
    [
        ({"webhookEvents": ["*"]}, "webhook_events", ("*",)),
        ({"webhookEvents": ["messageNew", "accountAdded"]}, "webhook_events", ("messageNew", "accountAdded")),
        ({"webhookEvents": ["messageSent", "trackOpen"]}, "webhook_events", ("messageSent", "trackOpen")),
        ({"serviceUrl": " https://relay.example.com/mail/ "}, "service_url", "https://relay.example.com/mail"),
        ({"serviceUrl": ""}, "service_url", None),
        ({"webhooks": ""}, "webhooks", None),
        ({"serviceSecret": SECRET}, "service_secret", SECRET),
        ({"serviceSecret": "a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3"}, "service_secret", "a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3"),
        ({"notifyTextSize": 0}, "notify_text_size", 0),
        ({"notifyHeaders": None}, "notify_headers", None),
    ],
)
def test_what_a_change_may_say(given: dict[str, Any], field: str, taken: Any) -> None:
    """A change holds what it names and nothing else; empty strings unset."""
    change = InstanceSettingsChange.model_validate(given)
    assert change.model_fields_set == {field}
    assert getattr(change, field) == taken


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"webhookEvents": ["messageRead"]}, 'must be "*" or one of: messageNew, '),
        ({"serviceUrl": "relay.example.com"}, "must be the address that the world reaches this service at"),
        (
            {"serviceUrl": "https://relay.example.com/?a=b"},
            "must be the address that the world reaches this service at",
        ),
        ({"serviceUrl": "https://me@relay.example.com"}, "must be the address that the world reaches this service at"),
        ({"serviceSecret": "short"}, "at least 8 characters"),
        ({"serviceSecret": "whsec_not base64"}, "must be whsec_ followed by base64, or any other text"),
        ({"serviceSecret": "whsec_c2hvcnQ="}, "must hold 24 to 64 bytes behind whsec_"),
        ({"notifyTextSize": 20 * 1024 * 1024 + 1}, "less than or equal to 20971520"),
        ({"webhooksCustomHeaders": [{"key": "Host", "value": "x"}]}, "is set by the relay itself"),
        ({"queueKeep": 5}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_change_cannot_say(given: dict[str, Any], told: str) -> None:
    """Each wrong setting is refused with its own sentence."""
    with pytest.raises(ValidationError) as refused:
        InstanceSettingsChange.model_validate(given)
    assert told in refused.value.errors()[0]["msg"]
