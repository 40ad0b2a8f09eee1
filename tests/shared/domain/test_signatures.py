"""Signatures: the vectors that the field agrees on."""

import binascii
from datetime import timedelta

import pytest

from shared.domain.signatures import SigningSecret, emailengine_signature, signing_key, standard_signature, valid_at
from tests.factories import SECRET
from tests.fakes.clock import START

FIRST = (
    SECRET,
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
SECOND = (
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    1649367553,
    b'{"email":"test@example.com","username":"test_user"}',
    "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
)


# https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries, the Python and Rust libraries' tests
@pytest.mark.parametrize(("secret", "webhook_id", "timestamp", "body", "expected"), [FIRST, SECOND])
def test_standard_webhooks_vectors(secret: str, webhook_id: str, timestamp: int, body: bytes, expected: str) -> None:
    """We sign as the reference libraries do."""
    assert standard_signature([secret], webhook_id, timestamp, body) == expected


def test_emailengines_vector() -> None:
    """EmailEngine's header is base64url over the body alone, without padding."""
    assert emailengine_signature("secret123", FIRST[3]) == "QP-noUNn5d4D64RqHdKP6mmosEZkkx8MsoB0krosLEA"


def test_every_valid_secret_signs() -> None:
    """During a rotation there is one item for each secret, the newest first."""
    both = standard_signature([SECOND[0], SECRET], *FIRST[1:4])
    assert both == f"{standard_signature([SECOND[0]], *FIRST[1:4])} {FIRST[4]}"


def test_a_secret_is_text_or_base64() -> None:
    """Behind `whsec_` stands the key in base64; any other text is the key; broken base64 is an error."""
    assert signing_key("whsec_c2VjcmV0") == b"secret"
    assert signing_key("gänzlich anders") == "gänzlich anders".encode()
    with pytest.raises(binascii.Error):
        signing_key("whsec_not base64")


def test_a_former_secret_signs_until_it_expires() -> None:
    """A former secret signs to its last moment, and not at it."""
    secrets = [SigningSecret(value="new"), SigningSecret(value="former", expires=START)]
    assert valid_at(secrets, START - timedelta(seconds=1)) == ["new", "former"]
    assert valid_at(secrets, START) == ["new"]
