"""
ID tokens: who signed in, said by Entra ID and nobody else.

MSAL trusts what the token endpoint answers over TLS, as OpenID Connect allows (Core, 3.1.3.7), and compares the nonce.
Here an identity decides whose mailboxes an account may open, so the signature, the issuer, the audience and the times
are checked too. Keys are asked for at each sign-in: those are rare, and keys change without notice.
https://learn.microsoft.com/entra/identity-platform/id-tokens#validate-tokens
"""

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

_SKEW = timedelta(minutes=5)
# Everybody's: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference#payload-claims
_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
_PARTS = 3


class IdTokenInvalid(Exception):
    """The token does not prove who signed in; the text says why, without quoting it."""


def verified(
    token: str, *, client_id: str, issuer: str, keys: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """
    Returns the claims of *token*; raises IdTokenInvalid.

    *issuer* and *keys* are what the authority publishes; an authority of several tenants publishes `{tenantid}` in the
    place of the tenant.
    """
    try:
        header, claims, signature, signed = _split(token)
        key = next(each for each in keys if each.get("kid") == header["kid"] and each.get("kty") == "RSA")
        if header["alg"] != "RS256":
            raise IdTokenInvalid("its algorithm is not RS256")
        numbers = RSAPublicNumbers(e=_number(key["e"]), n=_number(key["n"]))
        numbers.public_key().verify(signature, signed, PKCS1v15(), SHA256())
        tenant, moment = str(claims["tid"]), now.timestamp()
        # https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signing-key-issuer
        issuers = {issuer.replace("{tenantid}", tenant), str(key.get("issuer", issuer)).replace("{tenantid}", tenant)}
        if issuers != {claims["iss"]}:
            raise IdTokenInvalid("its issuer is another one")
        if claims["aud"] != client_id:
            raise IdTokenInvalid("it is meant for another application")
        early = moment + _SKEW.total_seconds() < float(claims.get("nbf", 0))
        if early or moment - _SKEW.total_seconds() >= float(claims["exp"]):
            raise IdTokenInvalid("it is not valid at this time")
    except StopIteration:
        raise IdTokenInvalid("its key is not among those that are published") from None
    except InvalidSignature:
        raise IdTokenInvalid("its signature is wrong") from None
    except (KeyError, ValueError, TypeError, AttributeError) as exc:
        raise IdTokenInvalid("it is malformed") from exc
    return claims


def proved_email(claims: Mapping[str, Any], authority: str) -> str | None:
    """
    Returns the address of verified *claims*, where it is known to be the user's.

    The administrator of any tenant may write any address into a user's profile. So in an application of several
    tenants it counts only for personal accounts, and where Entra ID says that the tenant owns its domain.
    """
    # https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
    one_tenant = authority.lower() not in {"common", "organizations", "consumers"}
    owned = str(claims.get("xms_edov", "")).lower() in {"1", "true"}
    proved = one_tenant or owned or claims.get("tid") == _CONSUMERS
    email = claims.get("email")
    return email if proved and isinstance(email, str) else None


def _split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise IdTokenInvalid("it is malformed")
    header, claims = json.loads(_bytes(parts[0])), json.loads(_bytes(parts[1]))
    return header, claims, _bytes(parts[2]), f"{parts[0]}.{parts[1]}".encode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text))
