"""How an account stands is written once and told once, whoever opens its mailbox."""

from datetime import timedelta

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import Changed, TryLater
from shared.services.standings import Standings, is_wanted
from tests.factories import HOOK, an_account
from tests.fakes.counted import Counted
from tests.shared.services.world import BUSY, NO_CONSENT, OWN, WRONG_SECRET, World


@pytest.fixture
def world() -> World:
    """Return a world with an account that was connected once."""
    world = World()
    world.connected()
    return world


def standings(world: World) -> Standings:
    """Return the standings of a fresh process."""
    return world.process().jobs.connections.standings


def test_a_refusal_is_told_once_per_reason(world: World) -> None:
    """The same refusal again is written and not told, another reason is told, and so is the recovery."""
    for refusal in (WRONG_SECRET, WRONG_SECRET):
        stored = world.accounts.get(world.account().key)
        assert stored is not None
        standings(world).refused(stored, refusal)
    assert [said.event for said in world.said()] == ["authenticationError"]
    assert world.account().state is AccountState.AUTHENTICATION_ERROR
    stored = world.accounts.get(world.account().key)
    assert stored is not None
    standings(world).refused(stored, NO_CONSENT)
    assert len(world.said()) == 2
    world.rewrite(world.account(), state=AccountState.CONNECTING)
    stored = world.accounts.get(world.account().key)
    assert stored is not None
    standings(world).works(stored)
    assert [said.event for said in world.said()][2:] == ["authenticationSuccess"]


@pytest.mark.parametrize(("own", "looks", "url"), [(None, 0, HOOK), (OWN, 1, OWN)])
def test_only_an_account_with_its_own_webhook_is_read_again(
    world: World, own: str | None, looks: int, url: str
) -> None:
    """What is told of an account goes to the instance's webhook without a look at its row, or to its own as it is."""
    account = world.rewrite(world.account(), webhooks=own)
    world.furnish()
    world.hook(account.webhook, OWN)
    stored = world.accounts.get(account.key)
    assert stored is not None
    standings(world).refused(stored, WRONG_SECRET)
    counted = Counted()
    world.process(counted.over).expand_queued()
    assert counted.calls["FakeAccountStore.get_with_folders"] == looks
    assert [post.url for post in world.sender.posts] == [url]


def test_a_hiccup_hides_no_refusal(world: World) -> None:
    """While a human must mend something, a failure on top of it leaves that to be read."""
    stored = world.accounts.get(world.account().key)
    assert stored is not None
    standings(world).refused(stored, WRONG_SECRET)
    stored = world.accounts.get(world.account().key)
    assert stored is not None
    standings(world).postponed(stored, BUSY)
    account = world.account()
    assert account.state is AccountState.AUTHENTICATION_ERROR
    assert account.last_error is not None
    assert account.last_error.code == "AADSTS7000215"


def test_waits_grow_to_an_hour(world: World) -> None:
    """Each failed attempt waits longer, at least as long as asked, and never much more than an hour."""
    waits = []
    for _ in range(8):
        stored = world.accounts.get(world.account().key)
        assert stored is not None
        standings(world).postponed(stored, TryLater("Busy.", timedelta(hours=9)))
        at = world.account().next_attempt
        assert at is not None
        waits.append(at - world.clock.now())
    assert max(waits) <= timedelta(hours=1.2)
    assert standings(world).backoff(an_account()) == timedelta(seconds=5)


def test_another_account_is_not_overwritten(world: World) -> None:
    """What was begun for an account that has moved to another mailbox since is not written."""
    stored = world.accounts.get(world.account().key)
    assert stored is not None
    world.rewrite(world.account(), user="other@contoso.com")
    with pytest.raises(Changed):
        standings(world).write(stored, AccountState.CONNECTING)
    assert not is_wanted(world.account(), stored.value)
