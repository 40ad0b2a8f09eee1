"""Graph falls silent in every way that it is known for, and every message is still found and delivered."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.m365 import samples
from local.stack.errors import StackRefused
from tests.faults.stack import Stack, running

# Younger mail is left to its notification, so what is to be found is delivered as if it had come earlier.
AGE = timedelta(minutes=6)
WATCHED = timedelta(hours=1)
MESSAGES = 10


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose mailboxes have been watched for an hour."""
    with running(tmp_path_factory.mktemp("stack"), mailboxes=2) as started:
        started.settle(240)
        started.watched_for(WATCHED)
        yield started


@pytest.fixture(autouse=True)
def _nothing_is_lost_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").m365.faults(lost=0)


def untold(stack: Stack, *mailboxes: str) -> set[tuple[str, str]]:
    """Deliver messages, to all mailboxes or to some, that Graph tells nobody of; return the events they lead to."""
    places = mailboxes or stack.mailboxes
    stack.m365.faults(lost=1)
    received = (datetime.now(UTC) - AGE).strftime("%Y-%m-%dT%H:%M:%SZ")
    messages = {
        stack.m365.deliver(places[number % len(places)], samples.plain(), received=received)
        for number in range(MESSAGES)
    }
    stack.m365.faults(lost=0)
    stack.settle(240)
    wanted = {("messageNew", message) for message in messages}
    assert not stack.customer.accepted().keys() & wanted
    return wanted


def found(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """Check that each wanted event comes, once, and that no account is disturbed."""
    stack.customer.wait_for(wanted, 240)
    stack.settle(240)
    accepted = stack.customer.accepted()
    assert {accepted[event] for event in wanted} == {1}
    assert not stack.customer.forged()
    assert stack.poisoned() == 0
    assert {account["state"] for account in stack.api.get("/v1/accounts")["accounts"]} == {"connected"}


def subscription_of(stack: Stack, account: str) -> str:
    """Return the id of an account's subscription."""
    return str(stack.api.get(f"/v1/account/{account}")["outlookSubscription"]["id"])


def test_lost_notifications_are_made_good_by_a_sync(stack: Stack) -> None:
    """Where no notification comes at all, a sync delivers every message, once."""
    wanted = untold(stack)
    for account in stack.accounts:
        stack.sync(account)
    found(stack, wanted)


def test_lost_notifications_are_made_good_by_a_sweep(stack: Stack) -> None:
    """The sweep that is due delivers what nobody asked for, shows when it looked, and names the next."""
    wanted = untold(stack)
    before = {account: stack.row(account).next_sweep for account in stack.accounts}
    for account in stack.accounts:
        stack.sweep(account)
    found(stack, wanted)
    for account in stack.accounts:
        assert stack.api.get(f"/v1/account/{account}")["lastSweep"] is not None
        assert stack.row(account).next_sweep != before[account]


@pytest.mark.parametrize("how", ["sync", "sweep"])
def test_what_happens_to_old_mail_in_silence_is_found(stack: Stack, how: str) -> None:
    """A mark on old mail that we never heard of, and a mark and a move of mail that we know, are told, once."""
    place, account = stack.mailboxes[0], stack.accounts[0]
    known = [message.id for message in stack.m365.deliver_many([place], 2, [samples.plain()])]
    stack.customer.wait_for({("messageNew", message) for message in known}, 240)
    old = (datetime.now(UTC) - timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    stack.m365.faults(lost=1)
    stranger = stack.m365.deliver(place, samples.plain(), folder="archive", received=old)
    stack.settle(240)
    marked, moved = known
    stack.m365.set_flag(place, stranger)
    stack.m365.set_flag(place, marked)
    stack.m365.move(place, moved, "archive")
    stack.m365.faults(lost=0)
    wanted = {("messageUpdated", marked), ("messageMoved", moved)}
    assert not stack.customer.accepted().keys() & wanted
    if how == "sync":
        # A sweep leaves mail that nobody knows, and that was touched just now, to its notification.
        wanted.add(("messageUpdated", stranger))
        stack.sync(account)
    else:
        stack.sweep(account)
    found(stack, wanted)


def test_a_subscription_that_is_gone_silently_costs_nothing(stack: Stack) -> None:
    """Where Graph removed the subscription without a word, a sync delivers what came since."""
    stack.m365.remove_subscription(subscription_of(stack, "m0"), silently=True)
    wanted = untold(stack)
    for account in stack.accounts:
        stack.sync(account)
    found(stack, wanted)


def test_a_subscription_that_is_removed_is_made_anew(stack: Stack) -> None:
    """After `subscriptionRemoved` there is another subscription, and what came meanwhile arrives by itself."""
    wanted = untold(stack, stack.mailboxes[1])
    before = subscription_of(stack, "m1")
    stack.m365.remove_subscription(before, silently=False)
    found(stack, wanted)
    assert subscription_of(stack, "m1") != before


def test_what_came_while_the_app_was_down_is_found(stack: Stack) -> None:
    """What came while no process ran, and what Graph gave up telling, a sync delivers."""
    stack.app.kill()
    wanted = untold(stack)
    stack.app.start()
    for account in stack.accounts:
        stack.sync(account)
    found(stack, wanted)


def test_a_tick_queues_what_is_due(stack: Stack) -> None:
    """The timer makes a job of a sweep whose time has come, and the health check tells that it ticked."""
    due = datetime.now(UTC) - timedelta(seconds=1)
    stack.make_due(stack.accounts[0], due)
    until = time.monotonic() + 240
    while not (stack.is_queued(stack.accounts[0], due) and shows_a_tick(stack)):
        # Beside the timer's own tick, which comes every five minutes, one steps back.
        stack.tick()
        assert time.monotonic() < until, "The tick queued nothing."
        time.sleep(0.5)
    # The job waits up to 3 minutes so that accounts spread; nothing comes after this that it could disturb.


def shows_a_tick(stack: Stack) -> bool:
    """Tell whether the health check tells of a tick; where storage takes a second it tells of nothing."""
    try:
        return stack.api.get("/health")["lastTick"] is not None
    except StackRefused:
        return False


def test_without_an_address_the_mailboxes_are_polled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without a `serviceUrl` an account connects, shows that it polls, and its mail arrives within a poll."""
    settings = {"SERVICE_URL": "", "POLL_SECONDS": "10"}
    with running(tmp_path_factory.mktemp("polling"), mailboxes=1, settings=settings) as stack:
        shown = stack.api.get("/v1/account/m0")
        assert (shown["state"], shown["polling"]) == ("connected", True)
        assert stack.m365.subscriptions() == []
        wanted = {("messageNew", message.id) for message in stack.deliver(3)}
        stack.customer.wait_for(wanted, 240)
        assert stack.customer.accepted().keys() == wanted
