"""`/v1/settings` as EmailEngine's clients know it."""

import json
from collections.abc import Iterator

import pytest

from shared.domain.events import EventName
from shared.domain.webhooks import DEFAULT
from shared.services.relay import Relay
from tests.functions.client import Client, fields
from tests.functions.outside import SERVICE_URL

HOOK = "https://receiver.example.com/hook"
WANTED: dict[str, object] = {
    "webhooksEnabled": True,
    "webhooks": HOOK,
    "webhookEvents": ["messageNew", "messageDeleted"],
    "serviceUrl": "https://relay.example.com/prefix",
    "notifyText": False,
    "notifyTextSize": 1000,
    "notifyHeaders": ["List-ID"],
    "inboxNewOnly": True,
}


@pytest.fixture(autouse=True)
def _other_tests_have_the_defaults(api: Client) -> Iterator[None]:
    yield
    api.post("/v1/settings", dict.fromkeys(WANTED))


def test_change_answers_with_the_names(api: Client) -> None:
    """POST answers with the names of what it changed, and GET shows each as it was given."""
    answer = api.post("/v1/settings", WANTED)
    assert (answer.status, sorted(answer.json()["updated"])) == (200, sorted(WANTED))
    assert set(answer.json()) == {"updated"}
    assert api.get("/v1/settings", **dict.fromkeys(WANTED, "true")).json() == WANTED


def test_null_unsets(api: Client) -> None:
    """Null brings the default back: no webhook, text on, two mebibytes, the deployment's own address."""
    api.post("/v1/settings", WANTED)
    assert api.post("/v1/settings", dict.fromkeys(WANTED)).status == 200
    shown = api.get("/v1/settings", **dict.fromkeys(WANTED, "true")).json()
    assert {key: shown[key] for key in ("webhooks", "serviceUrl", "notifyText", "notifyTextSize")} == {
        "webhooks": None,
        "serviceUrl": SERVICE_URL,
        "notifyText": True,
        "notifyTextSize": 2 * 1024 * 1024,
    }
    assert not any(shown[key] for key in ("webhooksEnabled", "webhookEvents", "notifyHeaders", "inboxNewOnly"))


def test_only_what_is_asked_for_is_shown(api: Client) -> None:
    """GET shows the keys that the query names as true, and nothing else."""
    assert api.get("/v1/settings").json() == {}
    assert set(api.get("/v1/settings", webhooks="true", serviceUrl="1", notifyText="false").json()) == {
        "webhooks",
        "serviceUrl",
    }
    assert list(fields(api.get("/v1/settings", colour="true"))) == ["colour"]
    assert list(fields(api.get("/v1/settings", webhooks="perhaps"))) == ["webhooks"]


def test_event_types_are_listed(api: Client) -> None:
    """`eventTypes` lists the name of every event."""
    assert api.get("/v1/settings", eventTypes="true").json() == {"eventTypes": list(EventName)}


def test_service_secret_is_never_shown(api: Client) -> None:
    """Of the service secret only its presence is shown, as a boolean."""
    assert api.post("/v1/settings", {"serviceSecret": "a secret of mine"}).json() == {"updated": ["serviceSecret"]}
    assert api.get("/v1/settings", serviceSecret="true").json() == {"serviceSecret": True}


def test_grace_is_no_setting(api: Client) -> None:
    """Whether a former secret has a day is said with a change, answered by its name, and shown by nobody."""
    # `false` would end sign-ins that other tests of the same app begin in these seconds.
    answer = api.post("/v1/settings", {"serviceSecret": "a secret of mine", "serviceSecretGrace": True})
    assert answer.json() == {"updated": ["serviceSecret", "serviceSecretGrace"]}
    assert list(fields(api.get("/v1/settings", serviceSecretGrace="true"))) == ["serviceSecretGrace"]


def test_header_values_are_masked_and_kept(api: Client, relay: Relay) -> None:
    """Values of custom headers are shown as stars; sending the stars back keeps the values."""
    api.post("/v1/settings", {"webhooks": HOOK, "webhooksCustomHeaders": [{"key": "X-Key", "value": "hush"}]})
    shown = api.get("/v1/settings", webhooksCustomHeaders="true").json()
    assert shown == {"webhooksCustomHeaders": [{"key": "X-Key", "value": "******"}]}
    api.post("/v1/settings", shown)
    webhook = relay.instance_settings.webhooks.store.get(DEFAULT)
    assert webhook is not None
    assert json.loads(relay.instance_settings.vault.get(webhook.value.headers or "")) == {"X-Key": "hush"}


def test_password_in_the_webhook_url_is_masked(api: Client, relay: Relay) -> None:
    """A webhook URL with a password is shown with stars; sending the stars back keeps the password."""
    url = "https://anna:hush@receiver.example.com/hook"
    api.post("/v1/settings", {"webhooks": url})
    shown = api.get("/v1/settings", webhooks="true").json()
    assert shown == {"webhooks": "https://******@receiver.example.com/hook"}
    api.post("/v1/settings", {**shown, "notifyText": True})
    webhook = relay.instance_settings.webhooks.store.get(DEFAULT)
    assert webhook is not None
    assert (webhook.value.url, relay.instance_settings.current().webhooks) == (url, url)


def test_stars_that_stand_for_nothing_are_refused(api: Client) -> None:
    """Stars under a header that has no value are refused and named."""
    api.post("/v1/settings", {"webhooksCustomHeaders": []})
    answer = api.post("/v1/settings", {"webhooksCustomHeaders": [{"key": "X-Key", "value": "******"}]})
    assert list(fields(answer)) == ["webhooksCustomHeaders.0.value"]


def test_events_that_never_happen_here_may_be_wanted(api: Client) -> None:
    """A list of EmailEngine's events is taken and shown as it is, with those that we do not have."""
    wanted = {"webhookEvents": ["messageNew", "messageBounce", "trackOpen"]}
    assert api.post("/v1/settings", wanted).status == 200
    assert api.get("/v1/settings", webhookEvents="true").json() == wanted


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"webhooks": "receiver"}, "webhooks"),
        ({"webhooks": "http://receiver.example.com"}, "webhooks"),
        ({"webhookEvents": ["messageRead"]}, "webhookEvents.0"),
        ({"webhooksCustomHeaders": [{"key": "X-Key"}]}, "webhooksCustomHeaders.0.value"),
        ({"serviceUrl": "relay.example.com"}, "serviceUrl"),
        ({"serviceUrl": "https://relay.example.com/?a=b"}, "serviceUrl"),
        ({"serviceSecret": "short"}, "serviceSecret"),
        ({"serviceSecret": "whsec_%%%%"}, "serviceSecret"),
        ({"notifyTextSize": -1}, "notifyTextSize"),
        ({"eventTypes": ["messageNew"]}, "eventTypes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_setting_is_named(api: Client, change: dict[str, object], key: str) -> None:
    """A setting that is unknown or wrong is named, and nothing else of the body is changed."""
    before = api.get("/v1/settings", inboxNewOnly="true").json()
    answer = api.post("/v1/settings", {"inboxNewOnly": not before["inboxNewOnly"], **change})
    assert list(fields(answer)) == [key]
    assert api.get("/v1/settings", inboxNewOnly="true").json() == before


def test_text_of_the_secret_is_not_echoed(api: Client) -> None:
    """A refused secret does not come back in the answer."""
    assert b"hush%%" not in api.post("/v1/settings", {"serviceSecret": "whsec_hush%%"}).body
