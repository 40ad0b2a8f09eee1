"""
Signatures: how a receiver knows that a webhook is ours.

Two profiles over the same bytes. Standard Webhooks signs id, timestamp and body with every secret that is valid, so a
rotation breaks nobody (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
EmailEngine's header signs the body alone with the newest secret, for receivers that were written for EmailEngine.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from shared.domain.models import Carried

_PREFIX = "whsec_"


class SigningSecret(Carried):
    """A secret that signs; a former one signs on until `expires`."""

    value: str
    expires: datetime | None = None


def signing_key(secret: str) -> bytes:
    """
    Returns the HMAC key of a Standard Webhooks secret.

    `whsec_…` holds the key in base64; any other text is the key itself, which a receiver's library is given as
    `whsec_` + base64(text).
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    return b64decode(secret.removeprefix(_PREFIX), validate=True)


def standard_signature(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Returns the `webhook-signature` header: one `v1` item for each secret; *timestamp* is Unix seconds."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    return " ".join(
        f"v1,{b64encode(hmac.new(signing_key(secret), signed, hashlib.sha256).digest()).decode()}" for secret in secrets
    )


def emailengine_signature(secret: str, body: bytes) -> str:
    """Returns the `X-EE-Wh-Signature` header: base64url without padding."""
    return urlsafe_b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode().rstrip("=")


def valid_at(secrets: Sequence[SigningSecret], now: datetime) -> list[str]:
    """Returns the secrets that sign at *now*, the newest first."""
    return [secret.value for secret in secrets if secret.expires is None or secret.expires > now]
