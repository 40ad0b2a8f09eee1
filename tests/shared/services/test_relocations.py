"""Relocations: subscriptions follow our address, without a moment in which nobody calls us."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, Subscription
from shared.domain.errors import Changed, NotReachable
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.jobs import JobKind
from shared.services.quotas import Quotas
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.shared.services.test_quotas import spend
from tests.shared.services.world import BUSY, NO_CONSENT, Process, World, survive

OLD, NEW = "https://relay.example.com", "https://moved.example.com"


def subscribed(world: World, url: str | None = OLD) -> Account:
    """Keep an account whose subscription calls *url*, and have it swept now."""
    made = Subscription(id="old", expires=START + timedelta(days=6), created=START, service_url=url)
    account = world.connected(subscription=made, swept=START, next_sweep=START)
    world.live(account)
    world.queue(account, JobKind.SWEEP, at=START)
    return account


def now_calls(world: World) -> list[str | None]:
    """Return which addresses Graph calls about the mailbox."""
    return [each.subscription.service_url for each in world.subscriptions.live.values()]


def test_subscriptions_follow_our_address(world: World, process: Process) -> None:
    """After `serviceUrl` changes, a sweep has another subscription made, the former ended, and the gap looked at."""
    account = subscribed(world)
    calling: list[int] = []
    world.subscriptions.meanwhile = lambda: calling.append(len(world.subscriptions.live))
    process.settings.change(InstanceSettingsChange(service_url=NEW))
    process.work(until=timedelta(minutes=2))
    assert calling == [1]
    assert world.endpoint.reached == [NEW]
    assert now_calls(world) == [NEW]
    now = world.account()
    assert now.subscription is not None
    assert world.subscriptions.of(account.user) == [now.subscription.id]
    assert (now.former_subscriptions, now.state) == ((), account.state)
    assert [look["asked"] for look in world.log.named("account.swept")] == [True]
    assert world.said() == []


@pytest.mark.parametrize(("url", "setting"), [(OLD, OLD), (None, NEW), (OLD, None)])
def test_what_calls_us_stays(world: World, process: Process, url: str | None, setting: str | None) -> None:
    """A subscription stays that calls our address, whose address nobody told us, or while we have none."""
    subscribed(world, url)
    world.set(service_url=setting)
    process.work(until=timedelta(minutes=2))
    assert list(world.subscriptions.live) == ["old"]
    assert world.subscriptions.created == 0


@pytest.mark.parametrize("port", ["endpoint", "subscriptions"])
@pytest.mark.parametrize("trouble", [NotReachable("Nobody answers."), BUSY, NO_CONSENT])
def test_a_wrong_address_breaks_nothing(world: World, process: Process, port: str, trouble: Exception) -> None:
    """While our new address does not answer, or Graph refuses, the former is called, and a later sweep asks again."""
    account = subscribed(world)
    world.set(service_url=NEW)
    getattr(world, port).troubles.add(trouble)
    process.work(until=timedelta(minutes=2))
    assert list(world.subscriptions.live) == ["old"]
    assert world.account().state is account.state
    assert world.log.problems() == ["subscription.stays"]
    process.go_on(until=timedelta(minutes=40))
    assert now_calls(world) == [NEW]


def test_a_relocation_waits_for_its_turn(world: World, process: Process) -> None:
    """Where the quota is spent, the former subscription is called until it is the account's turn."""
    subscribed(world)
    world.set(service_url=NEW)
    spend(Quotas(world.quotas, world.machine))
    process.work(until=timedelta())
    assert now_calls(world) == [OLD]
    process.work(until=timedelta(minutes=2))
    assert now_calls(world) == [NEW]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 40))
def test_a_crash_leaves_somebody_called(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies that relocates, Graph calls the new address in the end, for a row that knows it."""
    subscribed(world)
    world.set(service_url=NEW)
    survive(world, at=at, after=after)
    world.process().go_on(until=timedelta(minutes=40))
    now = world.account().subscription
    assert now is not None
    assert now.service_url == NEW
    assert now.id in world.subscriptions.live
    assert "old" not in world.subscriptions.live


def test_a_row_that_is_written_meanwhile_is_read_again(world: World) -> None:
    """Somebody else's change of the row costs another write, and no subscription."""
    account = subscribed(world)
    world.set(service_url=NEW)
    raced = Faulty(world.accounts)
    process = world.process(lambda port: raced.port if port is world.accounts else port)
    world.queue(account, JobKind.RELOCATE, subscription="old")
    for message in world.jobs.take():
        if message.body.kind is JobKind.RELOCATE:
            raced.fail("replace", Changed("Somebody was faster."))
            process.jobs.run(message.body)
    assert world.subscriptions.created == 1
    now = world.account().subscription
    assert now is not None
    assert now.service_url == NEW


@pytest.mark.parametrize("change", ["removed", "recreated"])
def test_a_subscription_that_nobody_wants_is_ended(world: World, process: Process, change: str) -> None:
    """A subscription that was made for an account that is gone by then, or has another, is ended again."""
    account = subscribed(world)
    world.set(service_url=NEW)

    def meanwhile() -> None:
        world.subscriptions.meanwhile = lambda: None
        others: dict[str, Any] = {"subscription": None}
        if change == "removed":
            process.accounts.remove("anna")
        else:
            world.rewrite(account, **others)

    world.subscriptions.meanwhile = meanwhile
    job = world.queue(account, JobKind.RELOCATE, subscription="old")
    process.jobs.run(job)
    assert NEW not in now_calls(world)
