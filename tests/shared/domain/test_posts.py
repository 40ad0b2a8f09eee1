"""Posts: headers that receivers of both kinds verify with their own code."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.domain.posts import headers
from tests.factories import EVENT, SECRET, a_delivery_key
from tests.fakes.clock import START

BODY = '{"subject":"Tere päevast"}'
FORMER = "a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the receiver's library stand at the moment of the attempt."""
    import standardwebhooks.webhooks as library  # noqa: PLC0415  its clock is what the fixture sets

    class Clock(library.datetime):  # type: ignore[name-defined,misc]  # the library does not export its import
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return START.astimezone(tz)

    monkeypatch.setattr(library, "datetime", Clock)


def signed(**changes: Any) -> dict[str, str]:
    """Return the headers of a first attempt with one secret."""
    values: dict[str, Any] = {"attempts_made": 0, "learned": START, "now": START, "secrets": [SECRET], "custom": {}}
    return headers(a_delivery_key(), BODY.encode(), **{**values, **changes})


def test_every_header_of_an_attempt() -> None:
    """An attempt has Standard Webhooks' three headers and EmailEngine's five."""
    made = signed(attempts_made=2, learned=START - timedelta(seconds=3.9), custom={"X-Tenant": "contoso"})
    signature = hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).digest()
    assert made.pop("webhook-signature").startswith("v1,")
    assert made == {
        "X-Tenant": "contoso",
        "Content-Type": "application/json",
        "webhook-id": EVENT,
        "webhook-timestamp": "1772443800",
        "X-EE-Wh-Id": f"1772443800000_default_{EVENT}",
        "X-EE-Wh-Event-Id": EVENT,
        "X-EE-Wh-Attempts-Made": "2",
        "X-EE-Wh-Queued-Time": "3s",
        "X-EE-Wh-Signature": base64.urlsafe_b64encode(signature).decode().rstrip("="),
    }


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("secrets", [[SECRET], [FORMER], [SECRET, FORMER], [FORMER, SECRET]])
def test_the_standards_own_library_verifies(secrets: list[str]) -> None:
    """Standard Webhooks' library verifies an attempt with every secret that is valid, during a rotation with both."""
    for secret in secrets:
        key = secret if secret == SECRET else base64.b64encode(secret.encode()).decode()
        assert Webhook(key).verify(BODY, signed(secrets=secrets)) == {"subject": "Tere päevast"}


@pytest.mark.usefixtures("now")
def test_the_standards_own_library_refuses_what_is_not_ours() -> None:
    """Other bytes, another id or another secret verify nothing."""
    for body, made in (
        (BODY + " ", signed()),
        (BODY, {**signed(), "webhook-id": "other"}),
        (BODY, signed(secrets=[FORMER])),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, made)


def test_emailengines_signature_is_the_newest_secrets() -> None:
    """EmailEngine's header knows one secret, so the newest signs."""
    assert signed(secrets=[FORMER, SECRET])["X-EE-Wh-Signature"] == signed(secrets=[FORMER])["X-EE-Wh-Signature"]


def test_each_attempt_is_signed_anew() -> None:
    """A later attempt has the same ids, its own moment and its own signature."""
    first, later = signed(), signed(now=START + timedelta(minutes=5), attempts_made=1)
    assert {name for name in first if first[name] != later[name]} == {
        "webhook-timestamp",
        "webhook-signature",
        "X-EE-Wh-Attempts-Made",
        "X-EE-Wh-Queued-Time",
    }


def test_no_custom_header_stands_in_for_ours() -> None:
    """A custom header with the name of one of ours loses."""
    assert signed(custom={"webhook-id": "forged", "X-EE-Wh-Signature": "forged"}) == signed()


def test_without_a_secret_nothing_is_signed() -> None:
    """An instance without a service secret sends no signature rather than a weak one."""
    assert not [name for name in signed(secrets=[]) if "signature" in name.lower()]
