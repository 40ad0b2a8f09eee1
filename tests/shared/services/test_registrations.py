"""An account gets into its mailbox through its application, a sign-in that is brought along, or another account's."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import GrantRefused, InvalidRequest
from shared.domain.grants import grant_id
from shared.domain.registrations import AccountChange, NewAccount
from tests.factories import APP, an_outlook_app
from tests.fakes.sign_ins import SIGNED_IN
from tests.shared.services.world import World

DELEGATED = "delegated"
ANNA = grant_id(DELEGATED, SIGNED_IN.tenant, SIGNED_IN.user)


@pytest.fixture
def world() -> World:
    """Return a world with an application of each kind."""
    world = World()
    world.furnish()
    world.apps.insert(an_outlook_app(id=DELEGATED))
    return world


def request(account: str = "anna", *, provider: str = DELEGATED, oauth2: dict[str, Any], **fields: Any) -> NewAccount:
    """Return a registration."""
    return NewAccount.model_validate({"account": account, "oauth2": {"provider": provider, **oauth2}, **fields})


def refused(world: World, wanted: NewAccount) -> list[tuple[str, str]]:
    """Return the fields that a registration is refused for."""
    with pytest.raises(InvalidRequest) as raised:
        world.process().register(wanted)
    assert world.accounts.get("anna") is None
    return [(problem.key, problem.message) for problem in raised.value.problems]


def test_a_sign_in_is_brought_along(world: World) -> None:
    """A refresh token from elsewhere becomes a grant, and the account opens its user's mailbox."""
    world.process().register(request(oauth2={"refreshToken": "brought", "auth": {"user": "anna@contoso.com"}}))
    account = world.account("anna")
    assert (account.grant, account.user, account.principal) == (ANNA, "anna@contoso.com", "anna@contoso.com")
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert world.vault.get(grant.value.secret) == "brought"
    world.process().register(request("help", oauth2={"refreshToken": "b", "auth": {"delegatedUser": "h@contoso.com"}}))
    assert world.account("help").user == "h@contoso.com"


def test_another_user_s_sign_in_is_refused(world: World) -> None:
    """A refresh token that is not of the user who is named, or expected, changes nothing."""
    brought = {"refreshToken": "brought", "auth": {"user": "berta@contoso.com"}}
    assert refused(world, request(oauth2=brought)) == [
        ("oauth2.auth.user", "must be who signed in, which is anna@contoso.com")
    ]
    expecting = request(oauth2={"refreshToken": "brought"}, expectedEmail="berta@contoso.com")
    assert [key for key, _ in refused(world, expecting)] == ["oauth2.refreshToken"]
    assert world.grants.get(ANNA) is None


def test_a_lapsed_sign_in_says_so(world: World) -> None:
    """A refresh token that Microsoft refuses is told as that."""
    world.code_flow.fails = GrantRefused("The grant has expired.", reason="AADSTS700082", mend="Sign in again.")
    with pytest.raises(GrantRefused):
        world.process().register(request(oauth2={"refreshToken": "brought"}))


def test_an_account_lends_its_user(world: World) -> None:
    """A child opens a shared mailbox with the grant of the account that it names, and shows whose that is."""
    process = world.process()
    process.register(request(oauth2={"refreshToken": "brought"}))
    child = {"auth": {"delegatedUser": "help@contoso.com", "delegatedAccount": "anna"}}
    assert process.register(request("help", oauth2=child)) == ("help", "new")
    account = world.account("help")
    assert (account.grant, account.user, account.parent) == (ANNA, "help@contoso.com", "anna")
    shown = process.relay.accounts.show("help")
    assert shown["oauth2"]["auth"] == {"delegatedUser": "help@contoso.com", "delegatedAccount": "anna"}
    assert shown["baseScopes"] == "imap"
    grandchild = {"auth": {"delegatedUser": "sales@contoso.com", "delegatedAccount": "help"}}
    process.register(request("sales", oauth2=grandchild))
    assert world.account("sales").grant == ANNA


@pytest.mark.parametrize(
    ("oauth2", "key", "said"),
    [
        ({"auth": {"user": "anna@contoso.com"}}, "oauth2", "a user must sign in"),
        ({"accessToken": "a", "auth": {"user": "anna@contoso.com"}}, "oauth2.refreshToken", "is required"),
        (
            {"auth": {"delegatedUser": "h@contoso.com", "delegatedAccount": "nobody"}},
            "oauth2.auth.delegatedAccount",
            "no account is registered as 'nobody'",
        ),
        (
            {"auth": {"delegatedUser": "h@contoso.com", "delegatedAccount": "graph"}},
            "oauth2.auth.delegatedAccount",
            "must be an account whose user signed in",
        ),
    ],
    ids=["nobody", "access token", "no parent", "parent on Graph"],
)
def test_without_a_sign_in_nothing_is_registered(world: World, oauth2: dict[str, Any], key: str, said: str) -> None:
    """Where nobody has signed in, the field is named and so are the ways out."""
    world.process().register(request("graph", provider=APP, oauth2={"auth": {"user": "g@contoso.com"}}))
    [(named, told)] = refused(world, request(oauth2=oauth2))
    assert named == key
    assert said in told


@pytest.mark.parametrize(
    ("oauth2", "key", "said"),
    [
        ({"authorize": True}, "oauth2.authorize", "do not support interactive authorization"),
        ({"refreshToken": "r"}, "oauth2.refreshToken", "must be absent"),
        (
            {"auth": {"delegatedUser": "h@contoso.com", "delegatedAccount": "x"}},
            "oauth2.auth.delegatedAccount",
            "must be absent",
        ),
    ],
    ids=["authorize", "token", "parent"],
)
def test_application_access_needs_nobody(world: World, oauth2: dict[str, Any], key: str, said: str) -> None:
    """An application that signs in by itself takes no user's sign-in, and says so."""
    [(named, told)] = refused(world, request(provider=APP, oauth2=oauth2))
    assert named == key
    assert said in told


def test_a_registration_without_a_token_keeps_the_grant(world: World) -> None:
    """An account that has a grant may be registered and changed again without a sign-in."""
    process = world.process()
    process.register(request(oauth2={"refreshToken": "brought"}))
    again = {"auth": {"user": "anna@contoso.com"}}
    assert process.register(request(oauth2=again, name="Anna")) == ("anna", "existing")
    process.change("anna", AccountChange.model_validate({"oauth2": {"provider": DELEGATED, **again}, "tz": "UTC"}))
    account = world.account("anna")
    assert (account.grant, account.name, account.options["tz"]) == (ANNA, "Anna", "UTC")


def test_another_user_s_sign_in_moves_the_account(world: World) -> None:
    """With another user's token the account leaves the former grant, which goes with its last account."""
    process = world.process()
    process.register(request(oauth2={"refreshToken": "brought"}))
    world.code_flow.user = replace(SIGNED_IN, user="berta", username="berta@contoso.com")
    process.change("anna", AccountChange.model_validate({"oauth2": {"provider": DELEGATED, "refreshToken": "b"}}))
    account = world.account("anna")
    assert account.user == "berta@contoso.com"
    assert account.grant == grant_id(DELEGATED, SIGNED_IN.tenant, "berta")
    assert world.grants.get(ANNA) is None


def test_a_caller_asks_for_a_sign_in(world: World) -> None:
    """With `authorize` the answer is where to send the user, and nothing is registered yet."""
    answer = world.process().relay.registrations.register(
        request(oauth2={"authorize": True, "redirectUrl": "https://app.example.com/back"}, webhooks=None)
    )
    assert answer["redirect"].startswith("https://login.example.com/authorize?")
    assert world.accounts.get("anna") is None
    with pytest.raises(InvalidRequest):
        world.process().change(
            "anna", AccountChange.model_validate({"oauth2": {"provider": DELEGATED, "authorize": True}})
        )
