"""An account with a grant is left to the sidecar, and its row says how it does."""

from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import MailboxRefused, TryLater
from shared.domain.events import EventName
from shared.domain.grants import grant_id, shard_of
from shared.domain.mirrors import baseline
from shared.domain.registrations import NewAccount
from shared.domain.watches import Watch, watch_of
from tests.factories import APP, an_outlook_app
from tests.fakes.sign_ins import SIGNED_IN
from tests.shared.services.world import Died, Fate, Process, World

ANNA = grant_id(APP, SIGNED_IN.tenant, SIGNED_IN.user)
NO_RIGHT = MailboxRefused("No right.", reason="NOPERM", mend="Give full access to the mailbox.")


@pytest.fixture
def world() -> World:
    """Return a world in which Anna's own mailbox and a shared one are registered on her grant."""
    world = World()
    world.furnish()
    world.apps.delete(APP)
    world.apps.insert(an_outlook_app())
    process = world.process()
    own = {"provider": APP, "refreshToken": "brought"}
    process.register(NewAccount.model_validate({"account": "anna", "oauth2": own}))
    lent = {"provider": APP, "auth": {"delegatedUser": "help@contoso.com", "delegatedAccount": "anna"}}
    process.register(NewAccount.model_validate({"account": "help", "oauth2": lent}))
    return world


def states(world: World) -> list[AccountState]:
    """Return how the two accounts stand."""
    return [world.account(name).state for name in ("anna", "help")]


def sidecar(world: World) -> Process:
    """Open every mailbox that is watched, as the sidecar does, and return its process."""
    process = world.process()
    for watch in world.watches.of(shard_of(ANNA)):
        account = process.watching.account(watch)
        assert account is not None
        process.watching.opened(account)
    return process


def work(world: World) -> None:
    """Carry out the jobs that are due now."""
    world.process().work(until=timedelta(seconds=1))


def test_a_good_grant_becomes_a_watch(world: World) -> None:
    """A registration leaves a watch in its grant's shard, and the sidecar's word makes it connected, told once."""
    work(world)
    assert states(world) == [AccountState.CONNECTING] * 2
    assert [watch.account for watch in world.watches.of(shard_of(ANNA))] == sorted(
        world.account(name).key for name in ("anna", "help")
    )
    sidecar(world)
    sidecar(world)
    assert states(world) == [AccountState.CONNECTED] * 2
    assert world.announced().count(EventName.ACCOUNT_INITIALIZED) == 2
    assert world.announced().count(EventName.ACCOUNT_ADDED) == 2
    work(world)
    world.process().work(until=timedelta(hours=2))
    assert states(world) == [AccountState.CONNECTED] * 2


def test_without_a_sidecar_an_account_says_so(world: World) -> None:
    """Where nobody opens the mailbox within some minutes, the account tells what is missing, and recovers by itself."""
    world.process().work(until=timedelta(minutes=5))
    assert states(world) == [AccountState.CONNECT_ERROR] * 2
    error = world.account("anna").last_error
    assert error is not None
    assert error.code == "NoSidecar"
    sidecar(world)
    assert states(world) == [AccountState.CONNECTED] * 2


def test_a_revoked_grant_stops_all_its_accounts(world: World) -> None:
    """A refusal turns every account of the grant to authenticationError, told once each; a sign-in brings all back."""
    work(world)
    process = sidecar(world)
    world.grant_tokens.refused.add("brought")
    world.clock.advance(timedelta(hours=2))
    with pytest.raises(Exception, match="has expired"):
        process.tokens_of(ANNA)
    world.process().work(until=timedelta(hours=5))
    assert states(world) == [AccountState.AUTHENTICATION_ERROR] * 2
    assert world.announced().count(EventName.AUTHENTICATION_ERROR) == 2
    error = world.account("help").last_error
    assert error is not None
    assert (error.code, error.description) == ("AADSTS700082", "Sign in again.")
    own = {"provider": APP, "refreshToken": "second"}
    world.process().register(NewAccount.model_validate({"account": "anna", "oauth2": own}))
    world.process().work(until=timedelta(seconds=5))
    sidecar(world)
    assert states(world) == [AccountState.CONNECTED] * 2
    assert world.announced().count(EventName.AUTHENTICATION_SUCCESS) == 4


def test_a_busy_entra_is_no_error_of_the_user(world: World) -> None:
    """While Entra does not answer, a new account waits as connectError and connects by itself."""
    world.grant_tokens.busy = TryLater("Entra is busy.")
    work(world)
    assert states(world) == [AccountState.CONNECT_ERROR] * 2
    world.grant_tokens.busy = None
    world.process().work(until=timedelta(minutes=1))
    sidecar(world)
    assert states(world) == [AccountState.CONNECTED] * 2


def test_the_sidecar_s_word_is_of_one_registration(world: World) -> None:
    """What a sidecar tells of a former registration, or of a mailbox that the account left, changes nothing."""
    work(world)
    process = sidecar(world)
    former = world.account("help")
    world.process().relay.accounts.remove("help")
    process.watching.opened(former)
    process.watching.refused(former, NO_RIGHT)
    process.watching.failed(former, TryLater("Busy."))
    assert world.account("help").state is AccountState.DELETED
    assert process.watching.account(watch_of(former)) is None


def test_a_removed_account_takes_its_watch_along(world: World) -> None:
    """Removal ends the watch and forgets the mirrors; with the last account of a grant the refresh token goes."""
    work(world)
    sidecar(world)
    for name in ("help", "anna"):
        world.mirrors.put(world.account(name).key, "1/mailbox", [(baseline("INBOX", 1, 1, ()), None)], 1)
    for name in ("help", "anna"):
        world.process().relay.accounts.remove(name)
        work(world)
    assert world.watches.of(shard_of(ANNA)) == []
    assert not world.mirrors.kept
    assert world.grants.get(ANNA) is None
    assert not [reference for reference in world.vault.secrets if reference.startswith("grant")]


def test_a_watch_of_the_past_goes(world: World) -> None:
    """A watch whose account has another grant by now is removed, and so is its hold on the former grant."""
    work(world)
    other = grant_id(APP, "tenant", "berta")
    account = world.rewrite(world.account("help"), grant=other)
    assert world.process().watching.account(watch_of(account.model_copy(update={"grant": ANNA}))) is None
    kept = world.grants.get(ANNA)
    assert kept is not None
    assert kept.value.accounts == (world.account("anna").key,)
    assert world.process().watching.account(Watch(account="nobody", incarnation="1", grant=ANNA)) is None


def test_mirrors_go_with_whoever_had_a_grant(world: World) -> None:
    """An account that has no grant any more when it is removed leaves no mirror of when it had one."""
    work(world)
    account = world.rewrite(world.account("anna"), grant=None)
    world.mirrors.put(account.key, "1/mailbox", [(baseline("INBOX", 1, 1, ()), None)], 1)
    world.process().accounts.remove("anna")
    work(world)
    assert not world.mirrors.kept


def test_an_erased_account_leaves_its_grant(world: World) -> None:
    """Erasing the accounts of a user ends watches and grant, and takes the refresh token out of the vault."""
    work(world)
    for name in ("anna", "help"):
        world.process().relay.erasures.ask(name)
    world.process().work(until=timedelta(days=6))
    assert (list(world.grants.all()), world.watches.of(shard_of(ANNA))) == ([], [])
    assert not [secret for secret in world.vault.secrets if secret.startswith("grant-")]
    assert [line["done"] for line in world.log.named("account.erased")][-2:] == [True, True]


def test_a_sync_has_the_sidecar_look(world: World) -> None:
    """Asking for a sync changes the watch, and so the version of its shard."""
    work(world)
    before = world.watches.of(shard_of(ANNA))
    world.process().relay.accounts.sync("anna")
    work(world)
    after = world.watches.of(shard_of(ANNA))
    assert len([watch for watch in after if watch not in before]) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 14))
def test_a_death_while_connecting_is_made_good(world: World, at: int, *, after: bool) -> None:
    """Wherever the process dies that leaves a watch, the next one leaves it, and each event is told under one id."""
    doomed = world.process(Fate(at=at, after=after).over)
    for message in world.jobs.take():
        with suppress(Died):
            doomed.jobs.run(message.body)
            world.jobs.done(message)
            continue
        world.jobs.return_(message)
    world.process().work(until=timedelta(seconds=10))
    sidecar(world)
    assert states(world) == [AccountState.CONNECTED] * 2
    assert world.announced().count(EventName.ACCOUNT_ADDED) == 2
    assert world.announced().count(EventName.ACCOUNT_INITIALIZED) == 2
