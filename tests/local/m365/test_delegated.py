"""Tokens on behalf of users, with MSAL itself as the client: codes work once, refresh tokens rotate and are revoked."""

from typing import Any

import jwt
import msal
import pytest
import requests

from local.m365.control import Application, Microsoft365, Tenant, User
from local.m365.person import Person
from local.m365.process import Running

REDIRECT = "https://relay.example.com/oauth"
MAIL = ["https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"]
SECRET = "s3cret+&%"


@pytest.fixture
def tenant(m365: Microsoft365) -> Tenant:
    """Return an organization."""
    return m365.add_tenant(domain="contoso.example")


@pytest.fixture
def application(m365: Microsoft365, tenant: Tenant) -> Application:
    """Return an application that users may sign in to."""
    return m365.add_application(tenant.id, secret=SECRET, redirect_uris=[REDIRECT])


@pytest.fixture
def anna(m365: Microsoft365, tenant: Tenant) -> User:
    """Return a user whose address is not her user name."""
    return m365.add_user(tenant.id, "anna@contoso.example", name="Anna", email="anna.b@contoso.example")


class Client:
    """MSAL, and a plain HTTP client beside it."""

    def __init__(self, server: Running, application: Application, authority: str) -> None:
        self.server = server
        self.application = application
        self.authority = f"{server.url}/{authority}"
        self.person = Person(server.authority)

    def msal(self) -> Any:
        """Return a fresh application: MSAL remembers refusals."""
        return msal.ConfidentialClientApplication(
            self.application.client_id,
            client_credential=SECRET,
            authority=self.authority,
            instance_discovery=False,
            verify=str(self.server.authority),
        )

    def sign_in(self, user: User, scopes: list[str] | None = None) -> dict[str, Any]:
        """Go the whole way."""
        client = self.msal()
        flow = client.initiate_auth_code_flow(scopes or MAIL, redirect_uri=REDIRECT, prompt="select_account")
        answer = self.person.sign_in(flow["auth_uri"], user.upn)
        return dict(client.acquire_token_by_auth_code_flow(flow, answer))

    def refresh(self, token: str, scopes: list[str] | None = None) -> dict[str, Any]:
        """Refresh through MSAL."""
        return dict(self.msal().acquire_token_by_refresh_token(token, scopes or MAIL))

    def post(self, **form: str) -> requests.Response:
        """Ask the token endpoint without MSAL."""
        whole = {"client_id": self.application.client_id, "client_secret": SECRET} | form
        url = f"{self.authority}/oauth2/v2.0/token"
        return requests.post(url, data=whole, verify=str(self.server.authority), timeout=60)

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """Check a token with the published keys and return what it says."""
        url = f"{self.authority}/discovery/v2.0/keys"
        keys = jwt.PyJWKSet.from_dict(requests.get(url, verify=str(self.server.authority), timeout=60).json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return dict(jwt.decode(token, key, ["RS256"], audience=audience))


@pytest.fixture
def client(server: Running, application: Application) -> Client:
    """Return a client of the endpoint for every account."""
    return Client(server, application, "common")


def test_msal_signs_a_user_in(client: Client, anna: User, server: Running, m365: Microsoft365) -> None:
    """MSAL's own flow brings tokens for mail, an id token of the user's tenant, and who signed in."""
    found = client.sign_in(anna)
    access = client.claims(found["access_token"], "https://outlook.office.com")
    assert (access["upn"], access["oid"], access["tid"]) == (anna.upn, anna.id, anna.tenant)
    assert sorted(access["scp"].split()) == ["IMAP.AccessAsUser.All", "SMTP.Send"]
    assert {"sub", "exp", "appid", "preferred_username"} <= access.keys()
    assert access["iss"] == f"https://sts.windows.net/{anna.tenant}/"
    identity = client.claims(found["id_token"], client.application.client_id)
    assert identity["iss"] == f"{server.url}/{anna.tenant}/v2.0"
    assert (identity["preferred_username"], identity["name"]) == (anna.upn, "Anna")
    assert "email" not in identity
    assert sorted(found["scope"].split()) == MAIL
    assert found["refresh_token"]
    assert {"authorizations": 1, "codes": 1, "code_exchanges": 1}.items() <= m365.stats()["calls"].items()


def test_an_address_is_told_on_request(client: Client, anna: User, m365: Microsoft365) -> None:
    """The id token holds the address where the scope `email` or the application's optional claim asks for it."""
    assert client.sign_in(anna, [*MAIL, "email"])["id_token_claims"]["email"] == anna.email
    m365.add_application(anna.tenant, client_id=client.application.client_id, optional_claims=["email"])
    assert client.sign_in(anna)["id_token_claims"]["email"] == anna.email


def test_a_refresh_token_rotates_and_stays_good(client: Client, anna: User) -> None:
    """Each refresh brings another refresh token, and the former ones go on working."""
    first = client.sign_in(anna)["refresh_token"]
    second = client.refresh(first)
    third = client.refresh(first)
    assert len({first, second["refresh_token"], third["refresh_token"]}) == 3
    assert client.refresh(second["refresh_token"])["access_token"]


@pytest.mark.parametrize(("code", "suberror"), [(50173, "bad_token"), (700082, None), (65001, "consent_required")])
def test_a_grant_is_taken_back(client: Client, anna: User, m365: Microsoft365, code: int, suberror: str | None) -> None:
    """A user's grants end all at once, each refusal says why, and signing in again makes a new one."""
    token = client.sign_in(anna)["refresh_token"]
    other = client.refresh(token)["refresh_token"]
    assert m365.revoke(anna.upn, client_id=client.application.client_id, code=code) == 2
    for each in (token, other):
        refused = client.refresh(each)
        assert (refused["error"], refused["error_codes"], refused.get("suberror")) == (
            "invalid_grant",
            [code],
            suberror,
        )
    assert client.refresh(client.sign_in(anna)["refresh_token"])["access_token"]


def test_a_code_works_once(client: Client, anna: User, m365: Microsoft365) -> None:
    """A code is bound to its PKCE verifier, its redirect URI and its ten minutes, and is gone once it was tried."""

    def redeem(**changes: Any) -> list[int]:
        flow = client.msal().initiate_auth_code_flow(MAIL, redirect_uri=REDIRECT)
        answer = client.person.sign_in(flow["auth_uri"], anna.upn)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": flow["code_verifier"],
            "scope": " ".join(flow["scope"]),
        } | changes
        form = {name: value for name, value in form.items() if value is not None}
        first = list(client.post(**form).json().get("error_codes", []))
        return first or list(client.post(**form).json()["error_codes"])

    assert redeem() == [54005]
    assert redeem(code_verifier="another" * 8) == [501481]
    assert redeem(code_verifier=None) == [50148]
    assert redeem(redirect_uri="https://evil.example") == [500112]
    assert redeem(code="made-up") == [9002313]
    assert redeem(client_secret="wrong") == [7000215]
    assert redeem(scope="https://outlook.office.com/SMTP.Send User.Read") == [28000]
    m365.behaviour(code_lifetime=-1)
    assert redeem() == [70008]


def test_refresh_tokens_are_bound_and_end(
    client: Client, anna: User, server: Running, m365: Microsoft365, tenant: Tenant
) -> None:
    """A refresh token is no good for another application or tenant, and ends after 90 days without use."""
    token = client.sign_in(anna)["refresh_token"]
    stranger = m365.add_application(tenant.id, secret=SECRET)
    assert Client(server, stranger, "common").refresh(token)["error_codes"] == [70000]
    assert Client(server, client.application, m365.add_tenant().id).refresh(token)["error_codes"] == [70000]
    assert Client(server, client.application, tenant.domain).refresh(token)["access_token"]
    assert client.refresh("made-up")["error_codes"] == [9002313]
    m365.behaviour(refresh_token_lifetime=-1)
    assert client.refresh(client.refresh(token)["refresh_token"])["error_codes"] == [700082]


def test_a_scope_can_be_withheld(client: Client, anna: User, m365: Microsoft365) -> None:
    """What is not granted is missing in the answer and in the token; without `offline_access` nothing refreshes."""
    m365.behaviour(withheld_scopes=["SMTP.Send", "offline_access"])
    found = client.sign_in(anna)
    assert found["scope"] == MAIL[0]
    assert client.claims(found["access_token"], "https://outlook.office.com")["scp"] == "IMAP.AccessAsUser.All"
    assert "refresh_token" not in found


def test_more_than_what_was_consented(client: Client, anna: User) -> None:
    """A refresh that asks for a scope nobody consented to is refused."""
    token = client.sign_in(anna)["refresh_token"]
    refused = client.refresh(token, [*MAIL, "https://outlook.office.com/POP.AccessAsUser.All"])
    assert refused["error_codes"] == [65001]


@pytest.mark.parametrize(
    ("code", "status", "error"), [(50076, 400, "interaction_required"), (503, 503, None), (429, 429, None)]
)
def test_the_next_refresh_fails(  # noqa: PLR0917  pytest passes them by name
    client: Client, anna: User, m365: Microsoft365, code: int, status: int, error: Any
) -> None:
    """The token endpoint can ask for more proof, be busy or be down; the grant outlives that."""
    token = client.sign_in(anna)["refresh_token"]
    m365.faults(token_error={"count": 1, "code": code})
    answer = client.post(grant_type="refresh_token", refresh_token=token)
    assert answer.status_code == status
    assert answer.json()["error"] == (error or "temporarily_unavailable")
    assert client.post(grant_type="refresh_token", refresh_token=token).status_code == 200


def test_the_key_for_mail_servers(client: Client, anna: User, m365: Microsoft365) -> None:
    """A mail server that is given the signing key can check a user's token by itself."""
    kid, pem = m365.signing_key()
    token = client.sign_in(anna)["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == kid
    assert jwt.decode(token, pem, ["RS256"], audience="https://outlook.office.com")["sub"]


def test_everything_of_one_resource(client: Client, anna: User) -> None:
    """`.default` takes what was granted of its resource; without a scope a refresh is for the first resource."""
    scopes = "User.Read https://outlook.office.com/SMTP.Send offline_access"
    link = client.msal().initiate_auth_code_flow([*MAIL, "User.Read"], redirect_uri=REDIRECT)
    code = client.person.sign_in(link["auth_uri"], anna.upn)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    form |= {"code_verifier": link["code_verifier"], "scope": " ".join([*MAIL, "offline_access"])}
    token = client.post(**form).json()["refresh_token"]
    refresh = {"grant_type": "refresh_token", "refresh_token": token}
    every = client.post(**refresh, scope="https://outlook.office.com/.default").json()
    assert sorted(every["scope"].split()) == MAIL
    assert client.post(**refresh, scope=scopes).json()["scope"] == "User.Read"
