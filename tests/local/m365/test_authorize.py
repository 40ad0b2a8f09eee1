"""The authorize endpoint: who may sign in where, what is asked of them, and what the application is told."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from local.m365.control import Application, Microsoft365, Tenant, User
from local.m365.person import Page, Person
from local.m365.process import Running

REDIRECT = "https://relay.example.com/oauth?keep=1"
IMAP = "https://outlook.office.com/IMAP.AccessAsUser.All"
SCOPE = f"{IMAP} https://outlook.office.com/SMTP.Send offline_access openid profile"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"


@pytest.fixture
def tenant(m365: Microsoft365) -> Tenant:
    """Return an organization."""
    return m365.add_tenant(domain="contoso.example")


@pytest.fixture
def application(m365: Microsoft365, tenant: Tenant) -> Application:
    """Return an application that users may sign in to."""
    return m365.add_application(tenant.id, secret="s", redirect_uris=[REDIRECT, "http://localhost/oauth"])


@pytest.fixture
def anna(m365: Microsoft365, tenant: Tenant) -> User:
    """Return a user."""
    return m365.add_user(tenant.id, "anna@contoso.example", name="Anna <Admin>")


@pytest.fixture
def person(server: Running) -> Person:
    """Return somebody at a browser."""
    return Person(server.authority)


@pytest.fixture
def link(server: Running, application: Application) -> Any:
    """Return a maker of links; None leaves a parameter out."""

    def make(authority: str = "common", **changes: str | None) -> str:
        query = {
            "client_id": application.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "our state",
        } | changes
        given = {name: value for name, value in query.items() if value is not None}
        return f"{server.url}/{authority}/oauth2/v2.0/authorize?{urlencode(given)}"

    return make


def told(page: Page) -> int:
    """Return the AADSTS code that a page shows."""
    assert page.location is None
    found = re.search(r"AADSTS(\d+)", page.text)
    assert found, page.text
    return int(found[1])


def test_a_user_signs_in_and_consents_once(link: Any, person: Person, anna: User) -> None:
    """The first sign-in lists what is asked for and brings a code; the second asks only who it is."""
    consent = person.send(person.open(link(client_info="1")), user=anna.id)
    for scope in SCOPE.split():
        assert f'data-scope="{scope}"' in consent.text
    back = person.send(consent, action="accept")
    assert back.status == 302
    assert (back.location or "").startswith(REDIRECT + "&")
    assert back.answer["state"] == "our state"
    assert {"code", "client_info", "session_state"} <= back.answer.keys()
    again = person.send(person.open(link()), login="ANNA@contoso.example", action="next")
    assert "code" in again.answer
    assert "client_info" not in again.answer
    assert "Permissions requested" in person.send(person.open(link(prompt="consent")), user=anna.id).text


@pytest.mark.parametrize(
    ("authority", "changes", "code"),
    [
        ("common", {"client_id": "00000000-0000-0000-0000-000000000000"}, 700016),
        ("common", {"redirect_uri": "https://evil.example/oauth"}, 50011),
        ("common", {"redirect_uri": REDIRECT + "x"}, 50011),
        ("common", {"redirect_uri": None}, 900144),
        ("common", {"scope": None}, 900144),
        ("common", {"response_type": None}, 900144),
        ("common", {"response_mode": "smoke"}, 90023),
        ("nowhere.example", {}, 90002),
    ],
)
def test_what_only_the_person_is_told(
    link: Any, person: Person, authority: str, changes: dict[str, str | None], code: int
) -> None:
    """A request that cannot be trusted ends on a page with its code, and redirects nowhere."""
    page = person.open(link(authority, **changes))
    assert (page.status, told(page)) == (400, code)


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"response_type": "id_token"}, "unsupported_response_type", 700054),
        ({"prompt": "none"}, "login_required", 50058),
        ({"prompt": "maybe"}, "invalid_request", 90023),
        ({"code_challenge": "x", "code_challenge_method": "MD5"}, "invalid_request", 90023),
        ({"scope": "https://outlook.office.com/Mail.Fly"}, "invalid_client", 650053),
        ({"scope": "https://contoso.example/Read"}, "invalid_resource", 500011),
    ],
)
def test_what_the_application_is_told(
    link: Any, person: Person, changes: dict[str, str], error: str, code: int
) -> None:
    """A mistake in a request of a known application goes back to it, with the state."""
    answer = person.open(link(**changes)).answer
    assert (answer["error"], answer["state"]) == (error, "our state")
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


def test_a_redirect_to_localhost_may_use_any_port(link: Any, person: Person, anna: User) -> None:
    """For localhost the port of a redirect URI does not count, the path does."""
    answer = person.sign_in(link(redirect_uri="http://localhost:7071/oauth"), anna.upn)
    assert "code" in answer
    assert told(person.open(link(redirect_uri="http://localhost:7071/other"))) == 50011


def test_leaving_tells_the_application(link: Any, person: Person, anna: User) -> None:
    """Who cancels is not signed in: the application hears `access_denied`, and how it came about."""
    left = person.send(person.open(link()), action="cancel").answer
    assert (left["error"], left["error_subcode"], left["state"]) == ("access_denied", "cancel", "our state")
    declined = person.sign_in(link(), anna.upn, consents=False)
    assert declined["error"] == "access_denied"
    assert declined["error_description"].startswith("AADSTS65004: ")


def test_who_may_sign_in_where(link: Any, person: Person, m365: Microsoft365, tenant: Tenant, anna: User) -> None:
    """A tenant admits its own users, organizations everybody at work, consumers everybody at home, common all."""
    m365.add_tenant(PERSONAL)
    home = m365.add_user(PERSONAL, "anna@outlook.example")
    abroad = m365.add_user(m365.add_tenant().id, "bert@fabrikam.example")

    def outcome(authority: str, user: User) -> int:
        page = person.send(person.open(link(authority)), login=user.upn, action="next")
        return 0 if "Permissions requested" in page.text else told(page)

    assert [outcome(tenant.domain, user) for user in (anna, home, abroad)] == [0, 50020, 50020]
    assert [outcome("organizations", user) for user in (anna, home, abroad)] == [0, 50020, 0]
    assert [outcome("consumers", user) for user in (anna, home, abroad)] == [50020, 0, 50020]
    assert [outcome("common", user) for user in (anna, home, abroad)] == [0, 0, 0]


def test_the_wrong_user_can_try_again(
    link: Any, person: Person, m365: Microsoft365, tenant: Tenant, anna: User
) -> None:
    """The page that refuses a user leads back to the choice; an unknown name is asked for again."""
    abroad = m365.add_user(m365.add_tenant().id, "bert@fabrikam.example")
    refused = person.send(person.open(link(tenant.id)), login=abroad.upn, action="next")
    again = person.send(refused, action="again")
    unknown = person.send(again, login="nobody@contoso.example", action="next")
    assert "may be incorrect" in unknown.text
    assert "Permissions requested" in person.send(unknown, login=anna.upn, action="next").text


def test_an_application_of_one_tenant(
    link: Any, person: Person, m365: Microsoft365, tenant: Tenant, application: Application
) -> None:
    """An application that is not multitenant is found only at its own tenant."""
    m365.change_application(application.client_id, multitenant=False)
    assert told(person.open(link("common"))) == 50194
    assert told(person.open(link(m365.add_tenant().id))) == 700016
    assert "Pick an account" in person.open(link(tenant.id)).text


def test_where_only_an_administrator_may_consent(  # noqa: PLR0917  pytest passes them by name
    link: Any, person: Person, m365: Microsoft365, tenant: Tenant, application: Application, anna: User
) -> None:
    """Users of such a tenant go back with AADSTS90094, until the administrator has consented for all."""
    m365.behaviour(user_consent=False)
    wall = person.send(person.open(link()), user=anna.id)
    assert "Need admin approval" in wall.text
    back = person.send(wall, action="cancel").answer
    assert (back["error"], back["error_description"][:12]) == ("access_denied", "AADSTS90094:")
    m365.consent(application.client_id, tenant.id, SCOPE.split())
    assert "code" in person.sign_in(link(), anna.upn)


def test_a_hint_comes_first(link: Any, person: Person, m365: Microsoft365, tenant: Tenant, anna: User) -> None:
    """`login_hint` fills the field in and puts its user first; `prompt=login` lists nobody; names are escaped."""
    bert = m365.add_user(tenant.id, "bert@contoso.example")
    page = person.open(link(login_hint=bert.upn, prompt="select_account"))
    assert page.text.index(bert.id) < page.text.index(anna.id)
    assert f'value="{bert.upn}"' in page.text
    assert "Anna &lt;Admin&gt;" in page.text
    assert anna.id not in person.open(link(prompt="login")).text


def test_ways_back(link: Any, person: Person, anna: User) -> None:
    """The answer comes in the query, in the fragment, or in a form that the browser posts."""
    person.sign_in(link(), anna.upn)
    fragment = person.send(person.open(link(response_mode="fragment")), user=anna.id)
    assert (fragment.location or "").startswith(REDIRECT + "#code=")
    posted = person.send(person.open(link(response_mode="form_post")), user=anna.id)
    assert 'name="code"' in posted.text
    assert posted.location is None


def test_a_form_of_nobodys(server: Running, person: Person, link: Any, anna: User) -> None:
    """A page that was not opened here, or a consent before anybody said who they are, is refused."""
    page = person.open(link())
    stolen = Page(page.url, 200, page.text.replace("/common/login", "/common/Consent/Set"), None)
    assert told(person.send(stolen, action="accept")) == 9002313
    assert told(person.send(page, ctx="unknown", user=anna.id)) == 9002313
