"""Connections: whatever dies, runs twice or is refused, an account ends connected, with one subscription."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState, Claim, FormerSubscription, Subscription
from shared.domain.due import DueKind
from shared.domain.errors import NoRoom, NotReachable, SignInRefused, TryLater
from shared.domain.jobs import JobKind
from shared.domain.registrations import AccountChange, NewAccount
from tests.factories import APP, an_account, an_app
from tests.fakes.clock import START
from tests.fakes.microsoft365 import WEEK
from tests.shared.services.world import BUSY, NO_CONSENT, OWN, STATES, WRONG_SECRET, Process, World, survive

EXPIRED_SECRET = SignInRefused("The secret has expired.", reason="AADSTS7000222", mend="Make a new secret.")
CONNECTED_EVENTS = ["accountAdded", "authenticationSuccess", "accountInitialized"]


def a_subscription(name: str) -> Subscription:
    """Return a subscription that Graph made a moment ago."""
    return Subscription(id=name, expires=START + WEEK, created=START)


def move(process: Process, user: str, app: str = APP) -> None:
    """Have the account watch another mailbox."""
    moved = {"oauth2": {"provider": app, "auth": {"user": user}}}
    process.change("anna", AccountChange.model_validate(moved))


def once(port: Any, interfere: Callable[[], object]) -> None:
    """Have *interfere* happen during the next call of *port* to Microsoft."""

    def meanwhile() -> None:
        port.meanwhile = lambda: None
        interfere()

    port.meanwhile = meanwhile


# --- connecting ---


def test_a_registered_account_gets_connected(world: World, process: Process) -> None:
    """One job connects the mailbox, subscribes to it, and tells three events in order, once each."""
    world.registered()
    process.work()
    account = world.account()
    assert account.state is AccountState.CONNECTED
    assert account.claim is None
    assert account.subscription is not None
    assert world.subscriptions.of(account.user) == [account.subscription.id]
    assert [event.event for event in world.said()] == CONNECTED_EVENTS
    assert {event.correlation for event in world.said()} == {account.incarnation}
    assert world.log.named("account.connected")[0]["correlation"] == account.incarnation


def test_events_stand_at_moments_that_a_repetition_has_too(world: World, process: Process) -> None:
    """An account is added when it was registered and initialized since it is watched, however late the job runs."""
    world.mailboxes.troubles.add(BUSY)
    world.registered()
    world.clock.advance(timedelta(minutes=1))
    process.work()
    watched = START + timedelta(minutes=1)
    assert [(event.event, event.at) for event in world.said()] == list(
        zip(CONNECTED_EVENTS, [START, watched, watched], strict=True)
    )


def test_a_subscription_proves_whose_it_is(world: World, process: Process) -> None:
    """The client state that Graph is given proves the account."""
    world.registered()
    process.work()
    (made,) = world.subscriptions.live.values()
    assert STATES.account_of(made.client_state) == world.account().key


def test_a_holder_that_lost_its_claim_leaves_no_second_subscription(world: World, process: Process) -> None:
    """Where another job took the claim over and subscribed while Graph was slow, what comes of the first is ended."""
    world.registered()

    def overtake() -> None:
        world.clock.advance(timedelta(minutes=2))
        world.process().work(until=timedelta(seconds=1))

    once(world.subscriptions, overtake)
    job = world.jobs.bodies()[0]
    world.jobs.put(job)
    process.jobs.run(job)
    process.work()
    subscription = world.account().subscription
    assert subscription is not None
    assert world.subscriptions.live.keys() == {subscription.id}


def test_an_account_is_connecting_meanwhile(world: World, process: Process) -> None:
    """While the mailbox is being opened the account is `connecting`, and watched from then on."""
    seen: list[Account] = []
    world.mailboxes.meanwhile = lambda: seen.append(world.account())
    world.registered()
    process.work()
    assert [(account.state, account.watched_since) for account in seen] == [(AccountState.CONNECTING, START)]
    assert seen[0].claim is not None


def test_a_job_that_runs_again_changes_nothing(world: World, process: Process) -> None:
    """A job for an account that is connected asks nobody and tells nothing."""
    job = world.registered()
    process.work()
    before = (world.account(), len(world.mailboxes.probed))
    process.jobs.run(job)
    assert (world.account(), len(world.mailboxes.probed)) == before
    assert len(world.said()) == 3


def test_two_jobs_at_once_leave_one_subscription(world: World) -> None:
    """Jobs that run beside each other, in two processes, make one subscription between them."""
    job = world.registered()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda process: process.jobs.run(job), [world.process() for _ in range(4)]))
    world.process().work()
    assert world.account().state is AccountState.CONNECTED
    assert world.subscriptions.created == 1
    assert world.announced() == CONNECTED_EVENTS


@pytest.mark.parametrize("moment", ["opening", "subscribing"])
def test_a_twin_waits_for_the_first(world: World, process: Process, moment: str) -> None:
    """A job that starts while another holds the claim comes again later, and finds the work done."""
    job = world.registered()
    port: Any = world.mailboxes if moment == "opening" else world.subscriptions

    once(port, lambda: world.process().jobs.run(job))
    process.work()
    assert (world.account().state, world.subscriptions.created) == (AccountState.CONNECTED, 1)
    assert [event.event for event in world.said()] == CONNECTED_EVENTS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 20))
def test_a_crash_never_leaves_an_account_behind(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, the account ends connected, with one subscription, and every event is told."""
    world.registered()
    survive(world, at=at, after=after)
    account = world.account()
    assert account.state is AccountState.CONNECTED
    assert account.subscription is not None
    assert world.subscriptions.of(account.user) == [account.subscription.id]
    assert set(world.announced()) == set(CONNECTED_EVENTS)
    assert len(world.announced()) == 3
    due = {(each.kind, each.at) for each in world.due.all()}
    assert (DueKind.SWEEP, account.next_sweep) in due
    assert DueKind.RENEW in {kind for kind, _ in due}


def test_a_dead_holders_subscription_is_adopted(world: World, process: Process) -> None:
    """After a claim has died, what its holder left behind is taken over, and anything further is ended."""
    account = an_account(state=AccountState.CONNECTING, claim=Claim(holder="dead", until=START))
    world.accounts.insert(account)
    for name in ("left-1", "left-2"):
        world.live(account.model_copy(update={"subscription": a_subscription(name)}))
    world.queue(account, JobKind.CONNECT)
    process.work()
    assert world.account().subscription == a_subscription("left-1")
    assert (world.subscriptions.of(account.user), world.subscriptions.created) == (["left-1"], 0)


def test_a_lost_answer_leaves_one_subscription(world: World, process: Process) -> None:
    """Where Graph subscribed us and the answer got lost, that subscription is found again and kept."""
    world.registered()
    world.subscriptions.lost.add(BUSY)
    process.work(until=timedelta(seconds=1))
    claim = world.account().claim
    assert claim is not None
    assert claim.until == START
    process.work()
    subscription = world.account().subscription
    assert subscription is not None
    assert (list(world.subscriptions.live), world.subscriptions.created) == ([subscription.id], 1)


def test_who_is_asked_to_wait_got_nothing(world: World, process: Process) -> None:
    """After a Retry-After nothing can have been left behind, so the claim goes and nobody asks Graph to look."""
    world.registered()
    world.subscriptions.troubles.add(TryLater("Graph is throttled.", timedelta(seconds=9)))
    process.work(until=timedelta(seconds=1))
    assert (world.account().state, world.account().claim) == (AccountState.CONNECT_ERROR, None)


@pytest.mark.parametrize(
    ("first", "second"), [(BUSY, WRONG_SECRET), (WRONG_SECRET, BUSY), (BUSY, None), (None, BUSY), (None, WRONG_SECRET)]
)
def test_twins_that_reconnect_do_not_lose_the_account(
    world: World, process: Process, first: Exception | None, second: Exception | None
) -> None:
    """Two reconnections beside each other, whatever either runs into, leave an account that gets connected."""
    account = world.connected()
    world.live(account)
    job = world.queue(account, JobKind.RECONNECT)

    def run_a_twin() -> None:
        world.mailboxes.troubles.waiting.appendleft(first)
        world.process().jobs.run(job)

    once(world.mailboxes, run_a_twin)
    world.mailboxes.troubles.add(second)
    process.work(until=timedelta(hours=3))
    assert world.account().state is AccountState.CONNECTED
    assert list(world.subscriptions.live) == ["subscription-of-anna"]


# --- what fails ---


@pytest.mark.parametrize("port", ["mailboxes", "subscriptions"])
def test_a_transient_failure_is_no_authentication_error(world: World, process: Process, port: str) -> None:
    """What passes by itself is retried with growing waits, shown as connectError, and never announced."""
    getattr(world, port).troubles.add(*[BUSY] * 4)
    world.registered()
    process.work(until=timedelta(seconds=1))
    assert world.account().state is AccountState.CONNECT_ERROR
    process.work()
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in world.said()] == CONNECTED_EVENTS
    again: list[Any] = [line["again"] for line in world.log.named("account.failed")]
    waits = [later - earlier for earlier, later in zip([START, *again], again, strict=False)]
    assert waits == sorted(waits)
    assert waits[0] >= timedelta(seconds=5)


@pytest.mark.parametrize("trouble", [BUSY, NotReachable("Nobody answered Graph.")])
def test_creation_is_retried_for_ever(world: World, process: Process, trouble: TryLater) -> None:
    """However often Graph makes no subscription, it is asked again within about an hour, until it does."""
    world.subscriptions.troubles.add(*[trouble] * 100)
    world.registered()
    waits = []
    while world.subscriptions.created == 0:
        (asked,) = [each for each in world.jobs.waiting() if each.body.kind in {JobKind.CONNECT, JobKind.RECONNECT}]
        waits.append(asked.due - world.clock.now())
        world.clock.advance(waits[-1])
        world.jobs.done(asked)
        process.jobs.run(asked.body)
    assert len(waits) == 101
    assert max(waits) == waits[-1] == timedelta(hours=1) * 1.1
    assert world.account().state is AccountState.CONNECTED


def test_graph_says_how_long_to_wait(world: World, process: Process) -> None:
    """A Retry-After that is longer than our own wait is kept."""
    world.mailboxes.troubles.add(TryLater("Graph is throttled.", timedelta(seconds=100)))
    world.registered()
    process.work(until=timedelta(seconds=1))
    assert world.jobs.waiting()[0].due - START >= timedelta(seconds=100)


def test_a_refused_sign_in_is_told_once_and_mended_by_itself(world: World, process: Process) -> None:
    """A wrong secret is announced once, is asked about hourly, and its end is announced too."""
    world.mailboxes.troubles.add(*[WRONG_SECRET] * 3)
    world.registered()
    process.work(until=timedelta(seconds=1))
    account = world.account()
    assert account.state is AccountState.AUTHENTICATION_ERROR
    assert account.last_error is not None
    assert (account.last_error.code, account.last_error.description) == ("AADSTS7000215", "Set the secret's value.")
    process.work(until=timedelta(hours=4))
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in world.said()] == [
        "accountAdded",
        "authenticationError",
        "authenticationSuccess",
        "accountInitialized",
    ]


def test_another_reason_is_told_again(world: World, process: Process) -> None:
    """A second refusal for another reason is a second announcement, with an id of its own."""
    world.mailboxes.troubles.add(WRONG_SECRET, EXPIRED_SECRET)
    world.registered()
    process.work(until=timedelta(hours=3))
    assert world.announced().count("authenticationError") == 2
    assert world.announced().count("authenticationSuccess") == 1


def test_a_hiccup_does_not_hide_a_refusal(world: World, process: Process) -> None:
    """While a human must mend something, a throttled attempt leaves state and announcement as they are."""
    world.mailboxes.troubles.add(WRONG_SECRET, BUSY, WRONG_SECRET)
    world.registered()
    process.work(until=timedelta(minutes=90))
    account = world.account()
    assert account.state is AccountState.AUTHENTICATION_ERROR
    assert account.last_error is not None
    assert account.last_error.code == "AADSTS7000215"
    assert world.announced() == ["accountAdded", "authenticationError"]


def test_a_fresh_permission_is_waited_for(world: World, process: Process) -> None:
    """Access that was granted a moment ago may be denied at first: two denials are not announced yet."""
    world.mailboxes.troubles.add(NO_CONSENT, NO_CONSENT)
    world.registered()
    process.work()
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in world.said()] == CONNECTED_EVENTS


def test_a_lasting_denial_is_told(world: World, process: Process) -> None:
    """The third denial in a row is announced, with what would mend it."""
    world.mailboxes.troubles.add(*[NO_CONSENT] * 3)
    world.registered()
    process.work()
    assert world.account().state is AccountState.AUTHENTICATION_ERROR
    assert world.said()[-1].data == {"response": "Access is denied.", "serverResponseCode": "ErrorAccessDenied"}


def test_a_deleted_application_is_a_refusal(world: World, process: Process) -> None:
    """An account whose application is gone says so, and what would mend it."""
    world.apps.delete(APP)
    world.registered()
    process.work(until=timedelta(seconds=1))
    error = world.account().last_error
    assert error is not None
    assert (error.code, error.permanent) == ("AppNotFound", True)


# --- removal and moves ---


def test_a_moved_account_ends_its_former_subscription(world: World, process: Process) -> None:
    """An account that watches another mailbox now has one subscription, to that one."""
    old = world.connected(user="old@contoso.com")
    world.live(old)
    former = FormerSubscription(app=old.app, id="subscription-of-anna")
    moved = {"user": "new@contoso.com", "subscription": None, "former_subscriptions": (former,)}
    stored = world.accounts.get(old.key)
    assert stored is not None
    world.accounts.replace(old.model_copy(update=moved), stored.etag)
    world.queue(old, JobKind.RECONNECT)
    process.work()
    account = world.account()
    assert account.former_subscriptions == ()
    assert [made.user for made in world.subscriptions.live.values()] == ["new@contoso.com"]


def test_an_account_removed_while_it_connects_leaves_no_subscription(world: World, process: Process) -> None:
    """A removal that comes while Graph is being asked has the fresh subscription ended."""
    world.registered()
    world.subscriptions.meanwhile = lambda: world.process().accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(an_account().key) is None


def test_an_account_gone_before_it_is_connected_leaves_no_subscription(world: World, process: Process) -> None:
    """A removal that is over before Graph answers, with the row kept for its webhook, has the subscription ended."""
    world.registered(webhooks=OWN)

    def remove() -> None:
        world.process().accounts.remove("anna")
        world.process().work(until=timedelta())

    once(world.subscriptions, remove)
    process.work()
    assert world.subscriptions.created == 1
    assert (world.subscriptions.live, world.account().state) == ({}, AccountState.DELETED)


def test_an_account_registered_again_at_once_has_one_subscription(world: World, process: Process) -> None:
    """What a removed registration leaves to its successor is ended by it."""
    account = world.connected()
    world.live(account)
    process.accounts.remove("anna")
    again = {"account": "anna", "oauth2": {"provider": APP, "auth": {"user": account.user}}}
    process.register(NewAccount.model_validate(again))
    process.work()
    subscription = world.account().subscription
    assert subscription is not None
    assert world.account().state is AccountState.CONNECTED
    assert list(world.subscriptions.live) == [subscription.id]


def test_a_former_application_that_is_refused_is_no_obstacle(world: World, process: Process) -> None:
    """An account leaves an application whose sign-in no longer works, although that cannot end its subscription."""
    account = world.connected(user="old@contoso.com")
    world.live(account)
    world.apps.insert(an_app(id="AAABkW-app-00002"))
    move(process, "old@contoso.com", "AAABkW-app-00002")
    world.subscriptions.deletion_troubles.add(WRONG_SECRET)
    process.work(until=timedelta(seconds=1))
    assert world.account().state is AccountState.CONNECTED
    assert "subscription.abandoned" in world.log.problems()


def test_one_refusal_does_not_spare_other_former_subscriptions(world: World, process: Process) -> None:
    """Former subscriptions are ended one by one: a refusal of the first leaves the second to be ended."""
    former = tuple(FormerSubscription(app=APP, id=name) for name in ("former-1", "former-2"))
    account = world.connected(former_subscriptions=former)
    for name in ("subscription-of-anna", "former-1", "former-2"):
        world.live(account.model_copy(update={"subscription": a_subscription(name)}))
    world.subscriptions.deletion_troubles.add(NO_CONSENT)
    world.queue(account, JobKind.RECONNECT)
    process.work()
    assert list(world.subscriptions.live) == ["subscription-of-anna", "former-1"]
    assert world.account().former_subscriptions == ()


def test_an_account_moved_while_it_subscribes_watches_the_new_mailbox_only(world: World, process: Process) -> None:
    """A subscription that Graph made for a mailbox that the account has left meanwhile is ended."""
    world.registered()
    once(world.subscriptions, lambda: move(world.process(), "new@contoso.com"))
    process.work()
    assert [made.user for made in world.subscriptions.live.values()] == ["new@contoso.com"]
    assert world.account().state is AccountState.CONNECTED


@pytest.mark.parametrize("trouble", [None, BUSY, WRONG_SECRET], ids=["fine", "busy", "refused"])
def test_an_account_removed_while_it_reconnects_is_gone(
    world: World, process: Process, trouble: Exception | None
) -> None:
    """A removal during a reconnection stands, whatever the reconnection comes to."""
    account = world.connected()
    world.live(account)
    world.queue(account, JobKind.RECONNECT)
    once(world.mailboxes, lambda: world.process().accounts.remove("anna"))
    world.mailboxes.troubles.add(trouble)
    process.work()
    assert (world.accounts.get(account.key), world.subscriptions.live) == (None, {})


# --- Graph's lifecycle ---


# --- attempts, and polling ---


def test_one_account_has_one_chain_of_attempts(world: World, process: Process) -> None:
    """An attempt whose place a later one took does nothing, so a human's reconnections do not multiply them."""
    world.mailboxes.troubles.add(*[BUSY] * 4)
    world.registered()
    process.work(until=timedelta(seconds=1))
    for _ in range(3):
        process.accounts.reconnect("anna")
        process.work(until=timedelta(seconds=1))
    attempts = [job.at for job in world.jobs.bodies() if job.kind is JobKind.RECONNECT]
    assert len(attempts) == 4
    process.work(until=timedelta(hours=1))
    assert (len(world.mailboxes.probed), world.account().next_attempt) == (5, None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 20))
def test_a_crash_never_leaves_a_mailbox_without_a_look(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies that finds Graph cannot call us, the account polls, and tries again in one chain."""
    world.set(service_url=None)
    world.registered()
    survive(world, at=at, after=after)
    account = world.account()
    assert (account.state, account.polling) == (AccountState.CONNECTED, True)
    jobs = [(job.kind, job.at) for job in world.jobs.bodies()]
    assert jobs.count((JobKind.SWEEP, account.next_sweep)) == 1
    assert jobs.count((JobKind.RECONNECT, account.next_attempt)) == 1
    assert set(world.announced()) == set(CONNECTED_EVENTS)


def test_who_polls_is_connected_while_it_tries(world: World) -> None:
    """An attempt to subscribe does not make an account that polls look as if it were not connected."""
    world.set(service_url=None)
    world.registered()
    process = world.process()
    process.work(until=timedelta(seconds=1))
    seen: list[AccountState] = []
    world.mailboxes.meanwhile = lambda: seen.append(world.account().state)
    process.work(until=timedelta(seconds=10))
    assert seen == [AccountState.CONNECTED]


def test_a_fresh_subscription_catches_up(world: World, process: Process) -> None:
    """With each subscription the mailbox is looked at: for what came before it, and to follow removals from there."""
    world.registered()
    process.work(until=timedelta(seconds=1))
    assert world.history.calls == ["glance"]
    assert world.cursors.get(world.account().key)
    subscription = world.account().subscription
    assert subscription is not None
    world.queue(world.account(), JobKind.RECREATE, subscription=subscription.id)
    process.work(until=timedelta(seconds=1))
    assert world.history.calls == ["glance", "glance"]


FULL = NoRoom("The mailbox has reached its limit.", reason="Forbidden", mend="End some.")


def test_a_mailbox_without_room_is_polled(world: World, process: Process) -> None:
    """Where a mailbox has too many subscriptions the account is connected, polls, says why, and asks again daily."""
    world.subscriptions.troubles.add(FULL, FULL)
    world.registered()
    process.work(until=timedelta(minutes=1))
    account = world.account()
    assert (account.state, account.polling) == (AccountState.CONNECTED, True)
    assert "authenticationError" not in world.announced()
    shown = process.accounts.show("anna")
    assert shown["lastError"] == {
        "response": "The mailbox has reached its limit.",
        "serverResponseCode": "Forbidden",
        "description": "End some.",
    }
    assert account.next_attempt is not None
    assert timedelta(hours=23) < account.next_attempt - START < timedelta(hours=30)
    for _ in range(2):
        asked = [message for message in world.jobs.waiting() if message.body.kind is JobKind.RECONNECT]
        world.clock.advance(asked[-1].due - world.clock.now())
        process.work(until=timedelta())
    assert world.account().polling is False
    assert process.accounts.show("anna")["lastError"] is None


def test_an_account_that_polls_says_why(world: World, process: Process) -> None:
    """Where Graph cannot call us, `lastError` of the connected account says so."""
    world.set(service_url=None)
    world.registered()
    process.work(until=timedelta(seconds=1))
    assert "serviceUrl" in process.accounts.show("anna")["lastError"]["response"]
