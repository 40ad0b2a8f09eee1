"""`/v1/oauth2` as EmailEngine's clients know it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.services.relay import Relay
from tests.factories import CLIENT, TENANT
from tests.fakes.clock import START
from tests.functions.bodies import an_account, an_app
from tests.functions.certificates import a_certificate, a_key, pem, pfx
from tests.functions.client import Client, fields, path_to
from tests.functions.outside import SERVICE_URL, Outside

MASK = "******"
NO_SHARED_AUTHORITY = 'Client credentials flow requires a specific tenant ID; "{}" is not allowed'
EXPIRES = START + timedelta(days=90)
EMAILENGINE_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOT_FOUND = {"statusCode": 404, "error": "Not Found", "message": "Document was not found", "code": "NotFound"}


def test_registration_answers_with_an_id(api: Client) -> None:
    """POST answers 200 with an id of 16 base64url characters and `created`."""
    answer = api.post("/v1/oauth2", an_app())
    assert answer.status == 200
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", answer.json()["id"])
    assert answer.json() == {"id": answer.json()["id"], "created": True}


def test_application_is_shown_with_its_secret_masked(api: Client) -> None:
    """GET shows EmailEngine's fields, the secret as six stars, and how many accounts there are."""
    texts = {"description": "Reads mail", "title": "Sign in", "extraScopes": ["a"], "skipScopes": ["b"]}
    app = api.post("/v1/oauth2", an_app(cloud="gcc-high", **texts)).json()["id"]
    shown = api.get(f"/v1/oauth2/{app}").json()
    assert shown.pop("created") == shown.pop("updated")
    assert shown == {
        "id": app,
        "name": "Contoso",
        "provider": "outlookService",
        "enabled": True,
        "includeInListing": False,
        "clientId": CLIENT,
        "clientSecret": MASK,
        "certificate": None,
        "certificateThumbprint": None,
        "certificateExpires": None,
        "clientSecretExpires": None,
        "expiryNotice": None,
        "managedIdentity": None,
        "authority": TENANT,
        "cloud": "gcc-high",
        "redirectUrl": None,
        "baseScopes": "api",
        "lastError": None,
        "accounts": 0,
        **texts,
    }


def test_dates_are_spelt_as_emailengine_does(api: Client, app_id: str) -> None:
    """`created` and `updated` have milliseconds and end with Z."""
    shown = api.get(f"/v1/oauth2/{app_id}").json()
    assert EMAILENGINE_DATE.fullmatch(shown["created"])
    assert EMAILENGINE_DATE.fullmatch(shown["updated"])


def test_defaults_are_emailengines(api: Client, app_id: str) -> None:
    """What is left out is null, an empty list, or the global cloud."""
    shown = api.get(f"/v1/oauth2/{app_id}").json()
    left_out = {key: shown[key] for key in ("description", "title", "cloud", "extraScopes", "skipScopes")}
    assert left_out == {"description": None, "title": None, "cloud": "global", "extraScopes": [], "skipScopes": []}


def test_list_is_paged(api: Client, app_id: str) -> None:
    """The list has `total`, `page`, `pages` and `apps`; every application is on one page, and no secret is on any."""
    api.post("/v1/oauth2", an_app())
    total = api.get("/v1/oauth2").json()["total"]
    size = total // 2
    pages = [api.get("/v1/oauth2", page=page, pageSize=size).json() for page in range(-(-total // size))]
    assert all(set(page) == {"total", "page", "pages", "apps"} for page in pages)
    assert [(page["total"], page["page"], page["pages"]) for page in pages] == [
        (total, number, len(pages)) for number in range(len(pages))
    ]
    listed = [app for page in pages for app in page["apps"]]
    assert len({app["id"] for app in listed}) == len(listed) == total
    assert app_id in {app["id"] for app in listed}
    assert {app["clientSecret"] for app in listed} <= {MASK, None}
    assert api.get("/v1/oauth2", page=len(pages), pageSize=size).json()["apps"] == []


@pytest.mark.parametrize(("name", "value"), [("page", -1), ("page", "x"), ("pageSize", 0), ("pageSize", 1001)])
def test_page_out_of_bounds_is_refused(api: Client, name: str, value: object) -> None:
    """A page that cannot be is refused by its argument's name."""
    assert list(fields(api.get("/v1/oauth2", **{name: value}))) == [name]


@pytest.mark.parametrize("authority", ["common", "organizations", "consumers", "Common"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_shared_authority_is_refused(api: Client, app_id: str, method: str, authority: str) -> None:
    """POST and PUT alike refuse an authority that names no tenant, with EmailEngine's sentence."""
    path, body = ("/v1/oauth2", an_app(authority=authority))
    if method == "PUT":
        path, body = (f"/v1/oauth2/{app_id}", {"authority": authority})
    answer = api.call(method, path, body)
    assert answer.json()["message"] == "Invalid input"
    assert fields(answer) == {"authority": NO_SHARED_AUTHORITY.format(authority)}


def test_tenant_that_is_shared_is_refused(api: Client, app_id: str) -> None:
    """`tenant`, which PUT takes beside `authority: "tenant"`, obeys the same rule."""
    answer = api.put(f"/v1/oauth2/{app_id}", {"authority": "tenant", "tenant": "common"})
    assert fields(answer) == {"tenant": NO_SHARED_AUTHORITY.format("common")}


@pytest.mark.parametrize(
    "authority", ["contoso", "f8cdef31-a31e-4b4a-93e4", "contoso.com/x", "https://contoso.com", ""]
)
def test_authority_is_a_guid_or_a_domain(api: Client, authority: str) -> None:
    """An authority that is neither a tenant id nor a domain is refused."""
    assert list(fields(api.post("/v1/oauth2", an_app(authority=authority)))) == ["authority"]


def test_domain_names_a_tenant(api: Client) -> None:
    """A domain of the tenant serves as authority."""
    app = api.post("/v1/oauth2", an_app(authority="contoso.onmicrosoft.com")).json()["id"]
    assert api.get(f"/v1/oauth2/{app}").json()["authority"] == "contoso.onmicrosoft.com"


def test_redirect_url_is_refused(api: Client, app_id: str) -> None:
    """A redirect URL is refused on POST and PUT; false and null, which EmailEngine takes, pass."""
    redirect = {"redirectUrl": "https://relay.example.com/oauth"}
    assert list(fields(api.post("/v1/oauth2", an_app(**redirect)))) == ["redirectUrl"]
    assert list(fields(api.put(f"/v1/oauth2/{app_id}", redirect))) == ["redirectUrl"]
    assert api.post("/v1/oauth2", {**an_app(), "redirectUrl": False}).status == 200
    assert api.post("/v1/oauth2", {**an_app(), "redirectUrl": None}).status == 200


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"name": None}, "name"),
        ({"name": "n" * 257}, "name"),
        ({"provider": None}, "provider"),
        ({"provider": "gmail"}, "provider"),
        ({"provider": "outlook"}, "redirectUrl"),
        ({"clientId": None}, "clientId"),
        ({"authority": None}, "authority"),
        ({"cloud": "moon"}, "cloud"),
        ({"baseScopes": "imap"}, "baseScopes"),
        ({"extraScopes": ["s" * 256]}, "extraScopes.0"),
        ({"managedIdentity": "me", "clientSecret": None}, "managedIdentity"),
        ({"colour": "red"}, "colour"),
        ({"x-colour": "red"}, "x-colour"),
    ],
)
def test_wrong_field_is_named(api: Client, change: dict[str, object], key: str) -> None:
    """A field that is missing, unknown or wrong is named, and the message begins with it."""
    told = fields(api.post("/v1/oauth2", an_app(**change)))
    assert list(told) == [key]
    assert told[key].startswith(f'"{key}" ')


@pytest.mark.parametrize(
    "credentials",
    [
        {"clientSecret": None},
        {"managedIdentity": CLIENT},
        {"certificate": "-----BEGIN"},
        {"clientSecret": None, "managedIdentity": CLIENT, "certificate": "-----BEGIN"},
        {"certificatePassword": "secret"},
    ],
    ids=["none", "two", "secret and certificate", "two without a secret", "a password for nothing"],
)
def test_exactly_one_credential_is_given(api: Client, credentials: dict[str, object]) -> None:
    """None or several of secret, certificate and managed identity are refused."""
    assert list(fields(api.post("/v1/oauth2", an_app(**credentials)))) == ["clientSecret"]


def test_managed_identity_is_no_secret(api: Client) -> None:
    """An application with a managed identity shows it, and no stars."""
    app = api.post("/v1/oauth2", an_app(clientSecret=None, managedIdentity=CLIENT)).json()["id"]
    shown = api.get(f"/v1/oauth2/{app}").json()
    assert (shown["managedIdentity"], shown["clientSecret"], shown["certificate"]) == (CLIENT, None, None)


@pytest.mark.parametrize("form", ["PEM", "protected PEM", "PFX"])
def test_certificate_is_taken(api: Client, form: str) -> None:
    """A certificate in PEM or PFX is taken; its thumbprint and end are shown, itself and its password are not."""
    key = a_key()
    certificate = a_certificate(key, EXPIRES)
    given = {
        "PEM": {"certificate": pem(key, certificate)},
        "protected PEM": {"certificate": pem(key, certificate, "open"), "certificatePassword": "open"},
        "PFX": {"certificate": pfx(key, certificate, "open"), "certificatePassword": "open"},
    }[form]
    app = api.post("/v1/oauth2", an_app(clientSecret=None, **given)).json()["id"]
    answer = api.get(f"/v1/oauth2/{app}")
    shown = answer.json()
    assert (shown["certificate"], shown["clientSecret"]) == (MASK, None)
    assert shown["certificateThumbprint"] == certificate.fingerprint(hashes.SHA256()).hex()
    assert shown["certificateExpires"] == "2026-05-31T09:30:00.000Z"
    assert b"PRIVATE" not in answer.body


def test_end_of_a_secret_is_kept(api: Client) -> None:
    """POST and PUT take `clientSecretExpires`, a moment or a day; GET shows it until a new secret comes without one."""
    app = api.post("/v1/oauth2", an_app(clientSecretExpires="2026-09-01")).json()["id"]
    shown = api.get(f"/v1/oauth2/{app}").json()
    assert (shown["clientSecretExpires"], shown["certificateExpires"]) == ("2026-09-01T00:00:00.000Z", None)
    api.put(f"/v1/oauth2/{app}", {"clientSecret": MASK, "clientSecretExpires": "2026-10-01T12:00:00+02:00"})
    assert api.get(f"/v1/oauth2/{app}").json()["clientSecretExpires"] == "2026-10-01T10:00:00.000Z"
    api.put(f"/v1/oauth2/{app}", {"clientSecret": "new~secret"})
    assert api.get(f"/v1/oauth2/{app}").json()["clientSecretExpires"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clientSecretExpires": "soon"}, "should be a valid datetime"),
        ({"clientSecretExpires": "2026-09-01T12:00:00"}, "should have timezone info"),
        ({"clientSecretExpires": "2026-03-02T09:30:00Z"}, "must be in the future"),
        ({"clientSecretExpires": "2026-09-01", "clientSecret": None, "managedIdentity": CLIENT}, "is for a"),
    ],
    ids=["no date", "no offset", "past", "no secret"],
)
def test_wrong_end_of_a_secret_is_refused(api: Client, app_id: str, change: dict[str, object], reason: str) -> None:
    """An end that is none, that is past, or that no secret has is refused by its name, on POST and on PUT."""
    given = {key: value for key, value in change.items() if value is not None}
    for answer in (api.post("/v1/oauth2", an_app(**change)), api.put(f"/v1/oauth2/{app_id}", given)):
        told = fields(answer)
        assert list(told) == ["clientSecretExpires"]
        assert told["clientSecretExpires"].startswith('"clientSecretExpires" ')
        assert reason in told["clientSecretExpires"]


def test_bad_certificate_is_refused(api: Client) -> None:
    """A certificate that cannot be opened, has expired, or is another key's, is refused with the reason."""
    key, other = a_key(), a_key()
    good, old = a_certificate(key, EXPIRES), a_certificate(key, START - timedelta(seconds=1))
    refused = {
        "could not be opened": {"certificate": pfx(key, good, "open"), "certificatePassword": "shut"},
        "could not be": {"certificate": pem(key, good, "open"), "certificatePassword": "shut"},
        "could not": {"certificate": "QUJD"},
        "expired on 2026-03-02": {"certificate": pem(key, old)},
        "does not belong to its private key": {"certificate": pem(other, good)},
    }
    for reason, given in refused.items():
        told = fields(api.post("/v1/oauth2", an_app(clientSecret=None, **given)))
        assert list(told) == ["certificate"]
        assert reason in told["certificate"]


def test_change_keeps_what_it_does_not_name(api: Client, app_id: str) -> None:
    """PUT changes what it names, keeps the rest, and answers with the id and `updated`."""
    changed = api.put(f"/v1/oauth2/{app_id}", {"name": "New", "authority": "tenant", "tenant": "contoso.com"})
    assert (changed.status, changed.json()) == (200, {"id": app_id, "updated": True})
    shown = api.get(f"/v1/oauth2/{app_id}").json()
    assert (shown["name"], shown["authority"], shown["clientId"], shown["clientSecret"]) == (
        "New",
        "contoso.com",
        CLIENT,
        MASK,
    )


def test_another_credential_takes_the_place_of_the_former(api: Client, app_id: str) -> None:
    """PUT with a managed identity ends the client secret; PUT with two credentials is refused."""
    assert api.put(f"/v1/oauth2/{app_id}", {"managedIdentity": CLIENT}).status == 200
    shown = api.get(f"/v1/oauth2/{app_id}").json()
    assert (shown["managedIdentity"], shown["clientSecret"]) == (CLIENT, None)
    both = api.put(f"/v1/oauth2/{app_id}", {"managedIdentity": CLIENT, "clientSecret": "s"})
    assert list(fields(both)) == ["clientSecret"]


def test_stars_do_not_become_the_secret(api: Client, app_id: str, relay: Relay) -> None:
    """A client that sends back what GET showed keeps the secret: six stars are never stored as one."""
    api.put(f"/v1/oauth2/{app_id}", {"name": "New", "clientSecret": MASK})
    stored = relay.oauth2_apps.store.get(app_id)
    assert stored is not None
    assert relay.oauth2_apps.vault.get(stored.value.secret or "") == "abc~secret"


def test_stars_are_no_secret_of_a_new_application(api: Client) -> None:
    """POST refuses stars in the place of a secret or a certificate."""
    assert list(fields(api.post("/v1/oauth2", an_app(clientSecret=MASK)))) == ["clientSecret"]
    assert list(fields(api.post("/v1/oauth2", an_app(clientSecret=None, certificate=MASK)))) == ["certificate"]


def test_provider_cannot_change(api: Client, app_id: str) -> None:
    """PUT takes the provider that the application has, and no other."""
    assert api.put(f"/v1/oauth2/{app_id}", {"provider": "outlookService"}).status == 200
    assert list(fields(api.put(f"/v1/oauth2/{app_id}", {"provider": "outlook"}))) == ["provider"]


def test_application_with_users_is_registered(api: Client) -> None:
    """An application that users sign in to is listed when it says so; Graph is refused to it, with both ways out."""
    users = {"provider": "outlook", "authority": "common", "redirectUrl": "https://relay.example.com/oauth"}
    app = api.post("/v1/oauth2", an_app(**users, enabled=True, baseScopes="imap")).json()["id"]
    shown = api.get(f"/v1/oauth2/{app}").json()
    assert {**users, "baseScopes": "imap", "enabled": True, "includeInListing": True}.items() <= shown.items()
    told = fields(api.post("/v1/oauth2", an_app(**users, baseScopes="api")))
    assert list(told) == ["baseScopes"]
    assert "outlookService" in told["baseScopes"]
    assert list(fields(api.put(f"/v1/oauth2/{app}", {"baseScopes": "api"}))) == ["baseScopes"]
    verified = api.post(f"/v1/oauth2/{app}/verify", {}).json()
    assert [(step["id"], step["status"]) for step in verified["steps"]][-1] == ("interactive", "skip")


def test_change_reconnects_the_accounts(api: Client, app_id: str, account: str, outside: Outside) -> None:
    """After PUT every account of the application is connected anew."""
    outside.mailboxes.probed.clear()
    api.put(f"/v1/oauth2/{app_id}", {"clientSecret": "new~secret"})
    api.pump()
    assert outside.mailboxes.probed == [f"{account}@contoso.com"]


@pytest.mark.parametrize("app", ["AAAAAAAAAAAAAAAA", "gmail", "a'b", "a/b", "..%2f", "ü", "x" * 1500])
def test_unknown_application_is_not_found(api: Client, app: str) -> None:
    """Whatever id is asked for, one that nobody registered is 404, or deleted already."""
    path = path_to("v1", "oauth2", app)
    for answer in (api.get(path), api.put(path, {"name": "x"}), api.post(f"{path}/verify", {})):
        assert (answer.status, answer.json()) == (404, NOT_FOUND)
    deleted = api.delete(path).json()
    assert (deleted["deleted"], deleted["accounts"]) == (False, 0)


def test_used_application_is_deleted_by_force_only(api: Client, app_id: str, account: str) -> None:
    """DELETE of an application in use is 409 with the number of accounts, and with a clear `force` it goes."""
    refused = api.delete(f"/v1/oauth2/{app_id}")
    assert refused.status == 409
    envelope = refused.json()
    assert envelope.pop("message")
    assert envelope == {"statusCode": 409, "error": "Conflict", "code": "ForceRequired", "accounts": 1}
    assert api.get(f"/v1/oauth2/{app_id}").json()["accounts"] == 1
    for unclear in ("", "maybe"):
        assert list(fields(api.delete(f"/v1/oauth2/{app_id}", force=unclear))) == ["force"]
    assert api.delete(f"/v1/oauth2/{app_id}", force="Yes").json() == {"id": app_id, "deleted": True, "accounts": 1}
    assert api.get(f"/v1/account/{account}").json()["type"] == "oauth2"


def test_unused_application_is_deleted(api: Client, app_id: str) -> None:
    """DELETE of an application that nobody uses answers with the id and a zero, and then it is gone."""
    assert api.delete(f"/v1/oauth2/{app_id}").json() == {"id": app_id, "deleted": True, "accounts": 0}
    assert api.get(f"/v1/oauth2/{app_id}").status == 404


def test_verification_takes_every_step(api: Client, app_id: str, outside: Outside) -> None:
    """POST verify signs in, looks at the permissions, opens the mailbox, calls our own address, and says so."""
    answer = api.post(f"/v1/oauth2/{app_id}/verify", {"account": "support@contoso.com"})
    verified = answer.json()
    steps = verified.pop("steps")
    assert verified == {
        "app": app_id,
        "provider": "outlookService",
        "authMethod": "clientCredentials",
        "account": "support@contoso.com",
        "ok": True,
    }
    assert [(step["id"], step["status"]) for step in steps] == [
        (name, "ok") for name in ("config", "token", "roles", "mailbox", "endpoint")
    ]
    assert {"config": "Configuration", "token": "Client credentials token"}.items() <= {
        step["id"]: step["label"] for step in steps
    }.items()
    assert outside.mailboxes.probed[-1] == "support@contoso.com"
    assert outside.endpoint.reached[-1] == SERVICE_URL


def test_refused_sign_in_says_what_to_do(api: Client, app_id: str, outside: Outside) -> None:
    """After a refused sign-in the answer is still 200, later steps are skipped, and GET shows the error until PUT."""
    refusal = SignInRefused("AADSTS7000215: Invalid client secret.", reason="AADSTS7000215", mend="Make a new one.")
    outside.inspector.troubles.add(refusal)
    answer = api.post(f"/v1/oauth2/{app_id}/verify", {"account": "support@contoso.com"})
    verified = answer.json()
    steps = {step["id"]: step for step in verified["steps"]}
    assert (answer.status, verified["ok"]) == (200, False)
    assert (steps["token"]["status"], steps["token"]["hint"]) == ("fail", "Make a new one.")
    assert (steps["roles"]["status"], steps["mailbox"]["status"]) == ("skip", "skip")
    assert api.get(f"/v1/oauth2/{app_id}").json()["lastError"] == {"response": str(refusal)}
    api.put(f"/v1/oauth2/{app_id}", {"clientSecret": "new~secret"})
    assert api.get(f"/v1/oauth2/{app_id}").json()["lastError"] is None


def test_failed_steps_say_what_to_do(api: Client, app_id: str, outside: Outside) -> None:
    """A mailbox that is refused, an address that does not answer and a missing permission each carry a hint."""
    outside.mailboxes.troubles.add(MailboxRefused("No mailbox.", reason="MailboxNotFound", mend="Check the address."))
    outside.endpoint.troubles.add(TryLater("It does not answer."))
    outside.inspector.roles = ()
    try:
        verified = api.post(f"/v1/oauth2/{app_id}/verify", {"account": "nobody@contoso.com"}).json()
    finally:
        outside.inspector.roles = ("Mail.ReadWrite", "Mail.Send")
    steps = {step["id"]: step for step in verified["steps"]}
    assert not verified["ok"]
    assert {name: steps[name]["status"] for name in ("roles", "mailbox", "endpoint")} == {
        "roles": "skip",
        "mailbox": "fail",
        "endpoint": "fail",
    }
    assert all(steps[name]["hint"] for name in ("roles", "mailbox", "endpoint"))


def test_verification_may_stay_at_home(api: Client, app_id: str, outside: Outside) -> None:
    """With `testConnection: false` only the configuration is looked at, and nobody is asked."""
    probed = len(outside.mailboxes.probed)
    verified = api.post(f"/v1/oauth2/{app_id}/verify", {"testConnection": False}).json()
    assert [step["id"] for step in verified["steps"]] == ["config"]
    assert len(outside.mailboxes.probed) == probed


def test_verification_finds_a_mailbox_by_itself(api: Client, app_id: str, account: str) -> None:
    """Without an account in the body, a mailbox of the application's accounts is opened."""
    assert api.post(f"/v1/oauth2/{app_id}/verify", {}).json()["account"] == f"{account}@contoso.com"


def test_body_must_be_a_json_object(api: Client) -> None:
    """A body that is no JSON, or no object, is 400 with a sentence."""
    for body in (b"{", b"[]", b"\xff", b"[" * 100_000):
        answer = api.post("/v1/oauth2", body)
        assert (answer.status, answer.json()["error"]) == (400, "Bad Request")
        assert "JSON" in answer.json()["message"]


def test_account_of_an_unknown_application_is_refused(api: Client, unique: Callable[[str], str]) -> None:
    """An account can name only an application that is registered."""
    for app in ("AAAAAAAAAAAAAAAA", "a/b?c#d", "ü" * 200):
        answer = api.post("/v1/account", an_account(unique("a"), app))
        assert (answer.status, answer.json()["message"]) == (400, "Invalid or missing OAuth2 provider")
