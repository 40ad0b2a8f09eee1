"""Connections: whatever dies, runs twice or is refused, an account ends connected, with one subscription."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState, Claim, FormerSubscription, Subscription
from shared.domain.changes import AccountEvent
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from tests.factories import APP, an_account
from tests.fakes.clock import START
from tests.fakes.microsoft365 import WEEK, Subscribed
from tests.shared.services.world import STATES, Died, Fate, Process, World

BUSY = TryLater("Graph is throttled.")
WRONG_SECRET = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value.")
EXPIRED_SECRET = SignInRefused("The secret has expired.", reason="AADSTS7000222", mend="Make a new secret.")
NO_CONSENT = MailboxRefused("Access is denied.", reason="ErrorAccessDenied", mend="Grant Mail.Read.")
CONNECTED_EVENTS = ["accountAdded", "authenticationSuccess", "accountInitialized"]
OWN = "https://own.example.com/hook"


def registered(world: World, **changes: Any) -> Job:
    """Keep an account that was just registered, and return its job, which is queued."""
    account = an_account(**changes)
    world.accounts.insert(account)
    world.bindings.bind(account.app, account.user, account.id)
    return queued(world, account, JobKind.CONNECT)


def queued(world: World, account: Account, kind: JobKind, subscription: str | None = None) -> Job:
    """Queue a job for the account."""
    job = Job(kind=kind, account=account.key, incarnation=account.incarnation, subscription=subscription)
    world.jobs.put(job)
    return job


def live(world: World, account: Account) -> None:
    """Have Graph know the account's subscription."""
    assert account.subscription is not None
    made = Subscribed(account.app, account.user, STATES.make(account.key), account.subscription)
    world.subscriptions.live[account.subscription.id] = made


def a_subscription(name: str) -> Subscription:
    """Return a subscription that Graph made a moment ago."""
    return Subscription(id=name, expires=START + WEEK, created=START)


def said(world: World) -> list[AccountEvent]:
    """Return every account event that was queued, repeated ones too."""
    return [event for batch in world.changes.bodies() for event in batch.account_events]


def survive(world: World, *, at: int, after: bool) -> None:
    """Carry out the jobs in a process that dies at its *at*-th call, then in one that lives."""
    doomed = world.process(Fate(at=at, after=after).over)
    for message in world.jobs.take():
        try:
            doomed.connections.run(message.body)
        except Died:
            world.jobs.return_(message)
        else:
            world.jobs.done(message)
    world.process().work()


# --- connecting ---


def test_a_registered_account_gets_connected(world: World, process: Process) -> None:
    """One job connects the mailbox, subscribes to it, and tells three events in order, once each."""
    registered(world)
    process.work()
    account = world.account()
    assert account.state is AccountState.CONNECTED
    assert account.claim is None
    assert account.subscription is not None
    assert world.subscriptions.of(account.user) == [account.subscription.id]
    assert [event.event for event in said(world)] == CONNECTED_EVENTS


def test_a_subscription_proves_whose_it_is(world: World, process: Process) -> None:
    """The client state that Graph is given proves the account."""
    registered(world)
    process.work()
    (made,) = world.subscriptions.live.values()
    assert STATES.account_of(made.client_state) == world.account().key


def test_an_account_is_connecting_meanwhile(world: World, process: Process) -> None:
    """While the mailbox is being opened the account is `connecting`, and watched from then on."""
    seen: list[Account] = []
    world.mailboxes.meanwhile = lambda: seen.append(world.account())
    registered(world)
    process.work()
    assert [(account.state, account.watched_since) for account in seen] == [(AccountState.CONNECTING, START)]


def test_a_job_that_runs_again_changes_nothing(world: World, process: Process) -> None:
    """A job for an account that is connected asks nobody and tells nothing."""
    job = registered(world)
    process.work()
    before = (world.account(), len(world.mailboxes.probed))
    process.connections.run(job)
    assert (world.account(), len(world.mailboxes.probed)) == before
    assert len(said(world)) == 3


@pytest.mark.parametrize("registration", ["gone", "another"])
def test_a_job_for_nobody_does_nothing(world: World, process: Process, registration: str) -> None:
    """A job whose account is gone, or was registered anew since, is dropped."""
    job = registered(world)
    stranger = job.model_copy(update={"incarnation": "another"} if registration == "another" else {"account": "x" * 26})
    process.connections.run(stranger)
    assert (world.mailboxes.probed, world.account().state) == ([], AccountState.NEW)


def test_two_jobs_at_once_leave_one_subscription(world: World) -> None:
    """Jobs that run beside each other, in two processes, make one subscription between them."""
    job = registered(world)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda process: process.connections.run(job), [world.process() for _ in range(4)]))
    world.process().work()
    assert world.account().state is AccountState.CONNECTED
    assert world.subscriptions.created == 1
    assert world.announced() == CONNECTED_EVENTS


@pytest.mark.parametrize("moment", ["opening", "subscribing"])
def test_a_twin_waits_for_the_first(world: World, process: Process, moment: str) -> None:
    """A job that starts while another holds the claim comes again later, and finds the work done."""
    job = registered(world)
    port: Any = world.mailboxes if moment == "opening" else world.subscriptions

    def start_a_twin() -> None:
        port.meanwhile = lambda: None
        world.process().connections.run(job)

    port.meanwhile = start_a_twin
    process.work()
    assert (world.account().state, world.subscriptions.created) == (AccountState.CONNECTED, 1)
    assert [event.event for event in said(world)] == CONNECTED_EVENTS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 13))
def test_a_crash_never_leaves_an_account_behind(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, the account ends connected, with one subscription, and every event is told."""
    registered(world)
    survive(world, at=at, after=after)
    account = world.account()
    assert account.state is AccountState.CONNECTED
    assert account.subscription is not None
    assert world.subscriptions.of(account.user) == [account.subscription.id]
    assert set(world.announced()) == set(CONNECTED_EVENTS)
    assert len(world.announced()) == 3


def test_a_dead_holders_subscription_is_adopted(world: World, process: Process) -> None:
    """After a claim has died, what its holder left behind is taken over, and anything further is ended."""
    account = an_account(state=AccountState.CONNECTING, claim=Claim(holder="dead", until=START))
    world.accounts.insert(account)
    for name in ("left-1", "left-2"):
        live(world, account.model_copy(update={"subscription": a_subscription(name)}))
    queued(world, account, JobKind.CONNECT)
    process.work()
    assert world.account().subscription == a_subscription("left-1")
    assert (world.subscriptions.of(account.user), world.subscriptions.created) == (["left-1"], 0)


def test_without_an_address_the_account_waits(world: World) -> None:
    """Without a service URL Graph cannot call us: the account says so, and connects once one is set."""
    world.set(service_url=None)
    registered(world)
    process = world.process()
    process.work(until=timedelta(seconds=20))
    error = world.account().last_error
    assert error is not None
    assert "serviceUrl" in error.response
    world.set()
    world.process().work()
    assert world.account().state is AccountState.CONNECTED


# --- what fails ---


@pytest.mark.parametrize("port", ["mailboxes", "subscriptions"])
def test_a_transient_failure_is_no_authentication_error(world: World, process: Process, port: str) -> None:
    """What passes by itself is retried with growing waits, shown as connectError, and never announced."""
    getattr(world, port).troubles.add(*[BUSY] * 4)
    registered(world)
    process.work(until=timedelta(seconds=1))
    assert world.account().state is AccountState.CONNECT_ERROR
    process.work()
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in said(world)] == CONNECTED_EVENTS
    again: list[Any] = [line["again"] for line in world.log.named("account.failed")]
    waits = [later - earlier for earlier, later in zip([START, *again], again, strict=False)]
    assert waits == sorted(waits)
    assert waits[0] >= timedelta(seconds=5)


def test_graph_says_how_long_to_wait(world: World, process: Process) -> None:
    """A Retry-After that is longer than our own wait is kept."""
    world.mailboxes.troubles.add(TryLater("Graph is throttled.", timedelta(seconds=100)))
    registered(world)
    process.work(until=timedelta(seconds=1))
    assert world.jobs.waiting()[0].due - START >= timedelta(seconds=100)


def test_a_refused_sign_in_is_told_once_and_mended_by_itself(world: World, process: Process) -> None:
    """A wrong secret is announced once, is asked about hourly, and its end is announced too."""
    world.mailboxes.troubles.add(*[WRONG_SECRET] * 3)
    registered(world)
    process.work(until=timedelta(seconds=1))
    account = world.account()
    assert account.state is AccountState.AUTHENTICATION_ERROR
    assert account.last_error is not None
    assert (account.last_error.code, account.last_error.description) == ("AADSTS7000215", "Set the secret's value.")
    process.work(until=timedelta(hours=4))
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in said(world)] == [
        "accountAdded",
        "authenticationError",
        "authenticationSuccess",
        "accountInitialized",
    ]


def test_another_reason_is_told_again(world: World, process: Process) -> None:
    """A second refusal for another reason is a second announcement, with an id of its own."""
    world.mailboxes.troubles.add(WRONG_SECRET, EXPIRED_SECRET)
    registered(world)
    process.work(until=timedelta(hours=3))
    assert world.announced().count("authenticationError") == 2
    assert world.announced().count("authenticationSuccess") == 1


def test_a_hiccup_does_not_hide_a_refusal(world: World, process: Process) -> None:
    """While a human must mend something, a throttled attempt leaves state and announcement as they are."""
    world.mailboxes.troubles.add(WRONG_SECRET, BUSY, WRONG_SECRET)
    registered(world)
    process.work(until=timedelta(minutes=90))
    account = world.account()
    assert account.state is AccountState.AUTHENTICATION_ERROR
    assert account.last_error is not None
    assert account.last_error.code == "AADSTS7000215"
    assert world.announced() == ["accountAdded", "authenticationError"]


def test_a_fresh_permission_is_waited_for(world: World, process: Process) -> None:
    """Access that was granted a moment ago may be denied at first: two denials are not announced yet."""
    world.mailboxes.troubles.add(NO_CONSENT, NO_CONSENT)
    registered(world)
    process.work()
    assert world.account().state is AccountState.CONNECTED
    assert [event.event for event in said(world)] == CONNECTED_EVENTS


def test_a_lasting_denial_is_told(world: World, process: Process) -> None:
    """The third denial in a row is announced, with what would mend it."""
    world.mailboxes.troubles.add(*[NO_CONSENT] * 3)
    registered(world)
    process.work()
    assert world.account().state is AccountState.AUTHENTICATION_ERROR
    assert said(world)[-1].data == {"response": "Access is denied.", "serverResponseCode": "ErrorAccessDenied"}


def test_an_outage_puts_a_job_off(world: World) -> None:
    """While a table does not answer, the job goes back to the queue and is carried out later."""
    job = registered(world)
    (message,) = world.jobs.take()

    class Silent:
        def get(self, key: str) -> None:
            raise TryLater("Storage is busy.")

    cut_off = world.process(lambda port: Silent() if port is world.accounts else port)
    cut_off.connections.run(job)
    world.jobs.done(message)
    assert world.jobs.bodies() == [job]
    world.process().work()
    assert world.account().state is AccountState.CONNECTED


def test_a_deleted_application_is_a_refusal(world: World, process: Process) -> None:
    """An account whose application is gone says so, and what would mend it."""
    world.apps.delete(APP)
    registered(world)
    process.work(until=timedelta(seconds=1))
    error = world.account().last_error
    assert error is not None
    assert (error.code, error.permanent) == ("AppNotFound", True)


# --- removal and moves ---


def test_a_removed_account_leaves_nothing(world: World, process: Process) -> None:
    """Removal ends the subscription, frees the mailbox, says goodbye and forgets the row."""
    account = world.connected()
    live(world, account)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None
    assert world.folders.get(account.key) is None
    assert world.bindings.bind(account.app, account.user, "ben") == "ben"
    assert [event.event for event in said(world)] == ["accountDeleted"]


def test_an_own_webhook_outlives_its_account(world: World, process: Process) -> None:
    """With a webhook of its own the account is kept, nameless, until the last retry is over; then both go."""
    account = world.connected(webhooks=OWN, email="anna@contoso.com")
    live(world, account)
    headers = world.vault.put("webhook-headers", "{}")
    world.hook(account.webhook, OWN, headers=headers)
    process.accounts.remove("anna")
    process.work()
    left = world.account()
    assert (left.state, left.email, left.subscription) == (AccountState.DELETED, None, None)
    process.work(until=timedelta(days=6))
    assert world.accounts.get(account.key) is None
    assert world.webhooks.get(account.webhook) is None
    assert headers not in world.vault.secrets


@pytest.mark.parametrize("webhooks", [None, OWN], ids=["default webhook", "own webhook"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_never_stops_a_removal(world: World, webhooks: str | None, at: int, *, after: bool) -> None:
    """Whenever the process dies, the subscription ends, the mailbox is free, and accountDeleted is told."""
    account = world.connected(webhooks=webhooks)
    live(world, account)
    if webhooks:
        world.hook(account.webhook, webhooks)
    world.process().accounts.remove("anna")
    survive(world, at=at, after=after)
    assert world.subscriptions.live == {}
    assert world.bindings.bind(account.app, account.user, "ben") == "ben"
    assert world.announced() == ["accountDeleted"]


def test_a_removal_waits_for_graph(world: World, process: Process) -> None:
    """A subscription that cannot be ended now is ended later."""
    account = world.connected()
    live(world, account)
    world.subscriptions.deletion_troubles.add(BUSY, BUSY)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None


def test_a_removal_does_not_need_a_sign_in(world: World, process: Process) -> None:
    """An application that may no longer sign in does not keep its accounts from going."""
    account = world.connected()
    live(world, account)
    world.subscriptions.deletion_troubles.add(WRONG_SECRET)
    process.accounts.remove("anna")
    process.work()
    assert world.accounts.get(account.key) is None
    assert "subscription.abandoned" in world.log.problems()


def test_a_moved_account_ends_its_former_subscription(world: World, process: Process) -> None:
    """An account that watches another mailbox now has one subscription, to that one."""
    old = world.connected(user="old@contoso.com")
    live(world, old)
    former = FormerSubscription(app=old.app, id="subscription-of-anna")
    moved = {"user": "new@contoso.com", "subscription": None, "former_subscriptions": (former,)}
    stored = world.accounts.get(old.key)
    assert stored is not None
    world.accounts.replace(old.model_copy(update=moved), stored.etag)
    queued(world, old, JobKind.RECONNECT)
    process.work()
    account = world.account()
    assert account.former_subscriptions == ()
    assert [made.user for made in world.subscriptions.live.values()] == ["new@contoso.com"]


def test_an_account_removed_while_it_connects_leaves_no_subscription(world: World, process: Process) -> None:
    """A removal that comes while Graph is being asked has the fresh subscription ended."""
    registered(world)
    world.subscriptions.meanwhile = lambda: world.process().accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(an_account().key) is None


# --- Graph's lifecycle ---


def test_a_challenge_is_answered_once(world: World, process: Process) -> None:
    """`reauthorizationRequired` renews the subscription, at most once in ten minutes."""
    account = world.connected()
    live(world, account)
    for minutes in (0, 5, 6):
        world.clock.advance(timedelta(minutes=minutes))
        queued(world, account, JobKind.REAUTHORIZE, "subscription-of-anna")
        process.work(until=timedelta())
    assert world.subscriptions.renewed == ["subscription-of-anna"] * 2
    subscription = world.account().subscription
    assert subscription is not None
    assert subscription.expires == world.clock.now() + WEEK


def test_a_challenge_waits_for_graph(world: World, process: Process) -> None:
    """A renewal that is throttled is made later."""
    account = world.connected()
    live(world, account)
    world.subscriptions.renewal_troubles.add(BUSY)
    queued(world, account, JobKind.REAUTHORIZE, "subscription-of-anna")
    process.work()
    assert world.subscriptions.renewed == ["subscription-of-anna"]


@pytest.mark.parametrize("kind", [JobKind.REAUTHORIZE, JobKind.RECREATE])
def test_a_lost_subscription_is_recreated(world: World, process: Process, kind: JobKind) -> None:
    """A subscription that Graph removed is made anew, whether Graph said so or a renewal found out."""
    account = world.connected()
    queued(world, account, kind, "subscription-of-anna")
    process.work()
    subscription = world.account().subscription
    assert subscription is not None
    assert world.subscriptions.of(account.user) == [subscription.id]
    assert world.account().watched_since == START


@pytest.mark.parametrize("kind", [JobKind.REAUTHORIZE, JobKind.RECREATE])
def test_word_of_another_subscription_changes_nothing(world: World, process: Process, kind: JobKind) -> None:
    """What Graph says of a subscription that the account no longer has is ignored."""
    account = world.connected()
    live(world, account)
    queued(world, account, kind, "another")
    process.work()
    assert world.account() == account
    assert (world.subscriptions.created, world.subscriptions.renewed) == (0, [])


def test_missed_notifications_are_noticed(world: World, process: Process) -> None:
    """`missed` is a problem that an operator sees."""
    queued(world, world.connected(), JobKind.CATCH_UP, "subscription-of-anna")
    process.work()
    assert world.log.problems() == ["notifications.missed"]
