"""Renewals: a subscription never runs out, whoever forgets it, and is never renewed twice for nothing."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.client_state import ClientStates
from shared.domain.due import DueKind
from shared.domain.errors import Changed, TryLater
from shared.domain.jobs import Job, JobKind
from shared.ports.records import Stored
from tests.factories import a_message, an_account
from tests.fakes.clock import START
from tests.fakes.microsoft365 import WEEK
from tests.shared.services.world import BUSY, NO_CONSENT, WRONG_SECRET, Process, World, survive

HOUR = timedelta(hours=1)


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


# --- by the due index ---


def expiring(world: World, hours: float) -> Account:
    """Keep an account whose subscription ends in some hours, which Graph knows."""
    ends = Subscription(id="subscription-of-anna", expires=START + hours * HOUR, created=START)
    account = world.connected(subscription=ends)
    world.live(account)
    return account


@pytest.mark.parametrize(("chance", "ahead"), [(0.0, 48), (0.5, 60), (1.0, 72)])
def test_a_renewal_is_due_days_ahead(world: World, process: Process, chance: float, ahead: int) -> None:
    """Once an account is subscribed, its renewal is due 48 to 72 hours before the end, by chance."""
    world.randomness.chance = chance
    world.registered()
    process.work(until=timedelta(seconds=1))
    (due,) = [due for due in world.due.all() if due.kind is DueKind.RENEW]
    assert (due.subject, due.at) == (world.account().key, START + WEEK - ahead * HOUR)


def test_accounts_imported_at_once_are_renewed_over_a_day(world: World, process: Process) -> None:
    """Ten thousand accounts that were subscribed in one moment are due evenly over 24 hours."""
    ends = Subscription(id="subscription", expires=START + WEEK, created=START)
    for number in range(10_000):
        world.randomness.chance = number * 0.618 % 1
        process.jobs.renewals.schedule(an_account(f"account-{number}"), ends)
    by_hour = Counter(due.at.replace(minute=0, second=0, microsecond=0) for due in world.due.all())
    assert len(by_hour) in {24, 25}
    assert max(by_hour.values()) < 10_000 / 24 * 1.1


def test_a_subscription_is_renewed_for_good(world: World, process: Process) -> None:
    """Month after month the subscription is renewed, twice in about nine days, and never made anew."""
    world.registered()
    process.work(until=timedelta(seconds=1))
    for _ in range(30 * 4):
        world.clock.advance(6 * HOUR)
        process.timers.tick()
        process.work(until=timedelta(minutes=5))
    assert world.subscriptions.created == 1
    assert 6 <= len(world.subscriptions.renewed) <= 8
    (due,) = [due for due in world.due.all() if due.kind is DueKind.RENEW]
    assert due.at > world.clock.now()


@pytest.mark.parametrize(("hours", "renewed"), [(71, 1), (73, 0)])
def test_an_early_renewal_is_not_made(world: World, process: Process, hours: int, renewed: int) -> None:
    """A job that finds the end more than 72 hours away, because it ran already, asks nobody."""
    world.queue(expiring(world, hours), JobKind.RENEW)
    process.work(until=timedelta(minutes=1))
    assert len(world.subscriptions.renewed) == renewed


def test_a_job_that_runs_twice_renews_once(world: World, process: Process) -> None:
    """Two jobs for one renewal are one PATCH."""
    account = expiring(world, 60)
    for _ in range(2):
        world.queue(account, JobKind.RENEW)
    process.work(until=timedelta(minutes=1))
    assert world.subscriptions.renewed == ["subscription-of-anna"]


def test_graph_says_when_to_renew(world: World, process: Process) -> None:
    """A renewal that is throttled is put back for as long as Graph asks."""
    world.subscriptions.renewal_troubles.add(TryLater("Graph is throttled.", timedelta(seconds=99)))
    job = world.queue(expiring(world, 60), JobKind.RENEW)
    process.work(until=timedelta(seconds=1))
    (message,) = world.jobs.waiting()
    assert (message.body, message.due) == (job, START + timedelta(seconds=99))


@pytest.mark.parametrize("refusal", [WRONG_SECRET, NO_CONSENT])
def test_a_refused_renewal_goes_to_the_connection(world: World, process: Process, refusal: Exception) -> None:
    """A refusal has the connection find out, which tells it; the renewal is made once that is mended."""
    account = expiring(world, 60)
    world.subscriptions.renewal_troubles.add(refusal)
    world.mailboxes.troubles.add(WRONG_SECRET)
    world.queue(account, JobKind.RENEW)
    process.work(until=timedelta(minutes=1))
    assert world.account().state is AccountState.AUTHENTICATION_ERROR
    process.work(until=3 * HOUR)
    assert (world.account().state, world.subscriptions.renewed) == (AccountState.CONNECTED, ["subscription-of-anna"])


def test_what_came_without_a_subscription_is_caught_up(world: World, process: Process) -> None:
    """Where Graph has forgotten the subscription, another is made, and the mail of the time between is told."""
    account = world.connected()
    world.history.deliver(a_message(received=START, created=START))
    world.clock.advance(timedelta(minutes=6))
    world.queue(account, JobKind.REAUTHORIZE, subscription="subscription-of-anna")
    process.work(until=timedelta(minutes=1))
    process.expand_queued()
    assert world.subscriptions.created == 1
    assert world.sender.events() == ["messageNew"]


def test_a_subscription_follows_its_key(world: World, process: Process) -> None:
    """Where another key signs now, a subscription is made anew instead of renewed, and the former one is ended."""
    account = expiring(world, 60)
    stored = world.accounts.get(account.key)
    assert stored is not None
    rotated = ClientStates({"k2": b"n" * 32, "k1": b"k" * 32})
    renewals = replace(process.jobs.renewals, client_states=rotated)
    renewals.renew(stored, Job(kind=JobKind.RENEW, account=account.key, incarnation=account.incarnation))
    process.work(until=timedelta(minutes=1))
    subscription = world.account().subscription
    assert subscription is not None
    assert world.subscriptions.of(account.user) == [subscription.id]
    assert (world.subscriptions.created, world.subscriptions.renewed) == (1, [])


def test_a_subscription_whose_key_was_dropped_is_made_anew_at_once(world: World, process: Process) -> None:
    """Where nobody believes what a subscription says any more, the next sweep has it made anew, and catches up."""
    ends = Subscription(id="deaf", expires=START + WEEK, created=START, signed_with="dropped")
    world.live(world.connected(subscription=ends, next_sweep=START))
    world.history.deliver(a_message(received=START, created=START))
    world.clock.advance(timedelta(minutes=6))
    world.queue(world.account(), JobKind.SWEEP, at=START)
    process.work(until=timedelta(minutes=1))
    process.expand_queued()
    subscription = world.account().subscription
    assert subscription is not None
    assert subscription.signed_with == "k1"
    assert world.subscriptions.of(world.account().user) == [subscription.id]
    assert world.sender.events() == ["messageNew"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_never_loses_a_renewal(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies that renews, the subscription is renewed, and its next renewal is due."""
    world.queue(expiring(world, 60), JobKind.RENEW)
    survive(world, at=at, after=after)
    subscription = world.account().subscription
    assert subscription is not None
    assert subscription.expires == START + WEEK
    assert START + WEEK - 60 * HOUR in [due.at for due in world.due.all()]


def test_a_subscription_that_ends_soon_is_renewed_soon(world: World, process: Process) -> None:
    """A subscription that was adopted shortly before its end is renewed by the next tick."""
    process.timers.tick()
    account = expiring(world, 30)
    world.clock.advance(timedelta(minutes=40))
    assert account.subscription is not None
    process.jobs.renewals.schedule(account, account.subscription)
    world.clock.advance(timedelta(minutes=5))
    process.timers.tick()
    process.work(until=timedelta(minutes=5))
    assert world.subscriptions.renewed == ["subscription-of-anna"]


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_a_short_subscription_is_renewed_in_time(world: World, process: Process, chance: float) -> None:
    """Where a cloud allows 4,230 minutes, a subscription is renewed hours after it was made, not at once or late."""
    world.randomness.chance = chance
    account = world.connected(subscription=None)
    short = Subscription(id="short", expires=START + timedelta(minutes=4230), created=START)
    process.relay.jobs.renewals.schedule(account, short)
    (due,) = world.due.all()
    assert timedelta(hours=12) < due.at - START
    assert timedelta(hours=40) < short.expires - due.at <= timedelta(hours=72)
