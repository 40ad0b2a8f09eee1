"""OAuth2 applications: one credential, a tenant of its own, and no secret in any answer."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.expiries import Notice
from shared.domain.oauth2 import HAS_NO_GIVEN_END, CredentialKind, NewOAuth2App, OAuth2App, OAuth2AppChange, view
from tests.factories import APP, CLIENT, TENANT, an_app
from tests.fakes.clock import START

# EmailEngine's own example of application access.
BODY = {
    "name": "Graph app access",
    "provider": "outlookService",
    "clientId": CLIENT,
    "clientSecret": "abc~secret",
    "authority": TENANT,
    "cloud": "global",
}
ONE_CREDENTIAL = 'give exactly one of "clientSecret", "certificate" and "managedIdentity"; got {}'
NO_REDIRECT = "must be absent: nobody signs in to an application-access application, so nothing is redirected"


def first_refusal(model: type[NewOAuth2App | OAuth2AppChange], body: dict[str, Any]) -> tuple[tuple[Any, ...], str]:
    """Return where and why *body* is refused."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    error = refused.value.errors()[0]
    return error["loc"], error["msg"]


def test_emailengines_example_is_taken() -> None:
    """An application that EmailEngine takes is taken as it stands."""
    app = NewOAuth2App.model_validate({**BODY, "redirectUrl": False, "enabled": True, "extraScopes": []})
    assert app.credential_kinds() == [CredentialKind.SECRET]
    assert app.redirect_url is None


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.onmicrosoft.com", " contoso.com "])
def test_a_tenant_is_an_id_or_a_domain(tenant: str) -> None:
    """A tenant is named by its GUID or by one of its domains."""
    assert NewOAuth2App.model_validate({**BODY, "authority": tenant}).authority == tenant.strip()


@pytest.mark.parametrize("tenant", ["common", "Organizations", "consumers"])
@pytest.mark.parametrize(("model", "rest"), [(NewOAuth2App, BODY), (OAuth2AppChange, {})])
def test_nobody_signs_in_to_everybodys_tenant(
    model: type[NewOAuth2App | OAuth2AppChange], rest: dict[str, Any], tenant: str
) -> None:
    """A shared authority is refused in EmailEngine's words, in a change too."""
    where, why = first_refusal(model, {**rest, "authority": tenant})
    assert where[0] == "authority"
    assert why == f'Client credentials flow requires a specific tenant ID; "{tenant}" is not allowed'


@pytest.mark.parametrize("tenant", ["", "contoso", "https://contoso.com", "contoso.com/x", "-a.com", TENANT[:-1]])
def test_what_is_no_tenant(tenant: str) -> None:
    """Anything else is refused with an example."""
    where, why = first_refusal(NewOAuth2App, {**BODY, "authority": tenant})
    assert where == ("authority",)
    assert why.startswith("must be a tenant id (a GUID) or a domain of the tenant, like contoso.onmicrosoft.com; got ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clientSecret": None}, ONE_CREDENTIAL.format(0)),
        ({"certificate": "pem"}, ONE_CREDENTIAL.format(2)),
        ({"certificate": "pem", "managedIdentity": CLIENT}, ONE_CREDENTIAL.format(3)),
        ({"certificatePassword": "p"}, '"certificatePassword" opens a "certificate", and none is given'),
        (
            {"clientSecret": None, "managedIdentity": CLIENT, "clientSecretExpires": "2026-09-01"},
            HAS_NO_GIVEN_END,
        ),
        ({"managedIdentity": "me"}, "must be a GUID, like 1f6a0000-0000-4000-8000-000000000000"),
        ({"redirectUrl": "https://relay.example.com/oauth"}, NO_REDIRECT),
        ({"provider": "outlook"}, "Input should be 'outlookService'"),
        ({"baseScopes": "imap"}, "Input should be 'api'"),
        ({"cloud": "gcc"}, "Input should be 'global', 'gcc-high', 'dod' or 'china'"),
        ({"tenant": TENANT}, "Extra inputs are not permitted"),
    ],
)
def test_what_an_application_cannot_be(changes: dict[str, Any], told: str) -> None:
    """Each wrong field is refused with its own sentence."""
    assert told in first_refusal(NewOAuth2App, {**BODY, **changes})[1]


def test_a_change_replaces_one_credential() -> None:
    """A change names what changes, of credentials one at most, and with `authority: tenant` the tenant."""
    assert OAuth2AppChange.model_validate({"certificate": "pem"}).model_fields_set == {"certificate"}
    assert OAuth2AppChange.model_validate({"authority": "tenant", "tenant": "contoso.com"}).tenant == "contoso.com"
    assert first_refusal(OAuth2AppChange, {"clientSecret": "s", "certificate": "pem"})[1] == (
        'give at most one of "clientSecret", "certificate" and "managedIdentity"'
    )
    assert first_refusal(OAuth2AppChange, {"authority": "tenant"})[1] == (
        '"tenant" is required when "authority" is "tenant"'
    )


@pytest.mark.parametrize(
    ("app", "masked"),
    [
        (an_app(), {"clientSecret": "******"}),
        (an_app(expires=START), {"clientSecret": "******", "clientSecretExpires": "2026-03-02T09:30:00.000Z"}),
        (
            an_app(credential=CredentialKind.CERTIFICATE, thumbprint="ab" * 32, expires=START),
            {
                "certificate": "******",
                "certificateThumbprint": "ab" * 32,
                "certificateExpires": "2026-03-02T09:30:00.000Z",
            },
        ),
        (an_app(credential=CredentialKind.MANAGED_IDENTITY, managed_identity=CLIENT), {"managedIdentity": CLIENT}),
    ],
    ids=["secret", "secret with an end", "certificate", "managed identity"],
)
def test_an_application_is_shown_without_its_secret(app: OAuth2App, masked: dict[str, str]) -> None:
    """The view has EmailEngine's fields, masks the credential that there is, and leaves out the vault's reference."""
    shown = view(app).model_dump(mode="json", by_alias=True)
    credentials = {
        "clientSecret",
        "clientSecretExpires",
        "certificate",
        "certificateThumbprint",
        "certificateExpires",
        "managedIdentity",
    }
    assert {name: shown.pop(name) for name in credentials} == {**dict.fromkeys(credentials), **masked}
    assert shown == {
        "id": APP,
        "name": "Contoso",
        "description": None,
        "title": None,
        "provider": "outlookService",
        "enabled": True,
        "includeInListing": False,
        "created": "2026-03-02T09:30:00.000Z",
        "updated": "2026-03-02T09:30:00.000Z",
        "clientId": CLIENT,
        "authority": TENANT,
        "cloud": "global",
        "baseScopes": "api",
        "extraScopes": [],
        "skipScopes": [],
        "expiryNotice": None,
        "lastError": None,
    }


def test_the_end_of_a_secret_is_a_moment_or_a_day() -> None:
    """A secret's end is an ISO 8601 moment with its offset, as Graph writes it too, or a day, which begins in UTC."""
    spelt = {
        "2026-09-01": "2026-09-01T00:00:00+00:00",
        "2026-09-01T12:00:00+02:00": "2026-09-01T10:00:00+00:00",
        "2026-09-01T09:21:00.1234567Z": "2026-09-01T09:21:00.123456+00:00",
    }
    for text, meant in spelt.items():
        expires = NewOAuth2App.model_validate({**BODY, "clientSecretExpires": text}).client_secret_expires
        assert expires is not None
        assert expires.isoformat() == meant


@pytest.mark.parametrize(
    "text", ["soon", "", "2026-13-01", "2026-09-01T12:00:00", "0001-01-01", "9999-12-31T23:59:59-14:00", "2026-9-1"]
)
def test_what_is_no_end_of_a_secret(text: str) -> None:
    """What is no moment, has no offset, or lies out of this millennium is refused by the field's name."""
    for model, rest in ((NewOAuth2App, BODY), (OAuth2AppChange, {})):
        assert first_refusal(model, {**rest, "clientSecretExpires": text})[0][0] == "clientSecretExpires"


def test_the_newest_notice_is_shown() -> None:
    """What was told last about the credential's end is shown as the event told it."""
    notice = Notice(ahead=7, at=START)
    shown = view(an_app(expires=START + timedelta(days=5, hours=1), notice=notice)).expiry_notice
    assert shown is not None
    assert (shown.date, shown.days) == ("2026-03-02T09:30:00.000Z", 6)


def test_stars_are_no_secret() -> None:
    """Stars are refused where a secret is new, and leave the secret as it is where it is kept."""
    for credential in ("clientSecret", "certificate"):
        body = {**BODY, "clientSecret": None, credential: "******"}
        where, why = first_refusal(NewOAuth2App, body)
        assert (where, why) == (
            (credential,),
            "Value error, must be the secret itself, not the stars that stand for it",
        )
        assert OAuth2AppChange.model_validate({credential: "******"}).credential_kinds() == []


def test_the_last_error_is_shown() -> None:
    """What Entra ID refused is told as EmailEngine tells it."""
    shown = view(an_app(last_error="AADSTS7000222: the secret has expired"))
    assert shown.last_error == {"response": "AADSTS7000222: the secret has expired"}
