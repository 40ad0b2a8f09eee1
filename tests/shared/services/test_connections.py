"""Connections: whatever dies, runs twice or is refused, an account ends connected, with one subscription."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import (
    Account,
    AccountChange,
    AccountState,
    Claim,
    FormerSubscription,
    NewAccount,
    Subscription,
)
from shared.domain.errors import Changed, MailboxRefused, NotAuthenticated, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.tokens import Action, Group, NewToken, Scope
from shared.ports import Stored
from tests.factories import APP, an_account, an_app
from tests.fakes.clock import START
from tests.fakes.microsoft365 import WEEK
from tests.shared.services.world import STATES, Died, Process, World, survive

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
    return world.queue(account, JobKind.CONNECT)


def a_subscription(name: str) -> Subscription:
    """Return a subscription that Graph made a moment ago."""
    return Subscription(id=name, expires=START + WEEK, created=START)


def move(process: Process, user: str, app: str = APP) -> None:
    """Have the account watch another mailbox."""
    moved = {"oauth2": {"provider": app, "auth": {"user": user}}}
    process.accounts.change("anna", AccountChange.model_validate(moved))


def once(port: Any, interfere: Callable[[], object]) -> None:
    """Have *interfere* happen during the next call of *port* to Microsoft."""

    def meanwhile() -> None:
        port.meanwhile = lambda: None
        interfere()

    port.meanwhile = meanwhile


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
    assert [event.event for event in world.said()] == CONNECTED_EVENTS
    assert {event.correlation for event in world.said()} == {account.incarnation}
    assert world.log.named("account.connected")[0]["correlation"] == account.incarnation


def test_events_stand_at_moments_that_a_repetition_has_too(world: World, process: Process) -> None:
    """An account is added when it was registered and initialized since it is watched, however late the job runs."""
    world.mailboxes.troubles.add(BUSY)
    registered(world)
    world.clock.advance(timedelta(minutes=1))
    process.work()
    watched = START + timedelta(minutes=1)
    assert [(event.event, event.at) for event in world.said()] == list(
        zip(CONNECTED_EVENTS, [START, watched, watched], strict=True)
    )


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
    assert seen[0].claim is not None


def test_a_job_that_runs_again_changes_nothing(world: World, process: Process) -> None:
    """A job for an account that is connected asks nobody and tells nothing."""
    job = registered(world)
    process.work()
    before = (world.account(), len(world.mailboxes.probed))
    process.jobs.run(job)
    assert (world.account(), len(world.mailboxes.probed)) == before
    assert len(world.said()) == 3


@pytest.mark.parametrize("registration", ["gone", "another"])
def test_a_job_for_nobody_does_nothing(world: World, process: Process, registration: str) -> None:
    """A job whose account is gone, or was registered anew since, is dropped."""
    job = registered(world)
    stranger = job.model_copy(update={"incarnation": "another"} if registration == "another" else {"account": "x" * 26})
    process.jobs.run(stranger)
    assert (world.mailboxes.probed, world.account().state) == ([], AccountState.NEW)


def test_two_jobs_at_once_leave_one_subscription(world: World) -> None:
    """Jobs that run beside each other, in two processes, make one subscription between them."""
    job = registered(world)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda process: process.jobs.run(job), [world.process() for _ in range(4)]))
    world.process().work()
    assert world.account().state is AccountState.CONNECTED
    assert world.subscriptions.created == 1
    assert world.announced() == CONNECTED_EVENTS


@pytest.mark.parametrize("moment", ["opening", "subscribing"])
def test_a_twin_waits_for_the_first(world: World, process: Process, moment: str) -> None:
    """A job that starts while another holds the claim comes again later, and finds the work done."""
    job = registered(world)
    port: Any = world.mailboxes if moment == "opening" else world.subscriptions

    once(port, lambda: world.process().jobs.run(job))
    process.work()
    assert (world.account().state, world.subscriptions.created) == (AccountState.CONNECTED, 1)
    assert [event.event for event in world.said()] == CONNECTED_EVENTS


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
        world.live(account.model_copy(update={"subscription": a_subscription(name)}))
    world.queue(account, JobKind.CONNECT)
    process.work()
    assert world.account().subscription == a_subscription("left-1")
    assert (world.subscriptions.of(account.user), world.subscriptions.created) == (["left-1"], 0)


def test_a_lost_answer_leaves_one_subscription(world: World, process: Process) -> None:
    """Where Graph subscribed us and the answer got lost, that subscription is found again and kept."""
    registered(world)
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
    registered(world)
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
    assert [event.event for event in world.said()] == CONNECTED_EVENTS
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
    assert [event.event for event in world.said()] == [
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
    assert [event.event for event in world.said()] == CONNECTED_EVENTS


def test_a_lasting_denial_is_told(world: World, process: Process) -> None:
    """The third denial in a row is announced, with what would mend it."""
    world.mailboxes.troubles.add(*[NO_CONSENT] * 3)
    registered(world)
    process.work()
    assert world.account().state is AccountState.AUTHENTICATION_ERROR
    assert world.said()[-1].data == {"response": "Access is denied.", "serverResponseCode": "ErrorAccessDenied"}


def test_an_outage_puts_a_job_off(world: World) -> None:
    """While a table does not answer, the job goes back to the queue and is carried out later."""
    job = registered(world)
    (message,) = world.jobs.take()

    class Silent:
        def get(self, key: str) -> None:
            raise TryLater("Storage is busy.")

    cut_off = world.process(lambda port: Silent() if port is world.accounts else port)
    cut_off.jobs.run(job)
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
    world.live(account)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None
    assert world.folders.get(account.key) is None
    assert world.bindings.bind(account.app, account.user, "ben") == "ben"
    assert [event.event for event in world.said()] == ["accountDeleted"]


@pytest.mark.parametrize("webhooks", [None, OWN], ids=["default webhook", "own webhook"])
def test_tokens_go_with_their_account(world: World, process: Process, webhooks: str | None) -> None:
    """A token that is bound to an account is revoked with it, so another registration is not opened; others stay."""
    account = world.connected(webhooks=webhooks)
    world.connected("ben")
    world.live(account)
    for_anna, for_ben = (
        process.tokens.make(NewToken(description="CRM", account=name))["token"] for name in ("anna", "ben")
    )
    process.accounts.remove("anna")
    process.work()
    world.process().tokens.authorize(for_ben, Scope.API, Action.READ, Group.ACCOUNT, "ben")
    with pytest.raises(NotAuthenticated):
        world.process().tokens.authorize(for_anna, Scope.API, Action.READ, Group.ACCOUNT, "anna")


def test_a_removal_waits_for_what_came_between(world: World) -> None:
    """A row that changes while its removal is being completed is not deleted; the job comes again."""
    account = world.connected()
    world.live(account)
    world.process().accounts.remove("anna")

    class Raced:
        """Has the row change before the first deletion."""

        def __init__(self) -> None:
            self.refusals = 0

        def delete(self, key: str, etag: str) -> None:
            stored = world.accounts.get(key)
            if stored is not None and not self.refusals:
                world.accounts.replace(stored.value, stored.etag)
            try:
                world.accounts.delete(key, etag)
            except Changed:
                self.refusals += 1
                raise

        def __getattr__(self, name: str) -> Any:
            return getattr(world.accounts, name)

    raced = Raced()
    world.process(lambda port: raced if port is world.accounts else port).work()
    assert (raced.refusals, world.accounts.get(account.key)) == (1, None)


def test_an_own_webhook_outlives_its_account(world: World, process: Process) -> None:
    """With a webhook of its own the account is kept, nameless, until the last retry is over; then both go."""
    account = world.connected(webhooks=OWN, email="anna@contoso.com")
    world.live(account)
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
    world.live(account)
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
    world.live(account)
    world.subscriptions.deletion_troubles.add(BUSY, BUSY)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None


def test_a_removal_does_not_need_a_sign_in(world: World, process: Process) -> None:
    """An application that may no longer sign in does not keep its accounts from going."""
    account = world.connected()
    world.live(account)
    world.subscriptions.deletion_troubles.add(WRONG_SECRET)
    process.accounts.remove("anna")
    process.work()
    assert world.accounts.get(account.key) is None
    assert "subscription.abandoned" in world.log.problems()


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
    registered(world)
    world.subscriptions.meanwhile = lambda: world.process().accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(an_account().key) is None


def test_an_account_gone_before_it_is_connected_leaves_no_subscription(world: World, process: Process) -> None:
    """A removal that is over before Graph answers, with the row kept for its webhook, has the subscription ended."""
    registered(world, webhooks=OWN)

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
    process.accounts.register(NewAccount.model_validate(again))
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
    registered(world)
    once(world.subscriptions, lambda: move(world.process(), "new@contoso.com"))
    process.work()
    assert [made.user for made in world.subscriptions.live.values()] == ["new@contoso.com"]
    assert world.account().state is AccountState.CONNECTED


def test_a_removal_looks_for_what_a_dead_process_left(world: World) -> None:
    """A subscription whose process died before it could note it is ended with its account."""
    registered(world)

    class Dying:
        """Subscribes, and does not live to tell."""

        def create(self, *asked: Any) -> None:
            world.subscriptions.create(*asked)
            raise Died

        def __getattr__(self, name: str) -> Any:
            return getattr(world.subscriptions, name)

    dying = Dying()
    doomed = world.process(lambda port: dying if port is world.subscriptions else port)
    (message,) = world.jobs.take()
    with pytest.raises(Died):
        doomed.jobs.run(message.body)
    world.jobs.return_(message)
    assert len(world.subscriptions.live) == 1
    world.process().accounts.remove("anna")
    world.process().work()
    assert (world.subscriptions.live, world.accounts.get(an_account().key)) == ({}, None)


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


def test_a_challenge_is_answered_once(world: World, process: Process) -> None:
    """`reauthorizationRequired` renews the subscription, at most once in ten minutes."""
    account = world.connected()
    world.live(account)
    for minutes in (0, 5, 6):
        world.clock.advance(timedelta(minutes=minutes))
        world.queue(account, JobKind.REAUTHORIZE, subscription="subscription-of-anna")
        process.work(until=timedelta())
    assert world.subscriptions.renewed == ["subscription-of-anna"] * 2
    subscription = world.account().subscription
    assert subscription is not None
    assert subscription.expires == world.clock.now() + WEEK


def test_a_challenge_waits_for_graph(world: World, process: Process) -> None:
    """A renewal that is throttled is made later."""
    account = world.connected()
    world.live(account)
    world.subscriptions.renewal_troubles.add(BUSY)
    world.queue(account, JobKind.REAUTHORIZE, subscription="subscription-of-anna")
    process.work()
    assert world.subscriptions.renewed == ["subscription-of-anna"]


@pytest.mark.parametrize("kind", [JobKind.REAUTHORIZE, JobKind.RECREATE])
def test_a_lost_subscription_is_recreated(world: World, process: Process, kind: JobKind) -> None:
    """A subscription that Graph removed is made anew, whether Graph said so or a renewal found out."""
    account = world.connected()
    world.queue(account, kind, subscription="subscription-of-anna")
    process.work()
    subscription = world.account().subscription
    assert subscription is not None
    assert world.subscriptions.of(account.user) == [subscription.id]
    assert world.account().watched_since == START


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
@pytest.mark.parametrize("kind", [JobKind.REAUTHORIZE, JobKind.RECREATE])
def test_a_crash_never_leaves_an_account_without_subscription(
    world: World, kind: JobKind, at: int, *, after: bool
) -> None:
    """Whenever the process dies that makes a lost subscription anew, the account ends connected, with one."""
    account = world.connected()
    world.queue(account, kind, subscription="subscription-of-anna")
    survive(world, at=at, after=after)
    subscription = world.account().subscription
    assert subscription is not None
    assert world.account().state is AccountState.CONNECTED
    assert world.subscriptions.of(account.user) == [subscription.id]


def test_a_subscription_is_recreated_beside_other_work(world: World) -> None:
    """A row that somebody changes between the two writes of a recreation costs a repetition and no subscription."""
    account = world.connected()
    world.queue(account, JobKind.RECREATE, subscription="subscription-of-anna")

    class Raced:
        """Refuses the second write."""

        def __init__(self) -> None:
            self.writes = 0

        def replace(self, account: Account, etag: str) -> Stored[Account]:
            self.writes += 1
            if self.writes == 2:
                raise Changed("Somebody else was faster.")
            return world.accounts.replace(account, etag)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.accounts, name)

    raced = Raced()
    world.process(lambda port: raced if port is world.accounts else port).work()
    assert raced.writes > 2
    assert len(world.subscriptions.live) == 1
    assert world.account().subscription is not None


@pytest.mark.parametrize("kind", [JobKind.REAUTHORIZE, JobKind.RECREATE])
def test_word_of_another_subscription_changes_nothing(world: World, process: Process, kind: JobKind) -> None:
    """What Graph says of a subscription that the account no longer has is ignored."""
    account = world.connected()
    world.live(account)
    world.queue(account, kind, subscription="another")
    process.work()
    assert world.account() == account
    assert (world.subscriptions.created, world.subscriptions.renewed) == (0, [])


def test_missed_notifications_are_noticed(world: World, process: Process) -> None:
    """`missed` is a problem that an operator sees."""
    world.queue(world.connected(), JobKind.CATCH_UP, subscription="subscription-of-anna")
    process.work()
    assert world.log.problems() == ["notifications.missed"]
