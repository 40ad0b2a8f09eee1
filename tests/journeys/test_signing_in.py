"""Users sign in, in a real browser: a link, Microsoft's pages, and back to the application that sent them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from shared.domain.sign_in_links import NewSignInForm, new_link, signed
from tests.journeys.chromium import Visitor
from tests.journeys.conftest import Arrive
from tests.journeys.sign_in_ground import DOMAIN, Ground, accept, again, cancel, pick, register


def shows(visitor: Visitor, title: str) -> None:
    """Expect a page of ours with this title."""
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(title)


@pytest.fixture
def behaviour(town: Ground) -> Iterator[Any]:
    """Return how to make Microsoft behave in this test only."""
    yield town.m365.behaviour
    town.m365.behaviour(withheld_scopes=[], user_consent=True)


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_a_new_account(town: Ground, arrive: Arrive, *, script: bool) -> None:
    """A link leads to Microsoft, over consent, and back with the account and that it is new."""
    anna, visitor = town.person("anna"), arrive(java_script_enabled=script)
    visitor.page.goto(town.link(account=anna, name="Anna K.", expectedEmail=anna))
    pick(visitor.page, anna)
    expect(visitor.page.locator("li[data-scope]").first).to_be_visible()
    accept(visitor.page)
    assert town.returned(visitor.page) == {"account": anna, "state": "new"}
    shown = town.api.get(f"/v1/account/{anna}")
    assert (shown["name"], shown["email"], shown["app"]) == ("Anna K.", anna, town.app)


def test_an_existing_account(town: Ground, visitor: Visitor) -> None:
    """Who signs in again for the same account needs no consent, and is told as existing."""
    anna = town.person("anna")
    for state in ("new", "existing"):
        visitor.page.goto(town.link(account=anna))
        pick(visitor.page, anna)
        if state == "new":
            accept(visitor.page)
        assert town.returned(visitor.page) == {"account": anna, "state": state}


def test_shared_mailboxes_hang_on_one_grant(town: Ground, visitor: Visitor) -> None:
    """The same user connects two shared mailboxes, and all three accounts are of that user."""
    anna, names = town.person("anna"), ["help", "sales"]
    wishes = [{"account": anna}, *({"account": n, "email": f"{n}@{DOMAIN}", "delegated": True} for n in names)]
    for wish in wishes:
        visitor.page.goto(town.link(**wish))
        pick(visitor.page, anna)
        if wish["account"] == anna:
            accept(visitor.page)
        assert town.returned(visitor.page)["state"] == "new"
    for name in names:
        auth = town.api.get(f"/v1/account/{name}")["oauth2"]["auth"]
        assert auth == {"user": anna, "delegatedUser": f"{name}@{DOMAIN}"}


def test_the_choice_of_an_application(town: Ground, visitor: Visitor) -> None:
    """Of two applications the user chooses one, by its title."""
    anna = town.person("anna")
    callback = f"{town.api.url}/oauth"
    partner = town.m365.add_application(
        town.tenant.id, secret=town.stack.keys.client_secret, redirect_uris=[callback]
    ).client_id
    second = register(town.stack, partner, title="Partners of Contoso", authority=town.tenant.id)
    try:
        visitor.page.goto(town.link(account=anna))
        shows(visitor, "Connect your mailbox")
        visitor.picture("choice")
        visitor.page.get_by_role("link", name="Partners of Contoso").click()
        pick(visitor.page, anna)
        accept(visitor.page)
        assert town.returned(visitor.page)["state"] == "new"
        assert town.api.get(f"/v1/account/{anna}")["app"] == second
    finally:
        town.api.put(f"/v1/oauth2/{second}", {"enabled": False})


def test_cancelling_is_a_page(town: Ground, visitor: Visitor) -> None:
    """Who cancels sees that nothing was connected, and may try again at once."""
    anna = town.person("anna")
    visitor.page.goto(town.link(account=anna))
    cancel(visitor.page)
    shows(visitor, "You did not sign in")
    visitor.picture("cancelled")
    again(visitor.page)
    pick(visitor.page, anna)
    accept(visitor.page)
    assert town.returned(visitor.page)["state"] == "new"


def test_cancelling_returns_to_the_application(town: Ground, visitor: Visitor) -> None:
    """Where the link asked for it, the application hears that the user cancelled or declined to consent."""
    anna = town.person("anna")
    for declines in (False, True):
        visitor.page.goto(town.link(account=anna, errorRedirect=True))
        if declines:
            pick(visitor.page, anna)
        cancel(visitor.page)
        told = town.returned(visitor.page)
        assert (told["account"], told["error"]) == (anna, "access_denied")
        assert told["error_description"].startswith("cancelled")


def test_declining_consent(town: Ground, visitor: Visitor) -> None:
    """Who declines what the application asks for has not signed in."""
    anna = town.person("anna")
    visitor.page.goto(town.link())
    pick(visitor.page, anna)
    cancel(visitor.page)
    shows(visitor, "You did not sign in")


def test_the_wrong_account(town: Ground, visitor: Visitor) -> None:
    """Who signs in as somebody else sees both names, and the right one on the second try is connected."""
    anna, berta = town.person("anna"), town.person("berta")
    visitor.page.goto(town.link(account=anna, expectedEmail=anna.upper()))
    pick(visitor.page, berta)
    accept(visitor.page)
    shows(visitor, "You signed in with another account")
    visitor.picture("wrong-account")
    for name in (anna.upper(), berta):
        expect(visitor.page.get_by_role("main")).to_contain_text(name)
    again(visitor.page)
    pick(visitor.page, anna)
    accept(visitor.page)
    assert town.returned(visitor.page) == {"account": anna, "state": "new"}


def test_a_link_that_is_no_good(town: Ground, visitor: Visitor) -> None:
    """A link that has expired or was changed leads nowhere."""
    form = NewSignInForm.model_validate({"redirectUrl": town.back, "account": "late"})
    link = new_link(form, nonce="n" * 22, now=datetime.now(UTC) - timedelta(days=1))
    expired = urlencode(signed(link, town.stack.keys.service_secret))
    tampered = re.sub("data=..", "data=AA", town.link(account="tampered"))
    for bad in (f"{town.api.url}/accounts/new?{expired}", tampered, f"{town.api.url}/accounts/new"):
        answer = visitor.page.goto(bad)
        assert answer is not None
        assert answer.status == 403
        shows(visitor, "This link does not work")
    visitor.picture("link")


def test_a_used_link(town: Ground, visitor: Visitor) -> None:
    """With a link by which somebody signed in, nobody signs in again."""
    anna, link = town.person("anna"), town.link()
    visitor.page.goto(link)
    pick(visitor.page, anna)
    accept(visitor.page)
    assert town.returned(visitor.page)["state"] == "new"
    visitor.page.goto(link)
    pick(visitor.page, anna)
    shows(visitor, "This link has been used")


def test_a_callback_that_is_loaded_again(town: Ground, visitor: Visitor) -> None:
    """The address that a user came back by works once."""
    anna, seen = town.person("anna"), []
    visitor.page.on("request", lambda request: seen.append(request.url) if "/oauth?" in request.url else None)
    visitor.page.goto(town.link(account=anna))
    pick(visitor.page, anna)
    accept(visitor.page)
    assert town.returned(visitor.page)["state"] == "new"
    visitor.page.goto(seen[0])
    shows(visitor, "This sign-in has ended")


def test_a_sign_in_ends_where_it_began(town: Ground, arrive: Arrive) -> None:
    """Who sends another person Microsoft's page of their own sign-in does not get that person's mailbox."""
    mallory, victim, anna = arrive(), arrive(), town.person("anna")
    mallory.page.goto(town.link(account=anna))
    victim.page.goto(mallory.page.url)
    pick(victim.page, anna)
    accept(victim.page)
    shows(victim, "This sign-in was begun elsewhere")
    victim.picture("elsewhere")
    assert anna not in str(town.api.get("/v1/accounts", pageSize=1000))


def test_a_missing_permission(town: Ground, visitor: Visitor, behaviour: Any) -> None:
    """Where Microsoft grants less than was asked for, the page names what is missing."""
    anna = town.person("anna")
    behaviour(withheld_scopes=["IMAP.AccessAsUser.All"])
    visitor.page.goto(town.link(account=anna))
    pick(visitor.page, anna)
    accept(visitor.page)
    shows(visitor, "A permission is missing")
    expect(visitor.page.get_by_role("main")).to_contain_text("IMAP.AccessAsUser.All")
    visitor.picture("missing-permission")


def test_an_administrator_must_consent(town: Ground, visitor: Visitor, behaviour: Any) -> None:
    """Where users may not consent, the page says what an administrator does."""
    anna = town.person("anna")
    behaviour(user_consent=False)
    visitor.page.goto(town.link(account=anna))
    pick(visitor.page, anna)
    cancel(visitor.page)
    shows(visitor, "Microsoft refused the sign-in")
    main = visitor.page.get_by_role("main")
    expect(main).to_contain_text("AADSTS90094")
    expect(main).to_contain_text("grant admin consent")
    visitor.picture("refused")
