"""ID tokens: only what Entra ID signed, for this application, for this tenant, at this time, says who signed in."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.adapters.entra.id_tokens import IdTokenInvalid, proved_email, verified

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
ISSUER = "https://login.microsoftonline.com/{tenantid}/v2.0"
OURS = "1f6a0000-0000-4000-8000-000000000001"
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)


def published(key: rsa.RSAPrivateKey = KEY, **more: str) -> dict[str, Any]:
    """Return a key as Entra ID publishes it."""
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1", **more}


def token(*, key: Any = KEY, kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> str:
    """Return a token; its claims can be changed, None leaves one out."""
    claims = {
        "iss": ISSUER.replace("{tenantid}", TENANT),
        "aud": OURS,
        "tid": TENANT,
        "oid": "anna",
        "nbf": NOW.timestamp(),
        "exp": (NOW + timedelta(hours=1)).timestamp(),
    } | changes
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm, headers={"kid": kid})


def read(text: str, *, issuer: str = ISSUER, keys: Any = None, now: datetime = NOW) -> dict[str, Any]:
    """Verify a token."""
    return verified(text, client_id=OURS, issuer=issuer, keys=[published()] if keys is None else keys, now=now)


def test_a_good_token_is_read() -> None:
    """The claims of a good token are returned, whether the authority is of one tenant or of several."""
    assert read(token())["oid"] == "anna"
    assert read(token(), issuer=ISSUER.replace("{tenantid}", TENANT))["tid"] == TENANT
    assert read(token(), keys=[published(OTHER, kid="k0"), published(issuer=ISSUER)])["oid"] == "anna"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": OTHER}, "signature is wrong"),
        ({"kid": "k9"}, "not among those that are published"),
        ({"algorithm": "PS256"}, "algorithm is not RS256"),
        ({"key": "k" * 64, "algorithm": "HS256"}, "algorithm is not RS256"),
        ({"aud": "another"}, "meant for another application"),
        ({"aud": [OURS]}, "meant for another application"),
        ({"iss": "https://login.evil.example/v2.0"}, "issuer is another one"),
        ({"tid": "another-tenant"}, "issuer is another one"),
        ({"exp": (NOW - timedelta(minutes=6)).timestamp()}, "not valid at this time"),
        ({"nbf": (NOW + timedelta(minutes=6)).timestamp()}, "not valid at this time"),
        ({"exp": None}, "malformed"),
        ({"tid": None}, "malformed"),
    ],
)
def test_a_bad_token_is_refused(changes: dict[str, Any], why: str) -> None:
    """Each flaw is refused and named, and the token is not quoted."""
    bad = token(**changes)
    with pytest.raises(IdTokenInvalid, match=why) as refused:
        read(bad)
    assert bad not in str(refused.value)


def test_clocks_may_differ_a_little() -> None:
    """Five minutes between Entra's clock and ours are forgiven."""
    assert read(token(), now=NOW - timedelta(minutes=4))
    assert read(token(), now=NOW + timedelta(minutes=64))


def test_a_changed_claim_breaks_the_signature() -> None:
    """Whoever changes a claim needs Entra's key."""
    header, claims, signature = token().split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"oid": "bert"}
    text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    with pytest.raises(IdTokenInvalid, match="signature is wrong"):
        read(f"{header}.{text}.{signature}")


def test_an_unsigned_token_is_refused() -> None:
    """The algorithm `none` proves nothing."""
    with pytest.raises(IdTokenInvalid):
        read(token(key=None, algorithm="none"))


def test_a_key_of_another_tenant_is_refused() -> None:
    """A key that Entra ID publishes for one issuer proves nothing about another."""
    with pytest.raises(IdTokenInvalid, match="issuer is another one"):
        read(token(), keys=[published(issuer="https://login.microsoftonline.com/another/v2.0")])


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "e30.e30.e30", "W10.W10.W10", "....", "ü.ü.ü"])
def test_garbage_is_refused(text: str) -> None:
    """What is no token is refused like a bad one."""
    with pytest.raises(IdTokenInvalid):
        read(text)


@pytest.mark.parametrize(
    "keys", [[], [{}], [{"kid": "k1", "kty": "EC"}], [{"kid": "k1", "kty": "RSA", "n": "AQ", "e": "AQ"}]]
)
def test_useless_keys_prove_nothing(keys: list[dict[str, Any]]) -> None:
    """Without a fitting key no token is good."""
    with pytest.raises(IdTokenInvalid):
        read(token(), keys=keys)


@pytest.mark.parametrize("authority", ["common", "Organizations", "consumers"])
def test_an_address_that_anybody_may_write_is_none(authority: str) -> None:
    """Of several tenants an address counts where its domain's owner is known, and of personal accounts."""
    claims = {"tid": "t", "email": "ceo@contoso.com"}
    assert proved_email(claims, authority) is None
    for owned in (False, "0", "false", None, 0):
        assert proved_email({**claims, "xms_edov": owned}, authority) is None
    for owned in (True, "1", "true", 1):
        assert proved_email({**claims, "xms_edov": owned}, authority) == "ceo@contoso.com"
    personal = {**claims, "tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}
    assert proved_email(personal, authority) == "ceo@contoso.com"


def test_an_address_of_ones_own_tenant_counts() -> None:
    """In an application of one tenant its administrator is whom one trusts; what is no text is no address."""
    claims = {"tid": "t", "email": "anna@contoso.com"}
    assert proved_email(claims, "f8cdef31-a31e-4b4a-93e4-5f571e91255a") == "anna@contoso.com"
    assert proved_email({**claims, "email": ["anna@contoso.com"]}, "contoso.com") is None
    assert proved_email({"tid": "t"}, "contoso.com") is None
