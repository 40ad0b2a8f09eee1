"""What sign-ins left behind goes, and nothing that is on its way or in use."""

from contextlib import suppress
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import NotFound
from shared.domain.grants import Grant
from shared.domain.sign_in_links import NewSignInForm
from shared.services.sign_ins import Leave
from tests.factories import APP, an_outlook_app
from tests.shared.services.world import Died, Fate, World

DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def world() -> World:
    """Return a world with an application that users sign in to."""
    world = World()
    world.furnish()
    world.apps.delete(APP)
    world.apps.insert(an_outlook_app())
    return world


def begin(world: World, account: str) -> Leave:
    """Begin a sign-in."""
    form = NewSignInForm.model_validate({"account": account, "redirectUrl": "https://app.example.com/back"})
    query = dict(parse_qsl(urlsplit(world.process().relay.sign_ins.form(form)).query))
    opened = world.process().relay.sign_ins.open(query["data"], query["sig"], None)
    assert isinstance(opened, Leave)
    return opened


def sign_in(world: World, account: str, fate: Fate | None = None) -> None:
    """Sign in, in a process that may die on the way."""
    opened = begin(world, account)
    answer = world.code_flow.visit(opened.url)
    process = world.process(fate.over) if fate else world.process()
    with suppress(Died):
        process.relay.sign_ins.finish(answer, opened.browser)


def purge(world: World) -> list[Grant]:
    """Purge, and return the grants that are left."""
    world.process().relay.purges.purge()
    return list(world.grants.all())


@pytest.mark.parametrize("at", range(1, 16))
def test_no_token_is_left_without_an_account(world: World, at: int) -> None:
    """Wherever a sign-in dies, a grant is left with its account, or goes a day later with its token."""
    sign_in(world, "anna", Fate(at=at, after=True))
    left = purge(world)
    world.clock.advance(DAY)
    for grant in purge(world):
        assert grant.accounts == (world.account("anna").key,)
        assert world.vault.get(grant.secret)
    kept = {grant.secret for grant in world.grants.all()}
    for grant in left:
        if grant.secret not in kept:
            with pytest.raises(NotFound):
                world.vault.get(grant.secret)


def lose(world: World, account: str) -> None:
    """Have an account be gone, as if its sign-in had died before the row."""
    stored = world.accounts.get(account)
    assert stored is not None
    world.accounts.delete(account, stored.etag)


def test_a_young_grant_stays(world: World) -> None:
    """A grant that was touched within a day is left alone: its account may be on its way."""
    sign_in(world, "anna")
    (grant,) = world.grants.all()
    lose(world, grant.accounts[0])
    world.clock.advance(timedelta(hours=23))
    world.process().relay.registrations.grants.attach(grant.id, grant.accounts[0])
    world.clock.advance(timedelta(hours=2))
    assert [left.accounts for left in purge(world)] == [grant.accounts]
    world.clock.advance(DAY)
    assert purge(world) == []


def test_what_an_account_never_became_is_taken_off(world: World) -> None:
    """Of a grant's accounts those that never got a row are taken off, and the token stays for the others."""
    sign_in(world, "anna")
    (grant,) = world.grants.all()
    world.process().relay.registrations.grants.attach(grant.id, "never-came")
    world.clock.advance(DAY)
    (left,) = purge(world)
    assert left.accounts == grant.accounts
    assert world.vault.get(left.secret) == "refresh-of-anna"
    assert world.log.named("leftovers.purged")[-1]["grants"] == 1


def test_a_removed_account_holds_no_grant(world: World) -> None:
    """An account whose row only waits for its last webhook keeps no token, though its removal left the grant."""
    sign_in(world, "anna")
    world.rewrite(world.account("anna"), state=AccountState.DELETED)
    world.clock.advance(DAY)
    assert purge(world) == []
    assert "refresh-of-anna" not in world.vault.secrets.values()


def test_unfinished_sign_ins_go(world: World) -> None:
    """A sign-in that nobody came back from goes when it has ended, and not before."""
    begin(world, "anna")
    purge(world)
    assert len(world.flows.flows) == 1
    world.clock.advance(DAY)
    purge(world)
    assert world.flows.flows == {}
