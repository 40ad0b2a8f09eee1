"""Users sign in at the simulated Entra ID, and what they granted is refreshed there."""

from collections.abc import Callable
from typing import Any

import pytest

from local.m365.person import Person
from local.m365.process import Running
from shared.adapters.entra.users import EntraUsers
from shared.adapters.system import SystemClock
from shared.domain.errors import GrantRefused, SignInRefused, TryLater
from shared.domain.oauth2 import CredentialKind
from shared.domain.scopes import missing, scopes_of
from shared.ports.sign_ins import Begun, SignedIn
from tests.contracts.sign_ins import ANNA, REDIRECT, GrantTokensContract, SignInsContract
from tests.factories import an_outlook_app

SECRET = "s3cret+&%"
ADDRESS = "anna.b@contoso.example"


class Vault:
    """Holds the application's secret."""

    def __init__(self) -> None:
        self.secret = SECRET

    def put(self, name: str, secret: str) -> str:
        """Keep nothing."""
        return name

    def get(self, reference: str) -> str:
        """Return the secret."""
        return self.secret

    def delete(self, reference: str) -> None:
        """Keep it."""


class RealOffice:
    """The simulated Entra ID with one application and one user."""

    def __init__(self, running: Running, **app: Any) -> None:
        self.running = running
        self.m365 = running.m365
        self.vault = Vault()
        tenant = self.m365.add_tenant(domain="contoso.example")
        self.user = self.m365.add_user(tenant.id, ANNA, name="Anna", email=ADDRESS)
        self.known = self.m365.add_application(tenant.id, secret=SECRET, redirect_uris=[REDIRECT])
        self.app = an_outlook_app(client_id=self.known.client_id, **app)
        self.sign_ins = self.tokens = EntraUsers(self.vault, SystemClock(), login_url=running.url)
        self.person = Person(running.authority)

    def answer(self, begun: Begun, *, accepts: bool = True) -> dict[str, str]:
        """Go through the pages as Anna."""
        return self.person.sign_in(begun.url, ANNA, consents=accepts)

    def revoke(self, refresh_token: str) -> None:
        """Revoke Anna's sessions."""
        self.m365.revoke(ANNA)

    def busy(self, *, busy: bool) -> None:
        """Throttle the token endpoint."""
        self.m365.faults(token_error={"share": 1 if busy else 0, "code": 429})

    def wrong_secret(self) -> None:
        """Have the vault hold another secret."""
        self.vault.secret = "wrong"

    def begin(self) -> Begun:
        """Begin a sign-in."""
        return self.sign_ins.begin(self.app, REDIRECT, state="s", login_hint=None)

    def sign_in(self) -> SignedIn:
        """Go the whole way."""
        begun = self.begin()
        return self.sign_ins.finish(self.app, begun.flow, self.answer(begun))


@pytest.fixture
def open_office(trusted: Running) -> Callable[..., RealOffice]:
    """Return a maker of offices whose application has these values."""
    return lambda **app: RealOffice(trusted, **app)


@pytest.fixture
def office(open_office: Callable[..., RealOffice]) -> RealOffice:
    """Return the simulated Entra ID."""
    return open_office()


class TestSignIns(SignInsContract):
    """Sign-ins at Entra ID."""


class TestGrantTokens(GrantTokensContract):
    """Refreshes at Entra ID."""


def test_the_link_asks_for_what_is_needed(office: RealOffice) -> None:
    """The link names the application's scopes, lets the user choose an account, and carries PKCE and a nonce."""
    begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=ANNA)
    for part in (
        "prompt=select_account",
        "response_mode=query",
        "code_challenge_method=S256",
        "nonce=",
        "login_hint=anna",
    ):
        assert part in begun.url
    assert sorted(begun.flow["scope"]) == sorted(scopes_of(office.app))


def test_who_signed_in(open_office: Callable[..., RealOffice]) -> None:
    """The identity is the user's in the user's tenant; the address is there where it was asked for and is proved."""
    office = open_office(extra_scopes=("email", "User.Read"))
    assert office.sign_in().email is None
    office.app = office.app.model_copy(update={"tenant": office.user.tenant})
    signed_in = office.sign_in()
    assert (signed_in.tenant, signed_in.user) == (office.user.tenant, office.user.id)
    assert (signed_in.username, signed_in.email) == (ANNA, ADDRESS)
    assert missing(signed_in.scopes, scopes_of(office.app)) == ()
    assert office.tokens.refresh(office.app, signed_in.refresh_token).scopes == signed_in.scopes


def test_a_missing_scope_is_seen(office: RealOffice) -> None:
    """What was not granted is missing in the scopes; without a refresh token there is no sign-in."""
    office.m365.behaviour(withheld_scopes=["SMTP.Send"])
    assert missing(office.sign_in().scopes, scopes_of(office.app)) == ("SMTP.Send",)
    office.m365.behaviour(withheld_scopes=["offline_access"])
    with pytest.raises(SignInRefused) as refused:
        office.sign_in()
    assert refused.value.reason == "NoRefreshToken"


def test_a_grant_outlives_new_scopes(office: RealOffice) -> None:
    """An extra scope that the application asks for today does not end the grants of yesterday."""
    signed_in = office.sign_in()
    more = office.app.model_copy(update={"extra_scopes": ("https://outlook.office.com/POP.AccessAsUser.All",)})
    assert office.tokens.refresh(more, signed_in.refresh_token).scopes == signed_in.scopes
    begun = office.begin()
    assert office.sign_ins.finish(more, begun.flow, office.answer(begun)).scopes == signed_in.scopes


def test_only_an_administrator_may_consent(office: RealOffice) -> None:
    """Where users may not consent, the refusal says who can mend it."""
    office.m365.behaviour(user_consent=False)
    begun = office.begin()
    with pytest.raises(SignInRefused) as refused:
        office.sign_ins.finish(office.app, begun.flow, office.answer(begun))
    assert refused.value.reason == "AADSTS90094"
    assert "admin" in refused.value.mend


@pytest.mark.parametrize("code", [50173, 700082, 65001, 50076])
def test_why_a_grant_is_refused(office: RealOffice, code: int) -> None:
    """Password changes, idleness, withdrawn consent and new proofs each have their own sentence."""
    signed_in = office.sign_in()
    office.m365.revoke(ANNA, code=code)
    with pytest.raises(GrantRefused) as refused:
        office.tokens.refresh(office.app, signed_in.refresh_token)
    assert refused.value.reason == f"AADSTS{code}"
    assert refused.value.token_request["grant"] == "refresh_token"
    assert signed_in.refresh_token not in f"{refused.value.token_request}"


def test_how_long_to_wait(office: RealOffice) -> None:
    """A throttled refresh tells how long to wait; without any answer the refresh may be repeated too."""
    signed_in = office.sign_in()
    office.busy(busy=True)
    with pytest.raises(TryLater) as busy:
        office.tokens.refresh(office.app, signed_in.refresh_token)
    assert busy.value.retry_after is not None
    nowhere = EntraUsers(office.vault, SystemClock(), login_url="https://localhost:1")
    with pytest.raises(TryLater):
        nowhere.refresh(office.app, signed_in.refresh_token)
    with pytest.raises(TryLater):
        nowhere.begin(office.app, REDIRECT, state="s", login_hint=None)


def test_an_unknown_tenant_is_refused(open_office: Callable[..., RealOffice]) -> None:
    """A sign-in at a tenant that does not exist does not begin."""
    with pytest.raises(SignInRefused) as refused:
        open_office(tenant="1f6a0000-0000-4000-8000-0000000000ff").begin()
    assert refused.value.reason == "AADSTS90002"


def test_what_a_browser_adds_is_not_believed(office: RealOffice) -> None:
    """Fields beside the code, which anybody at the browser can write, change nothing."""
    begun = office.begin()
    answer = office.answer(begun) | {"client_info": "bm9uc2Vuc2U", "access_token": "forged", "id_token": "forged"}
    assert office.sign_ins.finish(office.app, begun.flow, answer).user == office.user.id


def test_a_managed_identity_signs_users_in(office: RealOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application without a secret redeems codes and refreshes with the platform's identity."""
    identity = office.m365.add_managed_identity(office.user.tenant)
    monkeypatch.setenv("IDENTITY_ENDPOINT", office.running.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", identity.identity_header)
    office.m365.add_application(
        office.user.tenant, client_id=office.known.client_id, federated={"subject": identity.principal_id}
    )
    office.app = office.app.model_copy(
        update={"credential": CredentialKind.MANAGED_IDENTITY, "secret": None, "managed_identity": identity.client_id}
    )
    assert office.tokens.refresh(office.app, office.sign_in().refresh_token).access_token


def test_signing_in_needs_no_tenants_consent_call(office: RealOffice) -> None:
    """A sign-in costs one code exchange, and a refresh one request for tokens."""
    office.m365.reset_stats()
    office.tokens.refresh(office.app, office.sign_in().refresh_token)
    calls = office.m365.stats()["calls"]
    assert (calls["code_exchanges"], calls["refreshes"], calls["token"]) == (1, 1, 2)
