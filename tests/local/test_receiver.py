"""The receiver tells a true webhook from a forged one."""

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from local.receiver import Received, receiving

TEXT_SECRET = "a secret in plain words"
STANDARD_SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
BODY = json.dumps({"account": "help", "event": "messageNew", "data": {"subject": "Tellimus ✉"}}).encode()


def signed(secret: str, body: bytes = BODY) -> dict[str, str]:
    """Returns the headers that a true webhook carries."""
    now = datetime.now(UTC)
    standard = Webhook(secret if secret.startswith("whsec_") else secret.encode())
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "webhook-id": "event-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standard.sign("event-1", now.replace(microsecond=0), body.decode()),
        "X-EE-Wh-Signature": urlsafe_b64encode(digest).decode().rstrip("="),
    }


@pytest.mark.parametrize("secret", [TEXT_SECRET, STANDARD_SECRET], ids=["text", "whsec"])
def test_true_webhook(secret: str) -> None:
    """A webhook with both signatures right is verified, kept and told, whichever form the secret has."""
    told: list[Received] = []
    with receiving(secret, tell=told.append) as receiver:
        answer = requests.post(receiver.url, data=BODY, headers=signed(secret), timeout=60)
    assert answer.status_code == 200
    assert receiver.received == told
    (received,) = told
    assert (received.verified, received.id, received.event, received.account) == (True, "event-1", "messageNew", "help")
    assert received.data == {"subject": "Tellimus ✉"}


def test_webhook_of_no_account() -> None:
    """A webhook whose account is null is of none."""
    body = json.dumps({"account": None, "event": "oauthAppExpiring", "data": {}}).encode()
    with receiving(TEXT_SECRET) as receiver:
        requests.post(receiver.url, data=body, headers=signed(TEXT_SECRET, body), timeout=60)
    assert [(received.verified, received.account) for received in receiver.received] == [(True, "")]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("webhook-signature", "webhook-signature: Missing required headers"),
        ("webhook-id", "webhook-signature: Missing required headers"),
        ("X-EE-Wh-Signature", "X-EE-Wh-Signature does not fit"),
    ],
)
def test_header_missing(header: str, problem: str) -> None:
    """Each signature must be there; one of them does not stand in for the other."""
    headers = signed(TEXT_SECRET)
    del headers[header]
    with receiving(TEXT_SECRET) as receiver:
        requests.post(receiver.url, data=BODY, headers=headers, timeout=60)
    assert [received.problem for received in receiver.received] == [problem]


def test_other_bytes() -> None:
    """A body that was changed on the way is not verified."""
    with receiving(TEXT_SECRET) as receiver:
        requests.post(receiver.url, data=BODY + b" ", headers=signed(TEXT_SECRET), timeout=60)
    assert [received.verified for received in receiver.received] == [False]


def test_endpoint_that_fails() -> None:
    """A receiver that plays a failing endpoint answers as it is told and keeps what came all the same."""
    with receiving(TEXT_SECRET) as receiver:
        receiver.answer = 503
        answer = requests.post(receiver.url, data=BODY, headers=signed(TEXT_SECRET), timeout=60)
    assert (answer.status_code, len(receiver.received)) == (503, 1)


def test_no_json() -> None:
    """What is no JSON object is refused and not kept."""
    with receiving(TEXT_SECRET) as receiver:
        assert requests.post(receiver.url, data=b"[]", timeout=60).status_code == 400
        assert requests.post(receiver.url, data=b"{", timeout=60).status_code == 400
    assert receiver.received == []
