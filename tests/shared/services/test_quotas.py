"""Quotas kept over all processes: never more than Graph allows, and nobody waits longer than that takes."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import QuotaSpent, TryLater
from shared.domain.jobs import JobKind
from shared.domain.quotas import LIMITS, WINDOW, CallKind
from shared.services.quotas import Quotas
from tests.factories import an_account, an_app
from tests.fakes.clock import START
from tests.fakes.counted import Counted
from tests.fakes.faults import Faulty
from tests.fakes.stores import FakeQuotaStore
from tests.shared.services.world import BUSY, Process, World

A_WINDOW = LIMITS[CallKind.WRITE].in_tenant
GRAPH_WINDOW = timedelta(seconds=20)
GRAPH_QUOTA = 500
APP = an_app()


def quotas(world: World, store: FakeQuotaStore | None = None) -> Quotas:
    """Return what a process of its own spends."""
    return Quotas(store or world.quotas, world.machine)


def spend(each: Quotas, kind: CallKind = CallKind.WRITE, most: int = 1000) -> int:
    """Spend what there is, and return how much that was."""
    for number in range(most):
        try:
            each.spend(APP, kind)
        except QuotaSpent:
            return number
    return most


def test_one_call_costs_one_reservation(world: World) -> None:
    """A process with little to do reads and writes the row once for a call; one with much takes up to 25 at once."""
    quotas(world).spend(APP, CallKind.WRITE)
    assert (world.quotas.reads, world.quotas.writes) == (1, 1)
    assert spend(quotas(world), most=60) == 60
    assert world.quotas.reads == world.quotas.writes <= 12


def test_processes_share_a_window(world: World) -> None:
    """Several processes together spend a window to its last call and no further, and the next one again."""
    processes = [quotas(world) for _ in range(4)]
    for _ in range(3):
        some = sum(spend(each, most=15) for each in processes)
        assert some + sum(spend(each) for each in processes) == A_WINDOW
        assert spend(quotas(world)) == 0
        world.clock.advance(WINDOW)
    assert spend(quotas(world)) == A_WINDOW


def test_tenants_have_quotas_of_their_own(world: World) -> None:
    """A tenant's spent quota holds up no other, until the application's over all tenants is spent."""
    each = quotas(world)
    apps = [an_app(tenant=f"tenant-{number}") for number in range(6)]
    spent = []
    for app in apps:
        number = 0
        try:
            while True:
                each.spend(app, CallKind.WRITE)
                number += 1
        except QuotaSpent:
            spent.append(number)
    assert spent[0] == spent[1] == A_WINDOW
    assert sum(spent) == LIMITS[CallKind.WRITE].over_all


def test_kinds_are_counted_apart(world: World) -> None:
    """What is spent on lists, which Graph allows few of, leaves writes."""
    each = quotas(world)
    assert spend(each, CallKind.LIST) == LIMITS[CallKind.LIST].in_tenant
    assert spend(each) == A_WINDOW


def test_turns_follow_each_other(world: World) -> None:
    """Whoever is refused comes back in turn, a window's worth in each window, whichever process refused him."""
    processes = [quotas(world) for _ in range(3)]
    while sum(spend(each) for each in processes):
        pass
    turns: Counter[int] = Counter()
    for number in range(270):
        with pytest.raises(QuotaSpent) as caught:
            processes[number % 3].spend(APP, CallKind.WRITE)
        turns[(world.clock.now() + caught.value.turn - START) // WINDOW] += 1
    assert max(turns.values()) <= A_WINDOW
    assert max(turns) <= 270 // A_WINDOW + 2


def test_a_spent_window_is_told_once(world: World) -> None:
    """The log says once a window and process that a quota is spent, and how many wait."""
    each = quotas(world)
    spend(each)
    spend(each)
    assert [line.name for line in world.log.lines] == ["quota.spent"]


def test_a_crowd_is_asked_to_wait(world: World) -> None:
    """A process that never gets to write the row gives up for a moment, and one without storage says so."""

    class Crowded(FakeQuotaStore):
        """Is always a step ahead."""

        def get(self, scope: str) -> None:
            """Know of nothing."""

    world.randomness.chance = 0.001
    store = Crowded()
    spend(quotas(world, store), most=1)
    with pytest.raises(TryLater, match="Too many processes"):
        quotas(world, store).spend(APP, CallKind.WRITE)
    broken = Faulty(FakeQuotaStore())
    broken.fail("get", BUSY)
    with pytest.raises(TryLater, match="throttled"):
        quotas(world, broken.port).spend(APP, CallKind.WRITE)


def exhaust(world: World) -> None:
    """Have another process spend the window."""
    spend(quotas(world))


def test_an_account_waits_for_its_turn(world: World, process: Process) -> None:
    """Where the quota is spent an account is `connecting`, told as added, watched, and no try is counted."""
    exhaust(world)
    world.registered()
    process.work(until=timedelta())
    waiting = world.account()
    assert (waiting.state, waiting.attempts, waiting.last_error) == (AccountState.CONNECTING, 0, None)
    assert (waiting.watched_since, waiting.claim) == (START, None)
    assert world.announced() == ["accountAdded"]
    assert (world.subscriptions.created, world.mailboxes.probed) == (0, [])
    process.work(until=timedelta(minutes=1))
    assert world.account().state is AccountState.CONNECTED
    assert world.announced().count("accountAdded") == 1


def test_a_long_wait_is_caught_up(world: World, process: Process) -> None:
    """Mail that came while an account waited for its turn is looked for as soon as it is connected."""
    spend(quotas(world))
    for _ in range(30 * A_WINDOW):
        with pytest.raises(QuotaSpent):
            quotas(world).spend(APP, CallKind.WRITE)
    world.registered()
    process.work(until=timedelta())
    (put_back,) = world.jobs.waiting()
    assert put_back.due - START > timedelta(minutes=2)
    world.clock.advance(put_back.due - START)
    (message,) = world.jobs.take()
    process.jobs.run(message.body)
    assert JobKind.CATCH_UP in [job.kind for job in world.jobs.bodies()]


def test_a_renewal_and_a_removal_wait_for_their_turn(world: World, process: Process) -> None:
    """What is renewed or ended while the quota is spent is so a little later, and once."""
    anna, ben = world.connected(), world.connected("ben")
    world.live(anna)
    world.live(ben)
    exhaust(world)
    world.queue(anna, JobKind.REAUTHORIZE, subscription="subscription-of-anna")
    process.accounts.remove("ben")
    process.work(until=timedelta())
    assert (world.subscriptions.renewed, len(world.subscriptions.live)) == ([], 2)
    process.work(until=timedelta(minutes=1))
    assert world.subscriptions.renewed == ["subscription-of-anna"]
    assert list(world.subscriptions.live) == ["subscription-of-anna"]
    assert world.log.problems() == []


def import_all(world: World, processes: list[Process], number: int) -> Iterator[None]:
    """Register *number* accounts at once, and have the processes connect them, some seconds at a time."""
    for name in range(number):
        account = an_account(f"account-{name}")
        world.accounts.insert(account)
        world.queue(account, JobKind.CONNECT)
    while True:
        for each in processes:
            # A process works on some 16 messages at a time, a quarter of a second each.
            for message in world.jobs.take(most=64):
                each.jobs.run(message.body)
                world.jobs.done(message)
        world.clock.advance(timedelta(seconds=1))
        yield


def test_an_import_stays_within_the_quota(world: World) -> None:
    """
    3,000 accounts registered at once are connected by four processes about as fast as the quota allows.

    In no 20 seconds are there more writes than Graph allows, and a job is put back about once, not over and over.
    """
    number, counted = 3_000, Counted()
    chance = random.Random(1)  # noqa: S311  jitter, the same each time
    world.randomness.fraction = chance.random  # type: ignore[method-assign]  real jitter, the same each time
    moments = []
    world.subscriptions.meanwhile = lambda: moments.append(world.clock.now())
    processes = [world.process(counted.over) for _ in range(4)]
    for _ in import_all(world, processes, number):
        if len(moments) == number:
            break
        assert world.clock.now() - START < 1.1 * WINDOW * number / A_WINDOW
    assert world.subscriptions.created == number
    recent = 0
    for last, moment in enumerate(moments):
        while moments[recent] <= moment - GRAPH_WINDOW:
            recent += 1
        assert last - recent < GRAPH_QUOTA
    # A job more for each that waited; the first look at its mailbox shares a message with those of others.
    assert counted.calls["FakeJobQueue.put"] < 1.1 * number
    assert counted.calls["FakeJobQueue.put_together"] <= number
    assert counted.calls["FakeQuotaStore.get"] < 0.3 * number
    assert counted.calls["FakeAccountStore.replace"] < 3 * number
