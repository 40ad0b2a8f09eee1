"""A grant opens mailboxes for as long as its user lets it, and all its accounts live and fall with it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Changed, GrantRefused, SignInRefused, TryLater
from shared.domain.grants import Grant, GrantState, grant_id
from shared.domain.jobs import JobKind
from shared.ports.machine import Machine
from shared.ports.sign_ins import SignedIn
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from tests.contracts.newer import NEWER, newer
from tests.factories import APP, an_app
from tests.fakes.clock import START, FakeClock
from tests.fakes.delegated import FakeGrantStore, FakeGrantTokens
from tests.fakes.faults import Faulty
from tests.fakes.log import FakeLog
from tests.fakes.queues import FakeJobQueue
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import FakeOAuth2AppStore
from tests.fakes.vault import FakeVault

FIRST = "refresh-of-anna"
ANNA = grant_id(APP, "tenant", "anna")


class Setting:
    """What outlives a process, and processes in it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeGrantStore()
        self.tokens = FakeGrantTokens(self.clock)
        self.vault = FakeVault()
        self.jobs = FakeJobQueue(self.clock)
        self.apps = FakeOAuth2AppStore()
        self.apps.insert(an_app())
        self.log = FakeLog()
        self.randomness = FakeRandomness()

    def process(self) -> Grants:
        """Start a process with memories of its own."""
        return Grants(
            store=self.store,
            apps=Lookup(self.apps.get, self.clock, timedelta(minutes=1)),
            tokens=self.tokens,
            vault=self.vault,
            jobs=self.jobs,
            machine=Machine(self.clock, self.randomness, self.log),
        )

    def sign_in(self, *accounts: str, refresh_token: str = FIRST) -> Grants:
        """Have Anna sign in, and hang accounts on her grant."""
        process = self.process()
        process.keep(an_app(), signed_in(refresh_token=refresh_token))
        for account in accounts:
            process.attach(ANNA, account)
        return process

    def grant(self) -> Grant:
        """Return Anna's grant as it is now."""
        stored = self.store.get(ANNA)
        assert stored is not None
        return stored.value

    def secret(self) -> str:
        """Return the refresh token that is kept."""
        return self.vault.get(self.grant().secret)

    def reconnecting(self) -> list[str]:
        """Return the accounts that are to connect anew."""
        jobs = [message.body for message in self.jobs.waiting()]
        assert {job.kind for job in jobs} <= {JobKind.RECONNECT}
        return [job.account for job in jobs]


@pytest.fixture
def setting() -> Setting:
    """Return a world in which nobody has signed in."""
    return Setting()


def signed_in(**changes: Any) -> SignedIn:
    """Return what Anna's sign-in brings."""
    values: dict[str, Any] = {
        "tenant": "tenant",
        "user": "anna",
        "username": "anna@contoso.com",
        "name": "Anna",
        "email": None,
        "access_token": "access-of-anna",
        "refresh_token": "refresh-of-anna",
        "expires": FakeClock().now() + timedelta(hours=1),
        "scopes": ("IMAP.AccessAsUser.All",),
    }
    return SignedIn(**{**values, **changes})


def test_one_refresh_serves_all(setting: Setting) -> None:
    """Threads that ask at the same time share one request, and later ones its token while it is good."""
    process = setting.sign_in()
    setting.tokens.pause = 0.05
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: process.token(ANNA), range(8)))
    assert {token.value for token in tokens} == {"access-1"}
    assert process.token(ANNA).username == "anna@contoso.com"
    assert setting.tokens.asked == ["refresh-of-anna"]


def test_a_token_is_renewed_before_its_end(setting: Setting) -> None:
    """When a fifth of its life is left a token is renewed; while that fails, the old one serves to its end."""
    process = setting.sign_in()
    process.token(ANNA)
    setting.clock.advance(timedelta(minutes=49))
    setting.tokens.busy = TryLater("Entra is busy.")
    assert process.token(ANNA).value == "access-1"
    setting.tokens.busy = None
    assert process.token(ANNA).value == "access-1"
    setting.clock.advance(timedelta(minutes=1))
    assert process.token(ANNA).value == "access-2"
    setting.clock.advance(timedelta(hours=2))
    setting.tokens.busy = TryLater("Entra is busy.")
    with pytest.raises(TryLater):
        process.token(ANNA)


def test_a_rotated_token_is_kept_once_a_day(setting: Setting) -> None:
    """Refreshes within a day leave the vault alone; after a day the newest token takes the old one's place in it."""
    process = setting.sign_in()
    process.token(ANNA)
    setting.clock.advance(timedelta(hours=2))
    process.token(ANNA)
    assert setting.secret() == "refresh-of-anna"
    former = setting.grant().secret
    setting.clock.advance(timedelta(days=1))
    process.token(ANNA)
    assert setting.secret() == "refresh-3"
    assert former not in setting.vault.secrets


def test_a_token_whose_answer_was_lost_stays(setting: Setting) -> None:
    """Where a write happens and only its answer is lost, it looks like a lost race; the row's token stays."""
    lost = Faulty(setting.store)
    setting.store = lost.port
    process = setting.sign_in()
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    setting.sign_in(refresh_token="second")
    assert setting.secret() == "second"
    setting.clock.advance(timedelta(days=2))
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    process.token(ANNA)
    assert setting.secret() == "refresh-1"
    assert list(setting.vault.secrets.values()) == ["refresh-1"]


def test_two_processes_refresh_at_once(setting: Setting) -> None:
    """Where two processes keep a rotated token at the same time, both go on, and one of the tokens is kept."""
    setting.sign_in("a")
    setting.clock.advance(timedelta(days=2))
    processes = [setting.process(), setting.process()]
    setting.tokens.pause = 0.05
    with ThreadPoolExecutor(2) as threads:
        tokens = list(threads.map(lambda process: process.token(ANNA), processes))
    assert {token.value for token in tokens} == {"access-1", "access-2"}
    assert setting.secret() in {"refresh-1", "refresh-2"}
    assert setting.grant().accounts == ("a",)


def test_a_refused_grant_reaches_all_its_accounts(setting: Setting) -> None:
    """A refusal is written once, every account is looked at again, and no process asks Entra any more."""
    setting.sign_in("a", "b")
    setting.tokens.refused.add("refresh-of-anna")
    with pytest.raises(GrantRefused) as refused:
        setting.process().token(ANNA)
    assert (refused.value.reason, refused.value.mend) == ("AADSTS700082", "Sign in again.")
    assert setting.reconnecting() == ["a", "b"]
    assert setting.grant().state is GrantState.REFUSED
    with pytest.raises(GrantRefused) as again:
        setting.process().token(ANNA)
    assert again.value.reason == "AADSTS700082"
    assert setting.tokens.asked == ["refresh-of-anna"]


def test_signing_in_again_renews_all(setting: Setting) -> None:
    """After another sign-in the grant is good, keeps its accounts, and all of them connect anew."""
    process = setting.sign_in("a", "b")
    setting.tokens.refused.add("refresh-of-anna")
    with pytest.raises(GrantRefused):
        process.token(ANNA)
    for message in setting.jobs.take():
        setting.jobs.done(message)
    setting.sign_in(refresh_token="second")
    assert setting.reconnecting() == ["a", "b"]
    assert setting.grant().state is GrantState.GOOD
    assert process.token(ANNA).value == "access-1"
    assert setting.tokens.asked[-1] == "second"


def test_a_sign_in_beside_a_refusal_wins(setting: Setting) -> None:
    """Where the user signs in while the old token is being refused, the new one is tried and nobody is told."""
    process = setting.sign_in("a")
    setting.tokens.refused.add("refresh-of-anna")
    refresh = setting.tokens.refresh

    def sign_in_meanwhile(app: Any, refresh_token: str) -> Any:
        if refresh_token == "refresh-of-anna":
            setting.sign_in(refresh_token="second")
        return refresh(app, refresh_token)

    setting.tokens.refresh = sign_in_meanwhile  # type: ignore[method-assign]  the moment between two steps of Entra's
    assert process.token(ANNA).value == "access-1"
    assert setting.grant().state is GrantState.GOOD


def test_a_lost_secret_asks_for_a_sign_in(setting: Setting) -> None:
    """A refresh token that is gone from the vault refuses the grant with what to do, and is no endless failure."""
    process = setting.sign_in("a")
    setting.vault.delete(setting.grant().secret)
    with pytest.raises(GrantRefused) as refused:
        process.token(ANNA)
    assert refused.value.reason == "GrantLost"
    assert setting.grant().state is GrantState.REFUSED


def test_the_application_is_no_fault_of_the_user(setting: Setting) -> None:
    """Where the application was deleted, its sign-in is refused and the grant stays good."""
    process = setting.sign_in("a")
    setting.apps.delete(APP)
    with pytest.raises(SignInRefused) as refused:
        process.token(ANNA)
    assert not isinstance(refused.value, GrantRefused)
    assert setting.grant().state is GrantState.GOOD


def test_the_last_account_takes_the_token_along(setting: Setting) -> None:
    """A grant lives while an account hangs on it; with the last, its row and its secret go."""
    process = setting.sign_in("a", "b")
    reference = setting.grant().secret
    process.detach(ANNA, "a", seen=START)
    assert setting.grant().accounts == ("b",)
    process.detach(ANNA, "b", seen=START)
    process.detach(ANNA, "b", seen=START)
    assert setting.store.get(ANNA) is None
    assert reference not in setting.vault.secrets
    with pytest.raises(GrantRefused):
        process.attach(ANNA, "c")


def test_a_late_removal_leaves_a_new_sign_in(setting: Setting) -> None:
    """Where a user signs in again while the former account's removal is under way, the grant and its token stay."""
    process = setting.sign_in("a")
    removed = setting.clock.now()
    setting.clock.advance(timedelta(milliseconds=1))
    setting.sign_in("a", refresh_token="second")
    process.detach(ANNA, "a", seen=removed)
    assert setting.grant().accounts == ("a",)
    assert setting.vault.get(setting.grant().secret) == "second"


def test_accounts_come_and_go_at_once(setting: Setting) -> None:
    """Accounts that are attached at the same time all hang on the grant in the end."""
    process = setting.sign_in()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: process.attach(ANNA, f"account-{number}"), range(16)))
    assert sorted(setting.grant().accounts) == sorted(f"account-{number}" for number in range(16))


def test_a_refused_token_is_dropped(setting: Setting) -> None:
    """A token that a mail server refuses is replaced, unless another has taken its place already."""
    process = setting.sign_in()
    first = process.token(ANNA)
    process.forget(ANNA, first)
    second = process.token(ANNA)
    process.forget(ANNA, first)
    assert (second.value, process.token(ANNA).value) == ("access-2", "access-2")


def test_a_new_sign_in_keeps_what_a_newer_version_added(setting: Setting) -> None:
    """Signing in again leaves in the grant's row what is not known here."""
    process = setting.sign_in("a")
    stored = setting.store.get(ANNA)
    assert stored is not None
    setting.store.replace(newer(stored.value), stored.etag)
    assert NEWER in dict(process.keep(an_app(), signed_in()))
