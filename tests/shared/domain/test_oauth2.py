"""OAuth2 applications: one credential, a tenant of its own, and no secret in any answer."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.expiries import Notice
from shared.domain.oauth2 import (
    HAS_NO_GIVEN_END,
    CredentialKind,
    NewOAuth2App,
    OAuth2App,
    OAuth2AppChange,
    change_problems,
    view,
)
from tests.factories import APP, CLIENT, TENANT, an_app, an_outlook_app
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


def refused_changes(app: OAuth2App, **change: Any) -> dict[str, str]:
    """Return what of a change the application cannot become, by field."""
    return {found.key: found.message for found in change_problems(app, OAuth2AppChange.model_validate(change))}


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
def test_nobody_signs_in_to_everybodys_tenant(tenant: str) -> None:
    """A shared authority is refused in EmailEngine's words, in a change too."""
    told = f'Client credentials flow requires a specific tenant ID; "{tenant}" is not allowed'
    assert first_refusal(NewOAuth2App, {**BODY, "authority": tenant}) == (("authority",), told)
    assert refused_changes(an_app(), authority=tenant) == {"authority": told}


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
        ({"provider": "gmail"}, "Input should be 'outlook' or 'outlookService'"),
        ({"baseScopes": "imap"}, 'must be "api" or absent: an application-access application opens mailboxes through '),
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
        "redirectUrl": None,
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


# EmailEngine's own example of delegated access.
OUTLOOK = {
    "name": "IMAP/SMTP delegated",
    "provider": "outlook",
    "enabled": True,
    "baseScopes": "imap",
    "clientId": CLIENT,
    "clientSecret": "abc~secret",
    "authority": "organizations",
    "redirectUrl": "https://relay.example.com/oauth",
}


def test_emailengines_example_of_delegated_access_is_taken() -> None:
    """An application that users sign in to is taken as EmailEngine takes it; it is not listed unless it says so."""
    app = NewOAuth2App.model_validate(OUTLOOK)
    assert (app.authority, app.redirect_url, app.enabled) == ("organizations", "https://relay.example.com/oauth", True)
    quiet = NewOAuth2App.model_validate({key: OUTLOOK[key] for key in OUTLOOK if key not in {"enabled", "baseScopes"}})
    assert (quiet.enabled, quiet.base_scopes) == (False, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"redirectUrl": None}, "redirectUrl"),
        ({"redirectUrl": "http://relay.example.com/oauth"}, "redirectUrl"),
        ({"authority": "everybody"}, "authority"),
        ({"baseScopes": "api"}, "baseScopes"),
        ({"skipScopes": ["openid"]}, "skipScopes"),
    ],
)
def test_what_an_application_with_users_cannot_be(changes: dict[str, Any], field: str) -> None:
    """Each wrong field of an application with users is refused at its own name."""
    assert first_refusal(NewOAuth2App, {**OUTLOOK, **changes})[0] == (field,)


def test_one_kind_never_becomes_the_other() -> None:
    """Neither the provider nor the base scopes change; what is sent back as it was shown passes."""
    service, users = an_app(), an_outlook_app()
    assert refused_changes(service, provider="outlook").keys() == {"provider"}
    assert refused_changes(users, provider="outlookService").keys() == {"provider"}
    assert refused_changes(service, baseScopes="imap").keys() == {"baseScopes"}
    assert refused_changes(users, baseScopes="api").keys() == {"baseScopes"}
    for app in (service, users):
        shown = view(app).model_dump(mode="json", by_alias=True)
        echoed = ("provider", "baseScopes", "redirectUrl", "authority", "enabled", "skipScopes")
        assert refused_changes(app, **{name: shown[name] for name in echoed}) == {}


def test_a_change_obeys_the_rules_of_its_kind() -> None:
    """What a new application of the kind could not be, no change makes of it."""
    users = an_outlook_app()
    assert refused_changes(users, redirectUrl="http://relay.example.com/oauth") == {
        "redirectUrl": '"redirectUrl" must be https:// (http:// is for localhost only)'
    }
    assert refused_changes(users, redirectUrl="", skipScopes=["openid"]).keys() == {"redirectUrl", "skipScopes"}
    assert refused_changes(users, authority="Consumers") == {}
    assert refused_changes(an_app(), redirectUrl="https://relay.example.com/oauth") == {
        "redirectUrl": f'"redirectUrl" {NO_REDIRECT}'
    }


@pytest.mark.parametrize("listed", [True, False])
def test_an_application_with_users_is_shown(listed: bool) -> None:  # noqa: FBT001  pytest passes it by name
    """The view tells where users come back to, and whether they may choose the application."""
    shown = view(an_outlook_app(enabled=listed))
    assert (shown.provider, shown.authority, shown.base_scopes) == ("outlook", "common", "imap")
    assert (shown.enabled, shown.include_in_listing) == (listed, listed)
    assert shown.redirect_url == "https://relay.example.com/oauth"


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
